"""What gymlab needs it asks for: it works without what only the tests, the tools or an extra bring along."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# Modules of other distributions are not found, as where only gymlab was installed.
WORK = """
import importlib, pkgutil, sys

sys.modules.update(dict.fromkeys(ABSENT))

import gymlab
for module in pkgutil.walk_packages(gymlab.__path__, "gymlab."):
    # These ask for an extra.
    extras = ("distance.gpu_tiles", "distance.kernels.gpu", "runtime.postgres", "runtime.shared_cache")
    if not module.name.startswith(("gymlab.__main__", *(f"gymlab.{name}" for name in extras))):
        importlib.import_module(module.name)

from gymlab.runtime import background
from gymlab.workbench import figures
from gymlab.workbench.widgets import TreeExplorer

log = gymlab.select_actions(gymlab.read_actions(gymlab.sample_path()), agent=["GTFT", "Alternator"])
extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(hop=40, n_surrogates=9, n_resamples=5))
TreeExplorer(extraction)
figures.patterns(extraction, barycenters=True)

async def store():
    database = gymlab.Database("sqlite+aiosqlite:///:memory:")
    async with database.session() as session:
        await session.connection()
    await database.aclose()

background.run(store())
print("done")
"""


def wanted(name, extras=(), seen=None):
    """Distributions that come with one, its extras included; each by its canonical name."""
    seen = set() if seen is None else seen
    if (key := (canonicalize_name(name), frozenset(extras))) not in seen:
        seen.add(key)
        for text in requires(name) or []:
            one = Requirement(text)
            if one.marker is None or any(one.marker.evaluate({"extra": extra}) for extra in extras or ("",)):
                try:
                    wanted(one.name, one.extras, seen)
                except PackageNotFoundError:
                    continue  # for another platform
    return seen


@pytest.mark.slow
def test_it_works_without_what_it_does_not_ask_for():
    # numba-cuda puts itself in numba's place when Python starts, and cannot be taken away after.
    asked = {name for name, _ in wanted("gymlab")} | {"numba-cuda"}
    absent = {
        module
        for module, distributions in packages_distributions().items()
        if not {canonicalize_name(one) for one in distributions} & asked
    }
    assert {"pytest", "playwright", "distributed"} <= absent
    done = subprocess.run(
        [sys.executable, "-c", f"ABSENT = {absent!r}\n{WORK}"], capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr[-2000:]
