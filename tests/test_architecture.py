"""The layers: nothing imports upward, a package has no circles, imports cost what they may, kernels come from disk."""

import ast
import graphlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gymlab

ROOT = Path(gymlab.__file__).parent
LAYERS = {
    "arguments": 0,
    "budget": 0,
    "settings": 0,
    "errors": 0,
    "events": 0,
    "db_models": 0,
    "renamed": 0,
    "distance": 1,
    "entropy": 1,
    "runtime": 1,
    "actions": 2,
    "clustering": 2,
    "principles": 3,
    "patterns": 4,
    "gym": 5,
    "workbench": 6,
    "cli": 7,
    "__main__": 8,
}
# Too long for one idea; a longer one has two.
MOST_LINES = 400


def modules():
    for path in sorted(ROOT.rglob("*.py")):
        name = ".".join(("gymlab", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
        if name != "gymlab":
            yield name, path


def imports(path):
    """Modules of gymlab that a file imports, anywhere in it and for type checkers too."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = dict(modules())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("gymlab."))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "gymlab":
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                yield deeper if deeper in known else node.module


def layer(module):
    return LAYERS[module.split(".")[1]]


@pytest.mark.parametrize(("module", "path"), list(modules()))
def test_nothing_imports_upward(module, path):
    for imported in imports(path):
        if imported == "gymlab":
            continue
        assert layer(imported) <= layer(module), f"{module} imports {imported}"
        if layer(imported) == layer(module) > 0:  # the lowest layer is one package
            assert imported.split(".")[1] == module.split(".")[1], (
                f"{module} imports its neighbour {imported}"
            )


def test_no_circles():
    graph = {name: set(imports(path)) - {name, "gymlab"} for name, path in modules()}
    list(graphlib.TopologicalSorter(graph).static_order())


@pytest.mark.parametrize(("module", "path"), list(modules()))
def test_a_module_is_short(module, path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MOST_LINES, module


def test_the_oracles_never_import_what_they_judge():
    for path in Path(__file__).parent.glob("naive*.py"):
        assert "gymlab" not in "".join(
            line
            for line in path.read_text(encoding="utf-8").splitlines()
            if "import" in line and '"""' not in line
        )


def python(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_import_is_lazy():
    loaded = python("import sys, gymlab; print(*sys.modules)").split()
    assert not {"numpy", "pandas", "numba", "pydantic", "plotly"} & set(loaded)
    loaded = python("import sys, gymlab.distance; print(*sys.modules)").split()
    assert not {"tslearn", "pandas", "plotly", "sklearn", "sqlmodel"} & set(loaded)
    extraction = python("import sys; from gymlab import extract_patterns; print(*sys.modules)").split()
    assert not {"tslearn", "plotly", "sklearn", "sqlmodel", "papermill"} & set(extraction)


def test_every_public_name_is_there():
    for name in gymlab.__all__:
        assert getattr(gymlab, name) is not None
    assert set(gymlab.__all__) <= set(dir(gymlab))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        gymlab.nothing  # noqa: B018


def test_kernels_come_from_the_disk_cache_in_the_second_process():
    code = (
        "import numpy as np\n"
        "from gymlab.distance import dtw, dtw_cross, dtw_neighbors, dtw_pairs, dtw_pairwise, dtw_path\n"
        "from gymlab.distance.kernels import loops, search_computed, search_looked_up, sweeps, vectors\n"
        "rng = np.random.default_rng(0)\n"
        "x = rng.normal(size=(40, 5, 3))\n"
        "few = x[0][rng.integers(0, 4, size=(2000, 12))]\n"
        "dtw_pairwise(x); dtw_cross(x, x); dtw_pairs(x, [0], [1]); dtw(x[0], x[1]); dtw_path(x[0], x[1])\n"
        "dtw_pairwise(few[:200]); dtw_neighbors(x, k=1); dtw_neighbors(few, k=1, radius=1)\n"
        "kernels = [sweeps.sweep, sweeps.shared_sweep, sweeps.pairs_sweep, search_computed.search_computed,\n"
        "    search_looked_up.search_looked_up, loops.cost, loops.accumulated, vectors._add_lanes]\n"
        "print(sum(sum(k.stats.cache_misses.values()) for k in kernels),"
        " sum(sum(k.stats.cache_hits.values()) for k in kernels))"
    )
    # The first process compiles what no other test has compiled before.
    misses, hits = map(int, python(code).split())
    assert misses + hits == 9  # sweep, without and with triangle
    assert python(code) == "0 9"


def test_kernels_carry_the_stamp_of_what_is_compiled_into_them():
    tool = ROOT.parent / "tools" / "stamp_kernels.py"
    done = subprocess.run([sys.executable, str(tool), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
