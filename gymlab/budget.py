"""How much memory a piece of work may take."""

import psutil

from gymlab.cgroups import left_by_control_groups


def available_bytes() -> int:
    """Return the memory that can still be had: the machine's, or what a control group leaves if that is less.

    Examples
    --------
    >>> 0 <= available_bytes() <= psutil.virtual_memory().total
    True
    """
    return min([int(psutil.virtual_memory().available), *left_by_control_groups()])


def memory_budget() -> int:
    """Return the bytes that a piece of work may take now: a fraction of what is available, see ``Settings``.

    Examples
    --------
    >>> 0 < memory_budget() < available_bytes()
    True
    """
    # The settings take a while to import, and who only computes a small matrix does not need them.
    from gymlab.settings import Settings  # noqa: PLC0415

    return int(available_bytes() * Settings().memory_fraction)
