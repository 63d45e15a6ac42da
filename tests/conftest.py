"""What several test modules share: a browser, and what an absent service means."""

import os
import shutil
import sys

import pytest


def absent(what):
    """Skip for want of a service; in CI its absence is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not here, and in CI it has to be")
    pytest.skip(f"{what} is not here")


@pytest.fixture(autouse=True)
def no_remembered_matrices():
    """A test computes its distances itself: what it says of progress or cancelling must not hang on its neighbours."""
    if (matrices := sys.modules.get("gymlab.patterns.clustering.matrices")) is not None:
        matrices.matrix_cache().clear()


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; its event loop ends with the module, since other tests run loops of their own."""
    path = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if path is None:
        absent("Chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=path,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--no-first-run",
            ],
        )
        yield started
        started.close()
