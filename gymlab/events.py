"""Events: frozen records of changes inside gymlab, for functions that count or show them.

The packages emit events without knowledge of the listeners. A :class:`Meter` counts what happens too often for events.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

_log = logging.getLogger(__name__)
_lock = threading.Lock()
_listeners: "tuple[Callable[[Event], object], ...]" = ()


@dataclass(frozen=True)
class BreakerChanged:
    """A circuit breaker has changed its state.

    Attributes
    ----------
    name
        Name of the breaker.
    before, after
        ``closed``, ``open`` or ``half_open``.
    delay_s
        Seconds until the next probe if it is open now; infinite if it was opened by hand.
    """

    name: str
    before: str
    after: str
    delay_s: float


@dataclass(frozen=True)
class DistancesComputed:
    """DTW distances have been computed.

    Attributes
    ----------
    pairs
        The number of pairs of series.
    seconds
        The time for all of them together, on all threads.
    """

    pairs: int
    seconds: float


@dataclass(frozen=True)
class ExtractionEnded:
    """An extraction of patterns has ended; there is no event if it was cancelled.

    Attributes
    ----------
    succeeded
        False if it raised an error.
    seconds
        Its duration.
    """

    succeeded: bool
    seconds: float


Event = BreakerChanged | DistancesComputed | ExtractionEnded


class Meter:
    """The count and the duration of work that takes microseconds, so that an event for each would cost more than it.

    Attributes
    ----------
    on
        Whether the work is counted. It is not counted until somebody sets this, which costs a look at this attribute.

    Examples
    --------
    >>> meter = Meter()
    >>> meter.add(2, 0.5)
    >>> meter.read()
    (2, 0.5)
    """

    __slots__ = ("_count", "_lock", "_seconds", "on")

    def __init__(self) -> None:
        self.on = False
        self._count, self._seconds = 0, 0.0
        self._lock = threading.Lock()

    def add(self, count: int, seconds: float) -> None:
        """Add work and its duration."""
        with self._lock:
            self._count += count
            self._seconds += seconds

    def read(self) -> tuple[int, float]:
        """Return the count and the seconds so far."""
        with self._lock:
            return self._count, self._seconds


# The entropies that were computed: calls of get_entropy, and the values of the functions of columns.
ENTROPIES = Meter()


def subscribe(listener: "Callable[[Event], object]") -> Callable[[], None]:
    """Call a function with every event from now on; return a function that ends the subscription.

    The listener is called in the thread in which the event happens. An error of the listener is logged.

    Examples
    --------
    >>> seen = []
    >>> unsubscribe = subscribe(seen.append)
    >>> emit(BreakerChanged("service", "closed", "open", 1.0))
    >>> unsubscribe()
    >>> emit(BreakerChanged("service", "open", "half_open", 0.0))
    >>> [event.after for event in seen]
    ['open']
    """
    global _listeners  # noqa: PLW0603 - replaced as a whole, so that emit needs no lock

    # Another object for each subscription: one listener may have several.
    def subscription(event: Event) -> object:
        return listener(event)

    with _lock:
        _listeners = (*_listeners, subscription)

    def unsubscribe() -> None:
        global _listeners  # noqa: PLW0603 - as above
        with _lock:
            _listeners = tuple(one for one in _listeners if one is not subscription)

    return unsubscribe


def emit(*events: "Event") -> None:
    """Call every listener with each event."""
    for event in events:
        for listener in _listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - it is logged, and the work goes on
                _log.exception("a listener failed on %r", event)
