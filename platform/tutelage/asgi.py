"""The ASGI application that uvicorn serves."""

import gc
import os

import django

from tutelage.serving import Site

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutelage.settings")
django.setup(set_prefix=False)
application = Site()
# What is loaded by now stays for good; looking through it again and again would be a part of every page's time.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
