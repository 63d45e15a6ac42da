"""Principles of two logs side by side: which appear, vanish, shift or hold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import false_discovery_control, fisher_exact

from gymlab.actions.windows import series_bounds
from gymlab.principles.evidence import wilson_interval
from gymlab.principles.inference import infer_principles
from gymlab.principles.inflation import inflation
from gymlab.principles.principle import Principle
from gymlab.principles.situations import situation_columns
from gymlab.principles.strata import LEAST_P
from gymlab.principles.units import By, units_of

Change = Literal["appears", "vanishes", "shifts", "holds", "cannot be told"]


@dataclass(frozen=True)
class Share:
    """P(A | S) in one log: hits among n actions, with the 95 % Wilson interval; None where S does not occur."""

    n: int
    hits: int
    probability: float | None
    low: float
    high: float


@dataclass(frozen=True)
class PrincipleShift:
    """A rule that at least one of two logs shows.

    Attributes
    ----------
    unit, situation, action
        The rule.
    change
        ``appears``: a principle of the second log only; ``vanishes``: of the first only; in both cases with a
        probability that differs. ``shifts``: a principle of both, with another probability. ``holds``: no
        difference that chance would not explain. ``cannot be told``: one of the logs does not have the situation.
    first, second
        P(A | S) in each log.
    difference, low, high
        ``second − first`` with its 95 % interval (R. G. Newcombe, Statistics in Medicine 17, 1998, method 10), for
        as many actions as these are worth independent ones.
    q_value
        Of the difference: Fisher's exact test on as many, corrected over all rules compared in the unit.
    """

    unit: str
    situation: Mapping[str, str] = field(hash=False)
    action: str
    change: Change
    first: Share
    second: Share
    difference: float | None
    low: float
    high: float
    q_value: float

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison JSON-able."""
        return asdict(self) | {"situation": dict(self.situation)}


def principle_shifts(
    first: pd.DataFrame, second: pd.DataFrame, *, by: By = "agent", q: float = 0.05, seed: int = 0
) -> tuple[PrincipleShift, ...]:
    """Compare the principles of the units that two logs have in common.

    Parameters
    ----------
    first, second
        Action tables.
    by
        ``agent`` or ``session``.
    q
        False discovery rate below which a rule is a principle, and a difference one.
    seed
        For drawing sessions again.

    Returns
    -------
    tuple of PrincipleShift
        One for each rule that is a principle of either log, by unit.

    Raises
    ------
    InputError
        As :func:`gymlab.infer_principles`.

    Examples
    --------
    >>> import gymlab
    >>> log = gymlab.read_actions(gymlab.sample_path())
    >>> part = gymlab.select_actions(log, agent="TitForTat")
    >>> {shift.change for shift in principle_shifts(part, part)}
    {'holds'}
    """
    logs = (first, second)
    rules = [_by_rule(infer_principles(log, by=by, q=q, seed=seed)) for log in logs]
    counts = [_Counts(log, by) for log in logs]
    found: list[PrincipleShift] = []
    for unit in counts[0].units:
        if unit not in counts[1].units:
            continue
        keys = [key for key in {**rules[0], **rules[1]} if key[0] == unit]
        shares = [[one.counted(*key) for one in counts] for key in keys]
        q_values = _q_values(shares)
        found += [
            _shift(key, pair, float(value), tuple(key in known for known in rules), q)
            for key, pair, value in zip(keys, shares, q_values, strict=True)
        ]
    return tuple(found)


_Key = tuple[str, tuple[tuple[str, str], ...], str]


def _by_rule(principles: Sequence[Principle]) -> dict[_Key, Principle]:
    return {(one.unit, tuple(one.situation.items()), one.action): one for one in principles}


@dataclass(frozen=True)
class _Counted:
    """A share, and how many independent actions it is worth: agents repeat themselves, and series differ."""

    share: Share
    worth: int

    @property
    def hits(self) -> int:
        """How many of these are hits."""
        return round(self.worth * (self.share.probability or 0.0))


class _Counts:
    """How often which action was chosen in which situation of a log."""

    def __init__(self, log: pd.DataFrame, by: By) -> None:
        units = units_of(log, by)
        self.units = units.names
        self._codes = units.codes
        self._columns = situation_columns(log)
        self._actions = log["action_type"].to_numpy(dtype=object)
        first, length = series_bounds(log)
        self._series = np.repeat(np.arange(len(first)), length)

    def counted(self, unit: str, situation: tuple[tuple[str, str], ...], action: str) -> _Counted:
        """Return P(action | situation) of a unit."""
        inside = self._codes == self.units.index(unit)
        for column, value in situation:
            known = self._columns.get(column)
            inside &= (
                np.zeros(len(inside), dtype=bool) if known is None else (known == value).to_numpy(dtype=bool)
            )
        met = self._actions[inside] == action
        n, hits = int(inside.sum()), int(met.sum())
        if n == 0:
            return _Counted(Share(0, 0, None, 0.0, 1.0), 0)
        share = Share(n, hits, hits / n, *wilson_interval(hits, n))
        return _Counted(share, max(1, round(n / inflation(self._series[inside], met))))


def _q_values(pairs: Sequence[Sequence[_Counted]]) -> NDArray[np.float64]:
    tables = [np.array([[one.hits, one.worth - one.hits] for one in pair]) for pair in pairs]
    p_values = np.array([fisher_exact(table)[1] for table in tables], dtype=np.float64)
    return false_discovery_control(np.clip(p_values, LEAST_P, 1)) if len(p_values) else p_values


def _shift(
    key: _Key, pair: Sequence[_Counted], q_value: float, is_rule: tuple[bool, ...], q: float
) -> PrincipleShift:
    unit, situation, action = key
    a, b = (one.share for one in pair)
    if a.probability is None or b.probability is None:
        return PrincipleShift(unit, dict(situation), action, "cannot be told", a, b, None, -1.0, 1.0, 1.0)
    (a_low, a_high), (b_low, b_high) = (wilson_interval(one.hits, one.worth) for one in pair)
    difference = b.probability - a.probability
    low = difference - float(np.hypot(b.probability - b_low, a_high - a.probability))
    high = difference + float(np.hypot(b_high - b.probability, a.probability - a_low))
    change: Change = "holds"
    if q_value < q:
        change = "shifts" if all(is_rule) else "appears" if is_rule[1] else "vanishes"
    return PrincipleShift(unit, dict(situation), action, change, a, b, difference, low, high, q_value)
