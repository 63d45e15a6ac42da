"""Print the versions that gymlab is developed with, as a pip constraints file.

What is installed in this environment comes with its version; what only an extra or the build needs keeps the
line that constraints.txt already has.
"""

from importlib.metadata import distributions
from pathlib import Path

HEADER = """\
# The versions that gymlab is developed and tested with; `make` installs exactly these.
# To move them: delete the lines to be moved, then `make clean constraints test`.
"""
NOT_PINNED = {"gymlab", "pip", "setuptools"}

lines = Path("constraints.txt").read_text(encoding="utf-8").splitlines()
pinned = dict(line.split("==") for line in lines if "==" in line)
installed = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in distributions()}
versions = {name: version for name, version in (pinned | installed).items() if name not in NOT_PINNED}
print(HEADER + "\n".join(f"{name}=={version}" for name, version in sorted(versions.items())))
