"""What several test modules share: a browser, and what an absent service means."""

import os
import sys

import pytest
from in_chromium import chromium, program


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
