"""How many bytes a value keeps alive."""

import sys
from collections import deque
from collections.abc import Iterable
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

import numpy as np

# These belong to the program, not to the value that refers to them.
_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


def size_of(value: object) -> int:
    """Return how many bytes a value keeps alive: the data of arrays, the deep size of frames, what containers hold.

    A view of an array counts the array behind it, which lives as long as the view does. What a value refers to
    several times counts once; classes, functions and modules do not count.

    Parameters
    ----------
    value
        Anything.

    Returns
    -------
    int
        For objects of other libraries that do not tell their size, or fail to, what Python knows of them.

    Examples
    --------
    >>> size_of(np.zeros(1000)) - size_of(np.zeros(0))
    8000
    >>> size_of(np.zeros(1000)[:1]) > 8000
    True
    """
    # By identity, the objects themselves kept, so that no id is given out a second time meanwhile.
    seen: dict[int, object] = {}
    pending = [value]
    total = 0
    while pending:
        item = pending.pop()
        if id(item) in seen or isinstance(item, _SHARED):
            continue
        seen[id(item)] = item
        own, parts = _own_size_and_parts(item)
        total += own
        pending.extend(parts)
    return total


def _own_size_and_parts(item: object) -> tuple[int, Iterable[object]]:
    try:
        return _told_size_and_parts(item)
    except Exception:  # noqa: BLE001 - an object may do anything when it is asked, and its size is no reason to fail
        return object.__sizeof__(item), ()


def _told_size_and_parts(item: object) -> tuple[int, Iterable[object]]:
    own = sys.getsizeof(item)
    if isinstance(item, np.ndarray):
        return _of_array(item)
    if isinstance(item, dict):
        return own, [*item.keys(), *item.values()]
    if isinstance(item, (list, tuple, set, frozenset, deque)):
        return own, item
    if callable(usage := getattr(item, "memory_usage", None)):  # pandas
        return int(np.sum(usage(deep=True))), ()
    if isinstance(data := getattr(item, "nbytes", None), int):  # Arrow and other arrays
        return own + data, ()
    slots = [name for kind in type(item).__mro__ for name in _slots(kind)]
    return own, [*getattr(item, "__dict__", {}).values(), *(getattr(item, name, None) for name in slots)]


def _of_array(array: np.ndarray) -> tuple[int, Iterable[object]]:
    own = sys.getsizeof(array)
    if isinstance(array.base, np.ndarray):
        return own, (array.base,)
    # Python's figure holds the data of an array that owns it.
    objects = array.ravel().tolist() if array.dtype.hasobject else ()
    return (own if array.flags.owndata else own + array.nbytes), objects


def _slots(kind: type) -> Iterable[str]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else slots
