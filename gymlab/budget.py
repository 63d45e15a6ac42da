"""The memory that work may take: a share of the free memory of the machine or of its control group, as in a container."""

from collections.abc import Iterator
from pathlib import Path

import psutil

from gymlab.arguments import instance


def available_bytes() -> int:
    """Return the available bytes: those of the machine, or those that a control group leaves if they are fewer.

    Examples
    --------
    >>> 0 <= available_bytes() <= psutil.virtual_memory().total
    True
    """
    return min([int(psutil.virtual_memory().available), *left_by_control_groups()])


def memory_budget() -> int:
    """Return the bytes that work may take now: the share of the available bytes in ``Settings``.

    Examples
    --------
    >>> 0 < memory_budget() < available_bytes()
    True
    """
    # The import of the settings is slow, and a small matrix does not need them.
    from gymlab.settings import Settings  # noqa: PLC0415

    return int(available_bytes() * Settings().memory_fraction)


# By version of control groups: the folder, the files of limit and use, and the line of memory.stat with the size of the
# file cache, which the system frees when a process needs the memory.
_UNIFIED = ("", "memory.max", "memory.current", "inactive_file")
_LEGACY = ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def left_by_control_groups(
    membership: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> list[int]:
    """Return the bytes that each control group with a limit leaves this process.

    Parameters
    ----------
    membership
        The file that names the groups of this process.
    mount
        Folder of the control groups.

    Raises
    ------
    InputError
        If an argument is no path.

    Examples
    --------
    >>> left_by_control_groups(Path("none"))
    []
    """
    instance("membership", membership, Path, "a path")
    instance("mount", mount, Path, "a path")
    if not membership.exists():
        return []
    left: list[int] = []
    for line in membership.read_text().splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0":
            folder, *files = _UNIFIED
        elif "memory" in controllers.split(","):
            folder, *files = _LEGACY
        else:
            continue
        # The limits of parent groups hold too. In a container the path may be that of the host; then only the top
        # exists, which is the group of the container.
        top = mount / folder
        inner = top / path.lstrip("/")
        for group in (inner, *inner.parents):
            left.extend(_left_by(group, *files))
            if group == top:
                break
    return left


def _left_by(group: Path, limit: str, use: str, gives_way: str) -> Iterator[int]:
    if not (group / limit).exists() or not (group / use).exists():
        return
    most = (group / limit).read_text().strip()
    if not most.isdigit():  # "max"
        return
    used = int((group / use).read_text())
    stat = group / "memory.stat"
    lines = dict(line.split() for line in stat.read_text().splitlines()) if stat.exists() else {}
    yield max(0, int(most) - used + int(lines.get(gives_way, 0)))
