"""What is installed: the packages that gymlab needs or can use, and what figures depend on besides."""

import platform
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, requires, version

from gymlab.arguments import shown
from gymlab.budget import available_bytes
from gymlab.distance.blocks import available_threads
from gymlab.errors import InputError

_REQUIREMENT = re.compile(r"^([A-Za-z0-9._-]+).*?(?:extra == ['\"]([^'\"]+)['\"])?$")


# Those that the figures of a report depend on most.
_MEASURED_WITH = (
    "gymlab",
    "numpy",
    "scipy",
    "numba",
    "pandas",
    "tslearn",
    "plotly",
    "papermill",
    "sqlmodel",
)


def version_of(package: str) -> str | None:
    """Return the version of an installed package, None if it is not installed.

    Raises
    ------
    InputError
        If it is no name.

    Examples
    --------
    >>> version_of("no-such-package") is None
    True
    """
    if not isinstance(package, str) or not package:
        raise InputError(f"package is {shown(package)}; give the name of one")
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def libraries() -> dict[str, str | None]:
    """Return the version of everything that gymlab needs; llvmlite too, which comes with numba.

    Examples
    --------
    >>> libraries()["numpy"] is None
    False
    """
    names = [name for name, extra in _requirements() if extra is None]
    return {name: version_of(name) for name in sorted({*names, "llvmlite"})}


def extras() -> dict[str, dict[str, str | None]]:
    """Return by extra the versions of its packages; that for developers is left out.

    Examples
    --------
    >>> list(extras()["bench"])
    ['dtaidistance']
    """
    found: dict[str, dict[str, str | None]] = {}
    for name, extra in _requirements():
        if extra is not None and extra != "dev":
            found.setdefault(extra, {})[name] = version_of(name)
    return found


def environment() -> dict[str, str]:
    """Return what figures depend on: versions and the machine's kind.

    Examples
    --------
    >>> environment()["numpy"] == version_of("numpy")
    True
    """
    return {
        "measured at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        **{name: version(name) for name in _MEASURED_WITH},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": str(available_threads()),
        "memory available": f"{available_bytes() / 1e9:.1f} GB",
    }


def _requirements() -> Iterator[tuple[str, str | None]]:
    """Yield what the metadata requires: a package, and the extra that it belongs to if any."""
    for line in (requires("gymlab") if version_of("gymlab") else None) or []:
        found = _REQUIREMENT.match(line.strip())
        if found:
            yield found[1], found[2]
