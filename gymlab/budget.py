"""How much memory work may take: a share of what the machine, or a control group such as a container's, has left."""

from collections.abc import Iterator
from pathlib import Path

import psutil

from gymlab.arguments import instance


def available_bytes() -> int:
    """Return the memory that can still be had: the machine's, or what a control group leaves if that is less.

    Examples
    --------
    >>> 0 <= available_bytes() <= psutil.virtual_memory().total
    True
    """
    return min([int(psutil.virtual_memory().available), *left_by_control_groups()])


def memory_budget() -> int:
    """Return the bytes that work may take now: the fraction of what is available that ``Settings`` allows.

    Examples
    --------
    >>> 0 < memory_budget() < available_bytes()
    True
    """
    # The settings take a while to import, and a small matrix is computed without them.
    from gymlab.settings import Settings  # noqa: PLC0415

    return int(available_bytes() * Settings().memory_fraction)


# By the group's version: the folder of the hierarchy, the limit, the use, and the line of memory.stat that says how
# much of the use is a cache of files that gives way.
_UNIFIED = ("", "memory.max", "memory.current", "inactive_file")
_LEGACY = ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def left_by_control_groups(
    membership: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> list[int]:
    """Return the bytes that each control group with a limit leaves this process; none where there are no groups.

    Parameters
    ----------
    membership
        The file that names the groups of this process.
    mount
        Where the groups are shown.

    Raises
    ------
    InputError
        If one of them is no path.

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
        # A limit of a group above holds as well. Inside a container the path may be that of the host: then only
        # the top, which is the container's own group, is there.
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
