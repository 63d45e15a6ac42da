"""The memory that work may take: a share of the free memory of the machine, or of its control group in a container."""

from collections.abc import Iterator
from pathlib import Path

import psutil

from gymlab.arguments import instance


def available_bytes() -> int:
    """Return the available bytes of the machine, or those that a control group allows if they are fewer.

    Examples
    --------
    >>> 0 <= available_bytes() <= psutil.virtual_memory().total
    True
    """
    return min([int(psutil.virtual_memory().available), *left_by_control_groups()])


def memory_budget() -> int:
    """Return the bytes that work may take now: a share of the available bytes, which ``Settings`` gives.

    Examples
    --------
    >>> 0 < memory_budget() < available_bytes()
    True
    """
    # The import of the settings is slow, and a small matrix does not need them.
    from gymlab.settings import Settings  # noqa: PLC0415

    return int(available_bytes() * Settings().memory_fraction)


# For each version of control groups: the folder, the file with the limit, the file with the use, and the line of
# memory.stat with the size of the file cache. The system frees the file cache when a process needs the memory.
_UNIFIED = ("", "memory.max", "memory.current", "inactive_file")
_LEGACY = ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def left_by_control_groups(
    membership: Path = Path("/proc/self/cgroup"), mount: Path = Path("/sys/fs/cgroup")
) -> list[int]:
    """Return for each control group with a limit the bytes that this process may still take.

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
        # The limits of parent groups apply too. In a container the path may be that of the host. Then only the top
        # folder exists, which is the group of the container.
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
