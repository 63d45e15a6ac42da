"""The comparison of the principles of two logs: which principles appear, vanish, shift or hold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import fisher_exact

from gymlab.actions.windows import series_bounds
from gymlab.principles.evidence import false_discovery_rates, wilson_interval
from gymlab.principles.inference import infer_principles
from gymlab.principles.inflation import share_inflation
from gymlab.principles.principle import Principle, in_situation, quoted
from gymlab.principles.situations import situation_columns
from gymlab.principles.strata import LEAST_P
from gymlab.principles.subjects import By, subjects_of
from gymlab.renamed import renamed_attribute

ShiftKind = Literal["appears", "vanishes", "shifts", "holds", "cannot be told"]


@dataclass(frozen=True)
class Share:
    """P(A | S) in one log: hits among n actions, with the 95 % Wilson interval; ``probability`` is None without S."""

    n: int
    hits: int
    probability: float | None
    low: float
    high: float


@dataclass(frozen=True)
class PrincipleShift:
    """A rule that is a principle of at least one of two logs, with its share in both logs.

    Attributes
    ----------
    subject, situation, action
        The rule. ``unit`` is an old name of ``subject``.
    change
        If the probabilities differ significantly: ``appears`` for a principle of the second log only, ``vanishes`` for
        a principle of the first log only, ``shifts`` for a principle of both. ``holds`` if the difference may be chance.
        ``cannot be told`` if the situation does not occur in one of the logs.
    first, second
        P(A | S) in each log.
    difference, low, high
        ``second − first`` with its 95 % interval (R. G. Newcombe, Statistics in Medicine 17, 1998, method 10), for the
        effective number of independent actions.
    q_value
        The q-value of the difference: Fisher's exact test with the effective number of actions, corrected for all rules
        of the subject.
    """

    subject: str
    situation: Mapping[str, str] = field(hash=False)
    action: str
    change: ShiftKind
    first: Share
    second: Share
    difference: float | None
    low: float
    high: float
    q_value: float

    def __repr__(self) -> str:
        rule = f"{quoted(self.subject)} does {quoted(self.action)} {in_situation(self.situation)}"
        return f"<principle that {self.change}: {' '.join(rule.split())}>"

    unit = renamed_attribute("unit", "subject")

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as values of JSON."""
        known = asdict(self)
        return {"unit": known.pop("subject")} | known | {"situation": dict(self.situation)}


def principle_shifts(
    first: pd.DataFrame, second: pd.DataFrame, *, by: By = "agent", q: float = 0.05, seed: int = 0
) -> tuple[PrincipleShift, ...]:
    """Compare the principles of the subjects that two logs have in common.

    Parameters
    ----------
    first, second
        Action tables.
    by
        ``agent`` or ``session``.
    q
        False discovery rate below which a rule is a principle, and a difference is significant.
    seed
        Seed of the resamples of sessions.

    Returns
    -------
    tuple of PrincipleShift
        The shift of each rule that is a principle of either log, by subject.

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
    for subject in counts[0].subjects:
        if subject not in counts[1].subjects:
            continue
        keys = [key for key in {**rules[0], **rules[1]} if key[0] == subject]
        shares = [[one.counted(*key) for one in counts] for key in keys]
        q_values = _q_values(shares)
        found += [
            _shift(key, pair, float(value), tuple(key in known for known in rules), q)
            for key, pair, value in zip(keys, shares, q_values, strict=True)
        ]
    return tuple(found)


_Key = tuple[str, tuple[tuple[str, str], ...], str]


def _by_rule(principles: Sequence[Principle]) -> dict[_Key, Principle]:
    return {(one.subject, tuple(one.situation.items()), one.action): one for one in principles}


# A share, its effective number of independent actions (agents repeat themselves, and series differ), and the effective
# number of hits.
_Counted = tuple[Share, int, int]


class _Counts:
    """The counts of actions in the situations of a log."""

    def __init__(self, log: pd.DataFrame, by: By) -> None:
        subjects = subjects_of(log, by)
        self.subjects = subjects.names
        self._codes = subjects.codes
        self._columns = situation_columns(log)
        self._actions = log["action_type"].to_numpy(dtype=object)
        first, length = series_bounds(log)
        self._series = np.repeat(np.arange(len(first)), length)

    def counted(self, subject: str, situation: tuple[tuple[str, str], ...], action: str) -> _Counted:
        """Return P(action | situation) of a subject."""
        inside = self._codes == self.subjects.index(subject)
        for column, value in situation:
            known = self._columns.get(column)
            inside &= False if known is None else (known == value).to_numpy(dtype=bool)
        met = self._actions[inside] == action
        n, hits = int(inside.sum()), int(met.sum())
        if n == 0:
            return Share(0, 0, None, 0.0, 1.0), 0, 0
        effective = max(1, round(n / share_inflation(self._series[inside], met)))
        share = Share(n, hits, hits / n, *wilson_interval(hits, n))
        return share, effective, round(effective * (hits / n))


def _q_values(pairs: Sequence[Sequence[_Counted]]) -> NDArray[np.float64]:
    tables = [np.array([[hits, n - hits] for _, n, hits in pair]) for pair in pairs]
    p_values = np.array([fisher_exact(table)[1] for table in tables], dtype=np.float64)
    return false_discovery_rates(np.clip(p_values, LEAST_P, 1))


def _shift(
    key: _Key, pair: Sequence[_Counted], q_value: float, is_rule: tuple[bool, ...], q: float
) -> PrincipleShift:
    subject, situation, action = key
    a, b = (share for share, _, _ in pair)
    if a.probability is None or b.probability is None:
        return PrincipleShift(subject, dict(situation), action, "cannot be told", a, b, None, -1.0, 1.0, 1.0)
    (a_low, a_high), (b_low, b_high) = (wilson_interval(hits, n) for _, n, hits in pair)
    difference = b.probability - a.probability
    low = difference - float(np.hypot(b.probability - b_low, a_high - a.probability))
    high = difference + float(np.hypot(b_high - b.probability, a.probability - a_low))
    change: ShiftKind = "holds"
    if q_value < q:
        change = "shifts" if all(is_rule) else "appears" if is_rule[1] else "vanishes"
    return PrincipleShift(subject, dict(situation), action, change, a, b, difference, low, high, q_value)
