"""A headless Chromium, for the tests of pages, the benchmark of the panel and the pictures of the README."""

import shutil
from contextlib import contextmanager

from playwright.sync_api import sync_playwright

# It has no screen, may be the superuser's, and asks the network for nothing of its own.
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


def program():
    """Where Chromium is; None if it is not here."""
    names = ("chromium", "google-chrome", "chromium-browser")
    return next((path for name in names if (path := shutil.which(name))), None)


@contextmanager
def chromium():
    """Start Chromium; its event loop ends with it, since others may run loops of their own."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program(), args=ARGUMENTS)
        yield started
        started.close()
