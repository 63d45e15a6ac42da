"""Metrics of this process for Prometheus, read from the statistics of its parts when they are asked for."""

import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache as once
from typing import Literal, Self
from wsgiref.simple_server import WSGIServer

import psutil
from prometheus_client import CollectorRegistry, Metric, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from gymlab import events
from gymlab.arguments import whole_number
from gymlab.errors import InputError
from gymlab.runtime.breaker import BREAKERS, STATES
from gymlab.runtime.cache_manager import cache_manager
from gymlab.runtime.database import DATABASES
from gymlab.runtime.live_sessions import SESSION_STATES, SESSIONS
from gymlab.runtime.memory import resident_bytes

# Only programs of this machine can read the metrics.
HOST = "127.0.0.1"

# A value: the name of its metric, its labels, and the number.
Sample = tuple[str, tuple[str, ...], float]


@dataclass(frozen=True)
class Described:
    """A metric that gymlab exports.

    Attributes
    ----------
    name
        The name in PromQL; the name of a counter ends with ``_total``.
    kind
        ``counter`` for what only grows, else ``gauge``.
    statement
        What it measures.
    labels
        Names of the labels.
    """

    name: str
    kind: Literal["gauge", "counter"]
    statement: str
    labels: tuple[str, ...] = ()


_CACHE, _DATABASE = ("cache",), ("database",)
METRICS = (
    Described("gymlab_cache_entries", "gauge", "Values in a cache", _CACHE),
    Described("gymlab_cache_bytes", "gauge", "Bytes of the values in a cache", _CACHE),
    Described("gymlab_cache_hits_total", "counter", "Look-ups that found a value", _CACHE),
    Described("gymlab_cache_misses_total", "counter", "Look-ups that found no value", _CACHE),
    Described("gymlab_cache_evictions_total", "counter", "Values removed to make room", _CACHE),
    Described("gymlab_cache_hit_ratio", "gauge", "Share of hits among all look-ups so far", _CACHE),
    Described("gymlab_caches_max_bytes", "gauge", "The budget of all caches together"),
    Described("gymlab_database_connections_in_use", "gauge", "Connections in use", _DATABASE),
    Described("gymlab_database_connections_max", "gauge", "Connections that may be open", _DATABASE),
    Described("gymlab_breakers", "gauge", "Circuit breakers in a state", ("breaker", "state")),
    Described("gymlab_dtw_pairs_total", "counter", "Pairs of series whose DTW distance was computed"),
    Described("gymlab_dtw_seconds_total", "counter", "Time of the DTW distances of all pairs"),
    Described("gymlab_dtw_pair_max_seconds", "gauge", "Largest time a pair, as the mean of one computation"),
    Described("gymlab_entropies_total", "counter", "Entropies that were computed"),
    Described("gymlab_entropy_seconds_total", "counter", "Time of all entropies"),
    Described("gymlab_extractions_total", "counter", "Extractions of patterns that ended", ("outcome",)),
    Described("gymlab_extraction_seconds_total", "counter", "Time of all extractions"),
    Described("gymlab_sessions", "gauge", "Training sessions in a state", ("agent", "state")),
    Described("gymlab_decisions", "gauge", "Decisions of these sessions", ("agent", "outcome")),
    Described(
        "gymlab_session_entropy_bits",
        "gauge",
        "Entropy of the latest decisions of a running session",
        ("agent", "session"),
    ),
    Described("gymlab_machine_memory_used_ratio", "gauge", "Share of the machine's memory that is in use"),
    Described("gymlab_machine_memory_bytes", "gauge", "Memory of the machine"),
    Described("process_resident_memory_bytes", "gauge", "Memory of this process"),
)


def families(described: Iterable[Described], samples: Iterable[Sample]) -> list[Metric]:
    """Return the metrics with their samples, in the form of prometheus_client.

    Parameters
    ----------
    described
        The metrics, also those without samples.
    samples
        The samples. A label may have any characters.
    """
    made: dict[str, GaugeMetricFamily | CounterMetricFamily] = {}
    for one in described:
        family = CounterMetricFamily if one.kind == "counter" else GaugeMetricFamily
        made[one.name] = family(one.name, one.statement, labels=one.labels)
    for name, labels, value in samples:
        # The name of a file may have bytes that are no UTF-8.
        made[name].add_metric([label.encode("utf-8", "backslashreplace").decode() for label in labels], value)
    return list(made.values())


class ProcessMetrics(Collector):
    """The metrics of this process: caches, databases, breakers and memory as they are now, and what events told.

    Events and entropies are counted from the making of this object on.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pairs, self._pair_seconds, self._slowest = 0, 0.0, 0.0
        self._ended, self._extraction_seconds = {"succeeded": 0, "failed": 0}, 0.0
        events.ENTROPIES.on = True
        events.subscribe(self._count)

    def collect(self) -> list[Metric]:
        """Return the metrics as they are now."""
        return families(METRICS, self._samples())

    def _samples(self) -> Iterator[Sample]:
        yield from _of_caches()
        yield from _of_databases()
        yield from _of_breakers()
        yield from _of_sessions()
        yield from _of_memory()
        with self._lock:
            pairs, pair_seconds, slowest = self._pairs, self._pair_seconds, self._slowest
            ended, extraction_seconds = dict(self._ended), self._extraction_seconds
        yield "gymlab_dtw_pairs_total", (), pairs
        yield "gymlab_dtw_seconds_total", (), pair_seconds
        yield "gymlab_dtw_pair_max_seconds", (), slowest
        yield from (("gymlab_extractions_total", (outcome,), n) for outcome, n in ended.items())
        yield "gymlab_extraction_seconds_total", (), extraction_seconds
        entropies, seconds = events.ENTROPIES.read()
        yield "gymlab_entropies_total", (), entropies
        yield "gymlab_entropy_seconds_total", (), seconds

    def _count(self, event: events.Event) -> None:
        with self._lock:
            if isinstance(event, events.DistancesComputed):
                self._pairs += event.pairs
                self._pair_seconds += event.seconds
                self._slowest = max(self._slowest, event.seconds / event.pairs)
            elif isinstance(event, events.ExtractionEnded):
                self._ended["succeeded" if event.succeeded else "failed"] += 1
                self._extraction_seconds += event.seconds


def _of_caches() -> Iterator[Sample]:
    yield "gymlab_caches_max_bytes", (), cache_manager().max_bytes
    for cache in cache_manager().caches():
        stats, labels = cache.stats(), (cache.name,)
        yield "gymlab_cache_entries", labels, stats.entries
        yield "gymlab_cache_bytes", labels, stats.bytes
        yield "gymlab_cache_hit_ratio", labels, stats.hit_rate
        for count in ("hits", "misses", "evictions"):
            yield f"gymlab_cache_{count}_total", labels, getattr(stats, count)


def _of_databases() -> Iterator[Sample]:
    # Prometheus refuses two samples with the same labels, so databases of one place are added up.
    in_use, most = Counter[str](), Counter[str]()
    for database in DATABASES.all():
        stats = database.pool_stats()
        in_use[database.place] += stats.in_use
        most[database.place] += stats.limit
    for place, limit in most.items():
        yield "gymlab_database_connections_in_use", (place,), in_use[place]
        yield "gymlab_database_connections_max", (place,), limit


def _of_breakers() -> Iterator[Sample]:
    # Breakers of one name are added up, as databases are.
    found = Counter((breaker.name, breaker.state) for breaker in BREAKERS.all())
    for name in {name for name, _ in found}:
        yield from (("gymlab_breakers", (name, state), found[name, state]) for state in STATES)


def _of_sessions() -> Iterator[Sample]:
    states, decisions = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in SESSIONS.all():
        states[one.agent, one.state] += 1
        decisions[one.agent, "decided"] += one.decided
        decisions[one.agent, "missing"] += one.missing
        # Sessions that have ended are left out, so that the number of samples has a bound.
        if one.state == "running":
            yield "gymlab_session_entropy_bits", (one.agent, one.session), one.entropy_bits
    for agent in {agent for agent, _ in states}:
        yield from (("gymlab_sessions", (agent, state), states[agent, state]) for state in SESSION_STATES)
    yield from (("gymlab_decisions", labels, n) for labels, n in decisions.items())


def _of_memory() -> Iterator[Sample]:
    machine = psutil.virtual_memory()
    yield "gymlab_machine_memory_used_ratio", (), machine.percent / 100
    yield "gymlab_machine_memory_bytes", (), machine.total
    yield "process_resident_memory_bytes", (), resident_bytes()


@once
def registry() -> CollectorRegistry:
    """Return the registry of this process, with its :class:`ProcessMetrics`; it is not prometheus_client's global one.

    Examples
    --------
    >>> registry() is registry()
    True
    """
    made = CollectorRegistry()
    made.register(ProcessMetrics())
    return made


class MetricsServer:
    """A server of this process's metrics; :func:`serve` makes it, and ``with`` or :meth:`close` ends it.

    Attributes
    ----------
    port
        The port on 127.0.0.1.
    """

    def __init__(self, server: WSGIServer, thread: threading.Thread) -> None:
        self._server, self._thread = server, thread
        self.port: int = server.server_port

    def __repr__(self) -> str:
        return f"MetricsServer({self.url!r})"

    @property
    def url(self) -> str:
        """The address for Prometheus."""
        return f"http://{HOST}:{self.port}/metrics"

    def close(self) -> None:
        """Stop the server; its port is free afterwards."""
        with _lock:
            for asked in [asked for asked, server in _servers.items() if server is self]:
                del _servers[asked]
                self._server.shutdown()
                self._server.server_close()
                self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


# The running servers by the port that was asked for.
_servers: dict[int, MetricsServer] = {}
_lock = threading.Lock()


def serve(port: int = 0) -> MetricsServer:
    """Serve the metrics of this process to Prometheus on this machine, in a thread.

    A second call with the same port returns the running server, so a cell of a notebook can run twice.

    Parameters
    ----------
    port
        Port on 127.0.0.1; 0 for a free one, which the server names.

    Returns
    -------
    MetricsServer

    Raises
    ------
    InputError
        If the port cannot be used.

    Examples
    --------
    >>> with serve() as server:
    ...     server.url.endswith("/metrics")
    True
    """
    port = whole_number("port", port, least=0, most=65_535)
    with _lock:
        if port not in _servers:
            try:
                made = start_http_server(port, HOST, registry())
            except OSError as error:
                why = error.strerror or error
                raise InputError(
                    f"port {port} of {HOST} cannot be used: {why}; choose another, or 0 for a free one"
                ) from error
            _servers[port] = MetricsServer(*made)
        return _servers[port]
