"""The objects of a kind that are in use in this process, for metrics and panels."""

import threading
import weakref
from typing import Generic, TypeVar

T = TypeVar("T")


class LiveObjects(Generic[T]):
    """A set of objects that any thread may read, and that keeps none of them alive.

    Examples
    --------
    >>> class Service: ...
    >>> services, service = LiveObjects(), Service()
    >>> services.add(service)
    >>> len(services.all())
    1
    """

    def __init__(self) -> None:
        self._objects: weakref.WeakSet[T] = weakref.WeakSet()
        # Reentrant, since a finalizer may run while the lock is held.
        self._lock = threading.RLock()

    def add(self, one: T) -> None:
        """Add an object."""
        with self._lock:
            self._objects.add(one)

    def discard(self, one: T) -> None:
        """Remove an object if it is there."""
        with self._lock:
            self._objects.discard(one)

    def all(self) -> list[T]:
        """Return the objects, in any order."""
        with self._lock:
            return list(self._objects)
