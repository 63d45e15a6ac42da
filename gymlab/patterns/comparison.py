"""The comparison of two logs: which patterns and principles appear, vanish, shift or hold."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import comb, ndtr
from scipy.stats import false_discovery_control

from gymlab.actions.schema import validate_actions
from gymlab.distance.blocks import Progress
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig, checked_config
from gymlab.patterns.pipeline import extract_patterns
from gymlab.patterns.result import Extraction
from gymlab.principles.shifts import PrincipleShift, principle_shifts
from gymlab.principles.strata import LEAST_P
from gymlab.principles.subjects import By, checked_by

PatternChange = Literal["appears", "vanishes", "shifts", "holds", "cannot be told"]

_N_DRAWS = 2000
_LEVEL = 0.05
_CONFIDENCE = 0.95
# With fewer sessions, a log is cut into this many parts, which are resampled instead.
_ENOUGH_SESSIONS, _N_PARTS = 5, 10
_MARKS = ("first log: ", "second log: ")


@dataclass(frozen=True)
class PatternShift:
    """The share of one pattern in each of two logs.

    Attributes
    ----------
    label
        The label of the pattern in the extraction of both logs together.
    change
        If the difference is significant: ``appears`` if only the second log has windows in the pattern, ``vanishes``
        if only the first log has, ``shifts`` if both have. Otherwise: ``holds`` if both logs have windows in it,
        ``cannot be told`` if one log has none.
    first, second
        Share of the windows of each log that are in the pattern.
    windows
        Number of windows of each log in the pattern.
    difference, low, high
        ``second − first`` with its 95 % interval by resampled sessions, since overlapping windows are not independent
        evidence. A log with fewer than five sessions is cut into ten parts, which are resampled instead.
    q_value
        The q-value of the difference, from its standard deviation over the resamples; corrected for all patterns.
    """

    label: int
    change: PatternChange
    first: float
    second: float
    windows: tuple[int, int]
    difference: float
    low: float
    high: float
    q_value: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """The differences between two logs.

    Attributes
    ----------
    patterns
        The shift of each pattern of both logs together, the largest pattern first.
    principles
        The shift of each rule that is a principle of either log, for the agents or sessions that are in both.
    extraction
        The patterns of both logs together. Its session ids begin with ``first log:`` or ``second log:``.
    only_first, only_second
        The agents or sessions that are in one log only. Their principles are not compared.
    """

    patterns: tuple[PatternShift, ...]
    principles: tuple[PrincipleShift, ...]
    extraction: Extraction
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    def __repr__(self) -> str:
        changes = Counter([*(one.change for one in self.patterns), *(one.change for one in self.principles)])
        told = ", ".join(f"{n:,} {change}" for change, n in sorted(changes.items()))
        return (
            f"<comparison of {len(self.patterns):,} patterns and {len(self.principles):,} principles: {told}>"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as JSON-serialisable values, schema 1."""
        patterns = [pattern.as_dict() for pattern in self.extraction.patterns]
        return {
            "schema": 1,
            "patterns": [asdict(shift) | {"pattern": patterns[shift.label]} for shift in self.patterns],
            "principles": [shift.as_dict() for shift in self.principles],
            "only_first": list(self.only_first),
            "only_second": list(self.only_second),
            "config": self.extraction.config.as_dict(),
            "notes": list(self.extraction.notes),
        }


def compare_logs(
    first: pd.DataFrame,
    second: pd.DataFrame,
    config: ExtractionConfig | None = None,
    *,
    by: By = "agent",
    progress: Progress = False,
) -> Comparison:
    """Compare two logs, for example before and after a change of model, prompt or rules.

    The windows of both logs are clustered together, so that both have the same patterns. Then the shares of each
    pattern in the two logs are compared. Principles are inferred from each log alone, and compared rule by rule.

    Parameters
    ----------
    first, second
        The two action tables.
    config
        The parameters of the extraction; None for the defaults, but without the test of the patterns against chance.
    by
        The subjects whose principles are compared: each ``agent`` or each ``session`` that is in both logs. ``cluster``
        is not possible, since the clusters of the logs are different.
    progress
        As for :func:`gymlab.extract_patterns`.

    Returns
    -------
    Comparison

    Raises
    ------
    InputError, MemoryLimitError
        As :func:`gymlab.extract_patterns` and :func:`gymlab.infer_principles`.

    Examples
    --------
    >>> import gymlab
    >>> log = gymlab.read_actions(gymlab.sample_path())
    >>> first = gymlab.select_actions(log, agent="TitForTat")
    >>> both = compare_logs(first, first, gymlab.ExtractionConfig(hop=20, n_clusters=3))
    >>> {shift.change for shift in both.patterns}
    {'holds'}
    """
    if checked_by(by) == "cluster":
        raise InputError("by is 'cluster'; two logs are compared by agent or by session")
    config = ExtractionConfig(n_surrogates=0, n_resamples=0) if config is None else checked_config(config)
    logs = [validate_actions(log) for log in (first, second)]
    joined = pd.concat(
        [log.assign(session_id=mark + log["session_id"]) for mark, log in zip(_MARKS, logs, strict=True)],
        ignore_index=True,
    )
    joined["action_id"] = joined["session_id"] + "/" + joined["action_id"]
    extraction = extract_patterns(joined, config, progress=progress)
    is_second = extraction.windows.table["session_id"].str.startswith(_MARKS[1]).to_numpy(dtype=bool)
    for which, absent in (("first", is_second.all()), ("second", not is_second.any())):
        if absent:
            noun = extraction.windows.noun
            raise InputError(
                f"the {which} log has no {noun} of {config.window} actions; choose a smaller window"
            )
    column = "agent_id" if by == "agent" else "session_id"
    names = [dict.fromkeys(map(str, log[column])) for log in logs]
    return Comparison(
        _pattern_shifts(extraction, is_second, config.seed),
        principle_shifts(*logs, by=by, seed=config.seed),
        extraction,
        tuple(name for name in names[0] if name not in names[1]),
        tuple(name for name in names[1] if name not in names[0]),
    )


def _pattern_shifts(
    extraction: Extraction, is_second: NDArray[np.bool_], seed: int
) -> tuple[PatternShift, ...]:
    rng = np.random.default_rng(seed)
    sides = [_resampled(extraction, np.flatnonzero(mask), rng) for mask in (~is_second, is_second)]
    counts, shares, drawn_shares, n_parts = zip(*sides, strict=True)
    differences, drawn = shares[1] - shares[0], drawn_shares[1] - drawn_shares[0]
    low, high = np.quantile(drawn, [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2], axis=0)
    q_values = _q_values(differences, drawn.std(axis=0), n_parts)
    return tuple(
        PatternShift(
            label=label,
            change=_change(int(counts[0][label]), int(counts[1][label]), float(q_values[label])),
            first=float(shares[0][label]),
            second=float(shares[1][label]),
            windows=(int(counts[0][label]), int(counts[1][label])),
            difference=float(differences[label]),
            low=float(low[label]),
            high=float(high[label]),
            q_value=float(q_values[label]),
        )
        for label in range(len(extraction.patterns))
    )


def _q_values(
    differences: NDArray[np.float64], spread: NDArray[np.float64], n_parts: Sequence[int]
) -> NDArray[np.float64]:
    """Return the two-sided q-value of each difference, from a normal distribution about 0.

    The spread is 0 if all parts of a log are equal. So the p-value is at least the smallest one of a permutation test
    that exchanges parts between the logs.
    """
    if len(differences) == 0:
        return differences
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(differences == 0, 0.0, np.abs(differences) / spread)
    least = max(LEAST_P, 1 / float(comb(sum(n_parts), n_parts[0])))
    q_values: NDArray[np.float64] = false_discovery_control(np.maximum(2 * ndtr(-z), least))
    return q_values


def _resampled(
    extraction: Extraction, windows: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], int]:
    """Return for the windows of a log the count and share of each pattern, resampled shares, and the number of parts."""
    n = len(windows)
    parts, names = pd.factorize(extraction.windows.table["session_id"].iloc[windows])
    n_parts = len(names)
    if n_parts < _ENOUGH_SESSIONS:
        n_parts = min(_N_PARTS, n)
        parts = np.arange(n) * n_parts // n
    labels = extraction.labels[windows]
    by_part = np.zeros((n_parts, len(extraction.patterns)), dtype=np.int64)
    np.add.at(by_part, (parts[labels >= 0], labels[labels >= 0]), 1)
    draws = rng.multinomial(n_parts, np.full(n_parts, 1 / n_parts), size=_N_DRAWS)
    sizes = np.maximum(draws @ np.bincount(parts, minlength=n_parts), 1)
    counts = by_part.sum(axis=0)
    return counts, counts / n, (draws @ by_part) / sizes[:, None], n_parts


def _change(first: int, second: int, q_value: float) -> PatternChange:
    if q_value >= _LEVEL:
        return "holds" if first and second else "cannot be told"
    if first == 0:
        return "appears"
    return "vanishes" if second == 0 else "shifts"
