"""Which channels are compared, and how much each weighs."""

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import pandas as pd

from gymlab.actions.channels import DEFAULT_CHANNELS, checked_channel, column_of
from gymlab.actions.encoding import Encoding
from gymlab.errors import InputError


class ChannelChoice(ipywidgets.VBox):  # type: ignore[misc]
    """Which channels are compared, with what weights; "auto" leaves it to the log."""

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
            If none is chosen.
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
        """List the channels that a log has, and show which are in use."""
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
            continuous_update=False,
            layout={"width": "5rem"},
            tooltip="weight",
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
