"""Write into each module of kernels what its compiled code is made of besides itself: `make stamps`.

numba's disk cache knows a compiled function by its own file alone. Were only a file changed whose functions are
compiled into those of another, an upgraded gymlab would go on running the old code. So each such file carries a
stamp, a hash of the files that it compiles in, and changes with them. ``--check`` writes nothing and fails where
one is wrong.
"""

import ast
import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1] / "gymlab"
STAMP = re.compile(r"\n+# Compiled in: [0-9a-f]{16}\n\Z")


def kernel_modules() -> dict[str, Path]:
    """Return the modules that hold compiled functions or what is emitted into them."""
    paths = [
        path
        for path in sorted(ROOT.rglob("*.py"))
        if re.search(r"^from numba\b", path.read_text(), re.MULTILINE)
    ]
    return {".".join(("gymlab", *path.relative_to(ROOT).with_suffix("").parts)): path for path in paths}


def compiled_in(name: str, modules: dict[str, Path]) -> set[str]:
    """Return the modules of kernels that a module imports, and these, and so on."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        tree = ast.parse(modules[waiting.pop()].read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                named = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
                fresh = (named & modules.keys()) - found
                found |= fresh
                waiting += fresh
    return found - {name}


def stamped(name: str, modules: dict[str, Path]) -> str:
    """Return the text of a module with the stamp that it should have."""
    text = STAMP.sub("\n", modules[name].read_text())
    parts = sorted(compiled_in(name, modules))
    if not parts:
        return text
    digest = hashlib.sha256("".join(STAMP.sub("\n", modules[part].read_text()) for part in parts).encode())
    return f"{text}\n\n# Compiled in: {digest.hexdigest()[:16]}\n"


def main() -> None:
    """Write the stamps, or check them."""
    modules = kernel_modules()
    wrong = [name for name in modules if modules[name].read_text() != stamped(name, modules)]
    if "--check" in sys.argv:
        sys.exit(f"run make stamps: {', '.join(wrong)} carry a stamp of other kernels" if wrong else 0)
    for name, text in {name: stamped(name, modules) for name in wrong}.items():
        modules[name].write_text(text)


if __name__ == "__main__":
    main()
