"""Pet Lens: builds the page and launches it."""

import os
import sys

# Read by the libraries at their import: nobody is told that the app runs, and nothing is looked up.
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

from core.errors import PetLensError
from demo.page import build_page, launch_options, warm_up

try:
    app = build_page()
    options = launch_options()
except PetLensError as error:  # a setting of the host's
    sys.exit(f"Pet Lens cannot start: {error}")

if __name__ == "__main__":
    warm_up()
    app.launch(**options)
