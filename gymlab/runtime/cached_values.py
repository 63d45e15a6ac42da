"""Values of caches: their size in bytes, and whether they can be used more than once."""

import sys
import tempfile
from collections import UserDict, deque
from collections.abc import ItemsView, Iterable, Iterator, KeysView, ValuesView
from dataclasses import fields, is_dataclass
from types import BuiltinFunctionType, FunctionType, MappingProxyType, MethodType, ModuleType

import numpy as np

# An object with one of these methods can be used only once.
_USED_UP = ("__await__", "__next__", "__anext__", "readline")
_TEMPORARY_FILE = tempfile._TemporaryFileWrapper  # noqa: SLF001 - it has readline only through __getattr__
# Values without parts, which are measured at once.
_LEAVES = frozenset({bool, bytes, complex, float, int, str, type(None)})
# Objects of these types are parts of the program, not of a value.
_SHARED = (type, ModuleType, FunctionType, BuiltinFunctionType, MethodType)


def size_of(value: object) -> int:
    """Return the bytes of a value: the data of arrays, the deep size of frames, the contents of containers.

    A view of an array counts as the whole array, since it keeps the array alive. An object counts once, even if the value
    refers to it several times. Classes, functions and modules do not count.

    Parameters
    ----------
    value
        Any object.

    Returns
    -------
    int
        For objects of other libraries without a usable size, the size of the Python object.

    Examples
    --------
    >>> size_of(np.zeros(1000)) - size_of(np.zeros(0))
    8000
    >>> size_of(np.zeros(1000)[:1]) > 8000
    True
    """
    # The objects by id. They are kept, so that Python does not use an id twice.
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


def is_plain(value: object) -> bool:
    """Return whether a value is a number, a text, bytes, or an array of its own numbers: it has no parts.

    Examples
    --------
    >>> is_plain(np.zeros(3)), is_plain(np.zeros(3)[:1]), is_plain([1])
    (True, False, False)
    """
    kind = type(value)
    return kind in _LEAVES or (kind is np.ndarray and value.base is None and not value.dtype.hasobject)  # type: ignore[attr-defined] # an array


def _own_size_and_parts(item: object) -> tuple[int, Iterable[object]]:
    try:
        return _told_size_and_parts(item)
    except Exception:  # noqa: BLE001 - the methods of an object may raise any error
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
    # getsizeof counts the data of an array that owns its data.
    objects = array.ravel().tolist() if array.dtype.hasobject else ()
    return (own if array.flags.owndata else own + array.nbytes), objects


def _slots(kind: type) -> Iterable[str]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else slots


def single_use_parts(value: object) -> Iterator[object]:
    """Yield the parts of a value that can be used only once: awaitables, iterators, open files."""
    seen: set[int] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, dict):
            pending.extend((*dict.keys(item), *dict.values(item)))
        elif isinstance(item, (list, tuple, set, frozenset, deque, KeysView, ValuesView, ItemsView)):
            pending.extend(item)
        elif isinstance(item, (UserDict, MappingProxyType)):
            pending.extend((*item.keys(), *item.values()))
        elif isinstance(item, np.ndarray) and item.dtype == object:
            pending.extend(item.flat)
        elif is_dataclass(item) and not isinstance(item, type):
            pending.extend(getattr(item, one.name, None) for one in fields(item))
        # The type has the answer, since the object itself may run any code.
        elif any(hasattr(type(item), name) for name in _USED_UP) or isinstance(item, _TEMPORARY_FILE):
            yield item
