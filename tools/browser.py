"""Chromium or Chrome, for what prints the pages."""

import os
import shutil
import subprocess

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome",
         "/Applications/Chromium.app/Contents/MacOS/Chromium",
         "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")  # fmt: skip
FLAGS = ["--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", *(["--no-sandbox"] if hasattr(os, "getuid") and os.getuid() == 0 else [])]  # fmt: skip


def path():
    """The first that runs, or None; CHROMIUM=/path/to/chromium names one that is not found by itself."""
    for name in filter(None, (os.environ.get("CHROMIUM"), *NAMES)):
        found = shutil.which(name)
        if found and subprocess.run([found, "--version"], capture_output=True).returncode == 0:
            return found
    return None
