"""Where Chromium is, and what to install where it is not."""

import os
import shutil
from pathlib import Path

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_APPS = ("Chromium.app/Contents/MacOS/Chromium", "Google Chrome.app/Contents/MacOS/Google Chrome")
MISSING = """\
The browser tests need Chromium (or Chrome), and none was found. Install it:
  Debian:  sudo apt-get install chromium
  Ubuntu:  sudo snap install chromium
  macOS:   brew install --cask chromium
or name an executable: CHROMIUM=/path/to/chromium make test"""


def find() -> str | None:
    """The executable to drive: $CHROMIUM if set, else the first of the usual names, else None."""
    named = os.environ.get("CHROMIUM")
    if named:
        return shutil.which(named)
    on_path = (shutil.which(command) for command in COMMANDS)
    apps = (str(Path("/Applications", app)) for app in MAC_APPS if Path("/Applications", app).exists())
    return next((path for path in (*on_path, *apps) if path), None)
