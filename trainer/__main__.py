"""`python -m trainer`."""

import os
import signal
import sys

from trainer.cli import main

# While a stage is not listening itself, there is nothing to save.
signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
raise SystemExit(main(sys.argv[1:]))
