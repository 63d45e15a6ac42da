"""Loops end whatever the numbers are: none hangs on a standard deviation or a sum that rounding made."""

import subprocess
import sys

import pytest

BEGIN = "import numpy as np\nfrom gymlab.patterns.significance.surrogates import states_of\n"

LOOPS = {
    "a constant beside what varies less than rounding": """
rows = np.full((2000, 2), 0.1, dtype=np.float32)
rows[:, 1] = np.where(np.arange(2000) % 3, np.float32(0.1), np.nextafter(np.float32(0.1), np.float32(1)))
rows = np.column_stack([rows, np.arange(2000) % 7 * np.float32(1e-9)])
states = states_of(rows)
assert len(np.unique(states)) > 1
""",
    "many constants": """
rng = np.random.default_rng(0)
for seed in range(50):
    n = int(rng.integers(500, 3000))
    rows = np.tile(rng.random(3).astype(np.float32), (n, 1))
    rows[:, 0] = rows[0, 0] + np.clip(rng.normal(0, 1e-3, n), -1e-3, 1e-3).astype(np.float32)
    states_of(rows)
""",
    "the largest and the least numbers": """
rng = np.random.default_rng(0)
most, least = np.finfo(np.float32).max, np.finfo(np.float32).smallest_subnormal
for values in ([most, -most, 0.0], [least, -least, 0.0], [most, np.nextafter(most, 0), least]):
    states_of(rng.choice(np.array(values, dtype=np.float32), (2000, 2)).cumsum(axis=0) * 0 + \
        rng.choice(np.array(values, dtype=np.float32), (2000, 2)))
""",
    "medoids nearer to one another than the rounding of their sums": """
from scipy.spatial.distance import pdist
from gymlab.clustering import kmedoids
for seed in range(30):
    rng = np.random.default_rng(seed)
    n, far, near = int(rng.integers(20, 350)), 10.0 ** rng.integers(0, 8), 10.0 ** rng.integers(-12, -3)
    points = rng.normal(0, far, (5, 3))[rng.integers(0, 5, n)] + rng.normal(0, near, (n, 3))
    found = kmedoids(pdist(points).astype(np.float32), 5, seed=seed)
    assert found.loss <= found.start_loss
""",
}


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_ends(name):
    subprocess.run([sys.executable, "-c", BEGIN + LOOPS[name]], check=True, timeout=200)
