"""`python -m trainer`."""

import os
import signal
import sys

from trainer.cli import main

if "WORLD_SIZE" not in os.environ:
    # transformers imports accelerate wherever it is installed; one process has no use for it.
    sys.modules["accelerate"] = None  # type: ignore[assignment]
# While a stage is not listening itself, there is nothing to save.
signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
raise SystemExit(main(sys.argv[1:]))
