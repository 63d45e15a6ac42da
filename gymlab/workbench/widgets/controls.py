"""The controls of the tuning panel, which choose the parameters of an extraction."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import ipywidgets
import pandas as pd

from gymlab.actions.channels import DEFAULT_CHANNELS, checked_channel, column_of
from gymlab.actions.encoding import Encoding
from gymlab.actions.windows import Unit
from gymlab.clustering import LINKAGES
from gymlab.errors import InputError
from gymlab.patterns.config import DENSITY_METHODS, ClusteringMethod, ExtractionConfig, Strategy
from gymlab.workbench.widgets.analysis import LogSource

_LOOK = {"layout": {"width": "auto"}, "style": {"description_width": "5.5rem"}}
# The option of controls that would otherwise report every step on the way to a value.
_SETTLED = {"continuous_update": False, **_LOOK}

# The numbers of surrogates and resamples. The notes of an extraction name the limits of small numbers.
BUDGETS = {
    "none": (0, 0),
    "quick": (49, 25),
    "standard": (ExtractionConfig.n_surrogates, ExtractionConfig.n_resamples),
    "thorough": (999, 200),
}
_RADII = (0, 1, 2, 3, 5, 8, 12, 20)
_MOST_WINDOW, _MOST_PATTERNS = 100, 40


class Controls(ipywidgets.VBox):  # type: ignore[misc]
    """The controls for the parameters of an extraction.

    Parameters
    ----------
    source, config
        The first values of the controls.
    changed
        Called after a control was changed.
    """

    def __init__(self, source: LogSource, config: ExtractionConfig, changed: Callable[[], None]) -> None:
        self._changed, self._quiet = changed, False
        self._part = source
        self._config = config
        self.source = ipywidgets.Text(
            value=source.text,
            placeholder="the bundled sample",
            description="log",
            tooltip="a path, a pattern or a database URL; empty for the bundled sample",
            **_SETTLED,
        )
        self.window = _whole("window", config.window, 2, _MOST_WINDOW, "length of a window, in actions")
        self.hop = _whole("hop", config.hop, 1, _MOST_WINDOW, "from one window to the next, in actions")
        self._radii = _radii(config.radius)
        self.radius = _steps("radius", list(self._radii), _radius_name(config.radius))
        self.unit = _choice("unit", get_args(Unit), config.unit)
        self.strategy = _choice("strategy", get_args(Strategy), config.strategy)
        self.method = _choice("method", get_args(ClusteringMethod), config.method)
        self.by = ipywidgets.ToggleButtons(
            options=[("auto", "auto"), ("number", "number"), ("height", "height")],
            value=_cut_by(config),
            description="patterns by",
            style={**_LOOK["style"], "button_width": "5rem"},
            tooltips=["largest average silhouette width", "a number of patterns", "a height in the tree"],
        )
        k = config.n_clusters if config.n_clusters != "auto" else 2
        self.n_clusters = _whole("number", int(k), 1, _MOST_PATTERNS, "of patterns")
        self.cut_height = ipywidgets.FloatSlider(
            value=config.cut_height or 0.0,
            min=0.0,
            max=max(1.0, config.cut_height or 0.0),
            step=0.001,
            description="cut height",
            readout_format=".4g",
            **_SETTLED,
        )
        self.eps = ipywidgets.BoundedFloatText(
            value=config.eps or 0.0, min=0.0, max=1e9, description="eps (0: auto)", **_SETTLED
        )
        self.min_samples = _whole("min_samples", config.min_samples, 2, 50, "windows that make a place dense")
        self.budget = _steps("significance", list(BUDGETS), _budget_of(config))
        self.channels = ChannelChoice(config.channels, self._tell)
        self._density = ipywidgets.VBox([self.eps, self.min_samples])
        self._cuts = ipywidgets.VBox([self.by, self.n_clusters, self.cut_height])
        above = [self.source, self.window, self.hop, self.radius, self.unit, self.strategy, self.method]
        super().__init__([*above, self._cuts, self._density, self.budget, self.channels])
        for control in (*above, self.by, self.eps, self.min_samples, self.budget):
            control.observe(lambda _change: self._tell(), "value")
        # A change of the number or of the height also chooses whether the tree is cut by number or by height.
        self.n_clusters.observe(lambda _change: self._cut("number"), "value")
        self.cut_height.observe(lambda _change: self._cut("height"), "value")
        self._show_what_counts()

    def read(self) -> tuple[LogSource, ExtractionConfig]:
        """Return the log and the parameters that are chosen.

        Raises
        ------
        InputError
            If the choices contradict each other; the message names them.
        """
        method, by = self.method.value, self.by.value
        n_surrogates, n_resamples = BUDGETS[self.budget.value]
        path = self.source.value.strip()
        config = replace(
            self._config,
            window=self.window.value,
            hop=self.hop.value,
            radius=self._radii[self.radius.value],
            channels=self.channels.read(),
            strategy=self.strategy.value,
            method=method,
            n_clusters=self.n_clusters.value if by == "number" and method not in DENSITY_METHODS else "auto",
            cut_height=self.cut_height.value if by == "height" and method in LINKAGES else None,
            eps=(self.eps.value or None) if method == "dbscan" else None,
            min_samples=self.min_samples.value,
            unit=self.unit.value,
            n_surrogates=n_surrogates,
            n_resamples=n_resamples,
        )
        if path == self._part.text.strip():
            return self._part, config
        # The filters and the format are only for the log with which the panel was made.
        return LogSource(path or None), config

    def set_cut(self, height: float) -> None:
        """Choose the height of the cut."""
        with self.cut_height.hold_trait_notifications():
            self.cut_height.max = max(self.cut_height.max, height)
            self.cut_height.value = height

    def learn(
        self, log: pd.DataFrame, encoding: Encoding, *, n_patterns: int, tallest: float, height: float | None
    ) -> None:
        """Show the result of a computation, without asking for another one.

        Parameters
        ----------
        log, encoding
            The action table, and the channels in use.
        n_patterns, tallest, height
            The number of patterns, the height of the tree, and the height of the cut.
        """
        self._quiet = True
        try:
            self.channels.learn(log, encoding)
            if self.by.value != "number" and n_patterns:
                self.n_clusters.value = min(n_patterns, self.n_clusters.max)
            if tallest > 0:
                self.cut_height.max = max(tallest * 1.05, self.cut_height.value)
                self.cut_height.step = tallest / 1000
            if self.by.value != "height" and height is not None:
                self.cut_height.value = height
        finally:
            self._quiet = False

    def _cut(self, by: str) -> None:
        if self._quiet:
            return
        if self.by.value == by:
            self._tell()
        else:
            self.by.value = by  # the observer of this control calls _tell

    def _tell(self) -> None:
        self._show_what_counts()
        if not self._quiet:
            self._changed()

    def _show_what_counts(self) -> None:
        method = self.method.value
        _visible(self._density, visible=method in DENSITY_METHODS)
        _visible(self.eps, visible=method == "dbscan")
        _visible(self._cuts, visible=method not in DENSITY_METHODS)
        _visible(self.cut_height, visible=method in LINKAGES)


def _visible(widget: ipywidgets.Widget, *, visible: bool) -> None:
    widget.layout.display = None if visible else "none"


def _cut_by(config: ExtractionConfig) -> str:
    if config.cut_height is not None:
        return "height"
    return "auto" if config.n_clusters == "auto" else "number"


def _radii(chosen: int | None) -> dict[str, int | None]:
    """Return the radii that can be chosen, by name."""
    numbers = sorted({*_RADII, *([] if chosen is None else [chosen])})
    return {_radius_name(one): one for one in (None, *numbers)}


def _radius_name(radius: int | None) -> str:
    return "no band" if radius is None else str(radius)


def _budget_of(config: ExtractionConfig) -> str:
    """Return the budget whose number of surrogates is nearest to that of a configuration."""
    return min(BUDGETS, key=lambda name: abs(BUDGETS[name][0] - config.n_surrogates))


def _whole(description: str, value: int, least: int, most: int, hint: str) -> ipywidgets.IntSlider:
    return ipywidgets.IntSlider(
        value=value,
        min=min(least, value),
        max=max(most, value),
        description=description,
        tooltip=hint,
        **_SETTLED,
    )


def _steps(description: str, options: list[str], value: str) -> ipywidgets.SelectionSlider:
    return ipywidgets.SelectionSlider(options=options, value=value, description=description, **_SETTLED)


def _choice(description: str, options: Sequence[str], value: str) -> ipywidgets.Dropdown:
    return ipywidgets.Dropdown(options=list(options), value=value, description=description, **_LOOK)


class ChannelChoice(ipywidgets.VBox):  # type: ignore[misc]
    """The choice of the channels and their weights; with "auto" the channels depend on the log."""

    def __init__(self, channels: Sequence[Any] | str, changed: Callable[[], None]) -> None:
        self._changed, self._quiet = changed, False
        self._chosen = (
            {}
            if isinstance(channels, str)
            else {checked_channel(one).column: checked_channel(one) for one in channels}
        )
        self.auto = ipywidgets.Checkbox(
            value=isinstance(channels, str),
            description="channels: what the log has",
            indent=False,
            layout={"width": "auto"},
        )
        self._rows: dict[str, tuple[ipywidgets.Checkbox, ipywidgets.BoundedFloatText]] = {}
        self._box = ipywidgets.VBox([])
        super().__init__([self.auto, self._box])
        self.auto.observe(lambda _change: self._tell(), "value")

    def read(self) -> str | list[str | dict[str, Any]]:
        """Return the channels as :class:`gymlab.ExtractionConfig` takes them.

        Raises
        ------
        InputError
            If no channel is chosen.
        """
        if self.auto.value:
            return "auto"
        if not self._rows:
            return [{"column": one.column, "weight": one.weight} for one in self._chosen.values()]
        chosen = [
            name
            if weight.value == DEFAULT_CHANNELS[name].weight
            else {"column": name, "weight": weight.value}
            for name, (used, weight) in self._rows.items()
            if used.value
        ]
        if not chosen:
            raise InputError("no channel is chosen; tick one, or what the log has")
        return chosen

    def learn(self, log: pd.DataFrame, encoding: Encoding) -> None:
        """List the channels of a log, and tick those in use."""
        used = {fitted.channel.column: fitted.channel.weight for fitted in encoding.channels}
        there = [name for name in DEFAULT_CHANNELS if name in used or _tells_apart(log, name)]
        if list(self._rows) != there:
            self._rows = {name: self._row(name) for name in there}
            self._box.children = [ipywidgets.HBox(row) for row in self._rows.values()]
        self._quiet = True
        try:
            for name, (ticked, weight) in self._rows.items():
                ticked.value = name in used
                if name in used:
                    weight.value = used[name]
                ticked.disabled = weight.disabled = self.auto.value
        finally:
            self._quiet = False

    def _row(self, name: str) -> tuple[ipywidgets.Checkbox, ipywidgets.BoundedFloatText]:
        used = ipywidgets.Checkbox(description=name, indent=False, layout={"width": "11rem"})
        weight = ipywidgets.BoundedFloatText(
            value=DEFAULT_CHANNELS[name].weight,
            min=0.01,
            max=1000,
            step=0.1,
            tooltip="weight",
            continuous_update=False,
            layout={"width": "5rem"},
        )
        for control in (used, weight):
            control.observe(lambda _change: self._tell(), "value")
        return used, weight

    def _tell(self) -> None:
        if self._quiet:
            return
        for ticked, weight in self._rows.values():
            ticked.disabled = weight.disabled = self.auto.value
        self._changed()


def _tells_apart(log: pd.DataFrame, name: str) -> bool:
    return int(column_of(log, name).nunique()) > 1
