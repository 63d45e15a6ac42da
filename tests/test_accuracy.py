"""The claim that the patterns are the same: ties do not decide it, other distances do."""

import random

import numpy as np
import pytest
from made import action

import gymlab
from gymlab.actions import frame_from_records
from gymlab.workbench import measure
from gymlab.workbench.measure import accuracy

# tslearn compiles its distances once for both.
pytestmark = pytest.mark.slow

KINDS = 7


def categories():
    """Sessions of categories alone, in turn or at random: of their distances many are equal."""
    rng = random.Random(2)  # noqa: S311 - of a test
    return frame_from_records(
        [
            action(
                step,
                f"act{rng.randrange(KINDS) if session % 2 == 0 else step % KINDS}",
                agent=f"a{session % 4}",
                session=f"s{session}",
                decision_context=f"c{rng.randrange(KINDS)}",
            )
            for session in range(12)
            for step in range(60)
        ]
    )


@pytest.fixture(scope="module")
def extraction():
    return gymlab.extract_patterns(categories(), gymlab.ExtractionConfig(n_surrogates=0, n_resamples=0))


def test_distances_that_are_equal_are_equal_on_both_sides(extraction):
    (claim,) = measure.measure_accuracy(extraction).claims
    assert (claim.verdict, claim.low, claim.high) == ("held", 1, 1)


def test_what_is_taken_as_equal_hardly_moves():
    """However many distances there are: none is drawn along by its neighbours."""
    rng = np.random.default_rng(0)
    exact = np.concatenate([rng.uniform(0, 1, 20_000), rng.uniform(0.5, 0.501, 20_000), np.repeat(0.25, 99)])
    ours, theirs = accuracy._ties_alike(exact.astype(np.float32), exact)
    assert np.abs(theirs - exact).max() <= 1e-9
    assert np.abs(ours - exact).max() <= 3e-6
    assert set(ours[-99:]) == set(theirs[-99:]) == {0.25}
    apart = np.array([0.0, 0.5, 1.0])
    far = (apart + np.array([0, 1e-5, 0])).astype(np.float32)
    np.testing.assert_array_equal(accuracy._ties_alike(far, apart)[0], far)


def test_other_distances_give_other_patterns(extraction, monkeypatch):
    original = accuracy.matrix_of

    def shaken(part):
        exact = original(part)
        return (exact * np.random.default_rng(0).uniform(0.5, 1.5, len(exact))).astype(np.float32)

    monkeypatch.setattr(accuracy, "matrix_of", shaken)
    (claim,) = measure.measure_accuracy(extraction).claims
    assert claim.verdict == "failed"
    assert claim.low < 0.9
