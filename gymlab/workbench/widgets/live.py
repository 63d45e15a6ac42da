"""Panels of the caches and of the alerts, which refresh themselves."""

import html
import math
import threading
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import psutil

from gymlab.arguments import finite_number, instance
from gymlab.clustering import matrix_cache
from gymlab.gym.watch import Watch
from gymlab.patterns.result import Extraction
from gymlab.principles.principle import percent
from gymlab.runtime import background
from gymlab.runtime.alerts import Measurement, evaluate
from gymlab.runtime.breaker import BREAKERS
from gymlab.runtime.cache import BoundedCache, CacheStats
from gymlab.runtime.cache_manager import cache_manager
from gymlab.runtime.database import DATABASES, Database
from gymlab.workbench import figures
from gymlab.workbench.checked import each
from gymlab.workbench.tables.html_cells import table
from gymlab.workbench.text import as_html, number
from gymlab.workbench.widgets.drawing import Fit, figure_widget, redraw


class Ticker:
    """Call a function at intervals in a thread, until :meth:`stop`.

    A new ticker stops an older ticker with the same name, so that a cell that starts a ticker can run again.

    Parameters
    ----------
    name
        The name.
    tick
        The function.
    seconds
        Seconds from the end of one call to the next, above 0.

    Raises
    ------
    InputError
        If ``seconds`` is not above 0.
    """

    _running: Mapping[str, "Ticker"] = {}

    def __init__(self, name: str, tick: Callable[[], None], seconds: float) -> None:
        self._tick = tick
        self._seconds = finite_number("seconds", seconds, above=0, most=threading.TIMEOUT_MAX)
        self._stopped = threading.Event()
        if name in Ticker._running:
            Ticker._running[name].stop()
        Ticker._running = {**Ticker._running, name: self}
        threading.Thread(target=self._run, name=f"gymlab-{name}", daemon=True).start()

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stopped.is_set()

    def stop(self) -> None:
        """Stop the calls."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._seconds):
            self._tick()


class LiveBox(ipywidgets.VBox):  # type: ignore[misc]
    """A box that refreshes itself until :meth:`stop`."""

    _ticker: Ticker | None = None

    def keep_up(self, name: str, refresh: Callable[[], None], seconds: float) -> None:
        """Call a function at intervals to refresh the box."""
        self._ticker = Ticker(name, refresh, seconds)

    def stop(self) -> None:
        """Stop refreshing the box."""
        # If the constructor of the box failed, there is no ticker.
        if self._ticker is not None:
            self._ticker.stop()

    def close(self) -> None:
        """Stop the refreshing and remove the box from the page."""
        self.stop()
        super().close()


class CachePanel(LiveBox):
    """The contents, budgets and hit rates of caches, refreshed every few seconds.

    Parameters
    ----------
    caches
        The caches. By default all caches of this process with their common budget, and below them the connections of
        every open database and the state of every circuit breaker.
    seconds
        Seconds between two refreshes.

    Examples
    --------
    >>> cache = BoundedCache(max_bytes=1000, name="answers")
    >>> panel = CachePanel([cache], seconds=60)
    >>> cache.set("a", b"12345"); panel.refresh(); panel.stop()
    >>> "answers" in panel.table.value
    True
    """

    def __init__(self, caches: Sequence[BoundedCache] | None = None, *, seconds: float = 2.0) -> None:
        self._caches = None if caches is None else each("caches", caches, BoundedCache, "caches")
        matrix_cache()  # so that the panel is not empty before the first extraction
        self.table = ipywidgets.HTML()
        self.clear_button = ipywidgets.Button(
            description="empty caches", icon="trash", layout={"width": "9rem"}
        )
        self.clear_button.on_click(lambda _button: self._clear())
        super().__init__([self.table, self.clear_button])
        self.refresh()
        self.keep_up("caches", self.refresh, seconds)

    def refresh(self) -> None:
        """Show the contents of the caches now."""
        header = ("cache", "entries", "held", "budget", "look-ups", "hit rate", "evicted")
        rows = [
            _cells(cache.name, f"{len(cache):,} of {cache.max_size:,}", cache.stats(), cache.max_bytes)
            for cache in self._shown()
        ]
        if self._caches is not None:
            self.table.value = table(header, rows, "frame")
            return
        total = cache_manager().total()
        rows.append(_cells("all caches", f"{total.entries:,}", total, cache_manager().max_bytes))
        self.table.value = table(header, rows, "frame") + _pools() + _breakers()

    def _shown(self) -> Sequence[BoundedCache]:
        return cache_manager().caches() if self._caches is None else self._caches

    def _clear(self) -> None:
        for cache in self._shown():
            cache.clear()
        self.refresh()


class WatchPanel(LiveBox):
    """What the agents of a database do while they are trained, refreshed every few seconds until :meth:`stop`.

    Parameters
    ----------
    url
        The URL of the database.
    seconds
        Seconds between two refreshes.

    Attributes
    ----------
    watch
        The :class:`gymlab.gym.watch.Watch`, with its patterns and windows.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     panel = WatchPanel(f"sqlite:///{folder}/gym.db", seconds=60)
    ...     panel.close()
    >>> "entropy" in panel.table.value
    True
    """

    def __init__(self, url: str, *, seconds: float = 1.0) -> None:
        self._database = Database(url)
        self._turn = threading.Lock()
        self.watch = Watch(self._database)
        self.table = ipywidgets.HTML()
        super().__init__([self.table])
        self.refresh()
        self.keep_up("watch", self.refresh, seconds)

    def refresh(self) -> None:
        """Read what is new in the database and show it; do nothing after :meth:`stop`."""
        with self._turn:
            if self._ticker is None or not self._ticker.stopped:
                background.run(self.watch.refresh())
                header = ("agent", "sessions", "actions", "missing", "entropy (bits)", "last pattern")
                rows = [
                    (
                        as_html(one["agent"]),
                        *(f"{one[count]:,}" for count in ("sessions", "actions", "missing")),
                        f"{one['entropy_bits']:.3f}",
                        as_html(one["pattern"], 200),
                    )
                    for one in self.watch.frame().to_dict("records")
                ]
                self.table.value = table(header, rows, "frame")

    def stop(self) -> None:
        """Stop the refreshing and close the database; the last state stays on the page."""
        super().stop()
        with self._turn:
            background.run(self._database.aclose())


class AlertStrip(LiveBox):
    """The alerts of the document, refreshed every few seconds.

    Parameters
    ----------
    measure
        Returns the measurements by metric; by default the memory of the machine, the hit rate of all caches, the largest
        share of connections in use of an open database, and the DTW time of ``extraction``.
    extraction
        Returns the extraction whose DTW time is measured, or None.
    seconds
        Seconds between two refreshes.

    Examples
    --------
    >>> strip = AlertStrip(lambda: {"memory_percent": Measurement(91.0)}, seconds=60)
    >>> strip.stop()
    >>> [alert.state for alert in strip.alerts]
    ['firing', 'no_data', 'no_data', 'no_data']
    """

    def __init__(
        self,
        measure: Callable[[], Mapping[str, Measurement]] | None = None,
        *,
        extraction: Callable[[], Extraction | None] = lambda: None,
        seconds: float = 3.0,
    ) -> None:
        if measure is not None:
            instance("measure", measure, Callable, "a function that measures, or None")  # type: ignore[arg-type]
        instance("extraction", extraction, Callable, "a function that returns an extraction")  # type: ignore[arg-type]
        self._measure = measure or (lambda: measured_now(extraction()))
        self.alerts = evaluate(self._measure())
        self.figure = figure_widget(figures.alert_strip(self.alerts))
        super().__init__([Fit(), self.figure])
        self.keep_up("alerts", self.refresh, seconds)

    def refresh(self) -> None:
        """Measure now, and show the alerts."""
        self.alerts = evaluate(self._measure())
        redraw(self.figure, figures.alert_strip(self.alerts))


def measured_now(extraction: Extraction | None = None) -> dict[str, Measurement]:
    """Return the present measurements of this process and this machine that the alerts use.

    Parameters
    ----------
    extraction
        The extraction whose DTW time is one of the measurements; None for no DTW time.
    """
    total = cache_manager().total()
    measured = {
        "memory_percent": Measurement(psutil.virtual_memory().percent),
        "cache_hit_percent": Measurement(100 * total.hit_rate, total.hits + total.misses),
    }
    # A pool of one connection is either idle or in use, which tells nothing.
    pools = [pool for pool in (one.pool_stats() for one in DATABASES.all()) if pool.limit > 1]
    if pools:
        used = max(pool.in_use / pool.limit for pool in pools)
        measured["pool_percent"] = Measurement(100 * used, sum(pool.uses for pool in pools))
    if extraction is not None and (computed := extraction.stats.pairs - extraction.stats.pruned):
        seconds = extraction.stats.stages["distances"]
        measured["dtw_seconds_per_pair"] = Measurement(seconds / computed, computed)
    return measured


def _cells(name: str, entries: str, stats: CacheStats, budget: int | None) -> tuple[str, ...]:
    share = "" if budget is None else f" ({_share(stats.bytes / budget)})"
    return (
        as_html(name),
        entries,
        f"{number(stats.bytes / 1e6)} MB{share}",
        "no bound" if budget is None else f"{number(budget / 1e6)} MB",
        f"{stats.hits + stats.misses:,}",
        "–" if math.isnan(stats.hit_rate) else _share(stats.hit_rate),
        f"{stats.evictions:,}",
    )


def _pools() -> str:
    """Return a table with the connections of every open database; empty if there is none."""
    found = sorted(((one.place, one.pool_stats()) for one in DATABASES.all()), key=lambda pair: pair[0])
    rows = [
        (as_html(place, 200), f"{pool.in_use} of {pool.limit}", str(pool.most_in_use), f"{pool.uses:,}")
        for place, pool in found
    ]
    return table(("database", "in use", "most in use", "uses"), rows, "frame") if rows else ""


def _breakers() -> str:
    """Return a table with the state and the counts of every circuit breaker; empty if there is none."""
    found = sorted(((one.name, one.stats()) for one in BREAKERS.all()), key=lambda pair: pair[0])
    rows = [
        (
            as_html(name),
            one.state.replace("_", " "),
            *(f"{n:,}" for n in (one.calls, one.failures, one.refused)),
        )
        for name, one in found
    ]
    return table(("breaker", "state", "calls", "failed", "refused"), rows, "frame") if rows else ""


def _share(value: float) -> str:
    return html.escape(percent(value).replace(" ", ""))
