#!/usr/bin/env python
"""Django's command line for Tutelage."""

import os
import sys

from django.core.management import execute_from_command_line

from tutelage.rehearsal import place

if __name__ == "__main__":
    if sys.argv[1:2] == ["rehearse"]:
        # Settings are read once: a rehearsal's own folder must be in place before them.
        place.throw_away(place.kept_by(sys.argv))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutelage.settings")
    execute_from_command_line(sys.argv)
