"""What several test modules share: a browser, and what an absent service means."""

import os
import signal
import sys

import pytest
from in_chromium import chromium, program


def pytest_configure():
    """Let signals do what they do to a program in a terminal, also where the suite runs in the background.

    A shell starts what runs in the background with interrupts ignored, and every process that tests start inherits
    that: a test that interrupts would wait for ever.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def absent(what):
    """Skip for want of a service; in CI its absence is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"{what} is not here, and in CI it has to be")
    pytest.skip(f"{what} is not here")


@pytest.fixture(autouse=True)
def no_remembered_matrices():
    """A test computes its distances itself: what it says of progress or cancelling must not hang on its neighbours."""
    if (matrices := sys.modules.get("gymlab.clustering.pairwise_cache")) is not None:
        matrices.matrix_cache().clear()


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium."""
    if program() is None:
        absent("Chromium")
    with chromium() as started:
        yield started
