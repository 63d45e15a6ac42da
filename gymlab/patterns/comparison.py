"""Two logs side by side: the patterns and principles that appear, vanish, shift or hold."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import comb, ndtr
from scipy.stats import false_discovery_control

from gymlab.actions.schema import validate_actions
from gymlab.arguments import instance
from gymlab.distance.blocks import Progress
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.extraction import extract_patterns
from gymlab.patterns.result import Extraction
from gymlab.principles.shifts import PrincipleShift, principle_shifts
from gymlab.principles.strata import LEAST_P
from gymlab.principles.subjects import By, checked_by

PatternChange = Literal["appears", "vanishes", "shifts", "holds", "cannot be told"]

_N_DRAWS = 2000
_LEVEL = 0.05
_CONFIDENCE = 0.95
_ENOUGH_SESSIONS = 5
_STRETCHES = 10
_MARKS = ("first log: ", "second log: ")


@dataclass(frozen=True)
class PatternShift:
    """How much of each log one pattern of both takes.

    Attributes
    ----------
    label
        The pattern, in the extraction of both logs together.
    change
        ``appears`` if only the second log has windows in it, ``vanishes`` if only the first has, ``shifts`` if both
        have, all by more than chance; else ``holds`` if both have, and ``cannot be told`` if one has not.
    first, second
        Share of each log's windows that are in it.
    windows
        How many windows of each log.
    difference, low, high
        ``second − first`` with its 95 % interval, sessions drawn again (or stretches of a log with fewer than five):
        overlapping windows are no independent evidence.
    q_value
        Of the difference, beside its spread over these draws; corrected over all patterns.
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
    """What changed between two logs.

    Attributes
    ----------
    patterns
        One for each pattern of both logs together, the largest first.
    principles
        One for each rule that is a principle of either log, for the agents or sessions that both have.
    extraction
        The patterns of both logs together; its sessions are marked with the log that they are from.
    only_first, only_second
        Agents or sessions of one log alone, whose principles cannot be compared.
    """

    patterns: tuple[PatternShift, ...]
    principles: tuple[PrincipleShift, ...]
    extraction: Extraction
    only_first: tuple[str, ...]
    only_second: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison JSON-able, schema 1."""
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
    """Compare two logs: before and after a change of model, prompt or rules, say.

    The windows of both are clustered together, so that a pattern is the same thing in both; then the share that
    each log has in it is compared. Principles are inferred from each log by itself and compared rule by rule.

    Parameters
    ----------
    first, second
        Action tables.
    config
        How patterns are extracted; the defaults when not given, without testing the patterns against chance.
    by
        Whose principles are compared: those of each ``agent`` or ``session`` that both logs have. Clusters are
        not compared, since each belongs to one log.
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
    if config is None:
        config = ExtractionConfig(n_surrogates=0, n_resamples=0)
    instance("config", config, ExtractionConfig, "an ExtractionConfig")
    logs = [validate_actions(log) for log in (first, second)]
    joined = pd.concat(
        [log.assign(session_id=mark + log["session_id"]) for mark, log in zip(_MARKS, logs, strict=True)],
        ignore_index=True,
    )
    joined["action_id"] = joined["session_id"] + "/" + joined["action_id"]
    extraction = extract_patterns(joined, config, progress=progress)
    of_second = extraction.windows.table["session_id"].str.startswith(_MARKS[1])
    for which, absent in (("first", of_second.all()), ("second", not of_second.any())):
        if absent:
            noun = extraction.windows.noun
            raise InputError(
                f"the {which} log has no {noun} of {config.window} actions; choose a smaller window"
            )
    column = "agent_id" if by == "agent" else "session_id"
    names = [dict.fromkeys(map(str, log[column])) for log in logs]
    return Comparison(
        _pattern_shifts(extraction, config.seed),
        principle_shifts(*logs, by=by, seed=config.seed),
        extraction,
        tuple(name for name in names[0] if name not in names[1]),
        tuple(name for name in names[1] if name not in names[0]),
    )


def _pattern_shifts(extraction: Extraction, seed: int) -> tuple[PatternShift, ...]:
    table = extraction.windows.table
    is_second = table["session_id"].str.startswith(_MARKS[1]).to_numpy(dtype=bool)
    generator = np.random.default_rng(seed)
    sides = [_LogShares(extraction, np.flatnonzero(mask), generator) for mask in (~is_second, is_second)]
    edges = [(1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2]
    drawn = sides[1].drawn - sides[0].drawn
    low, high = np.quantile(drawn, edges, axis=0)
    differences = sides[1].shares - sides[0].shares
    q_values = _q_values(differences, drawn.std(axis=0), [side.n_parts for side in sides])
    columns = (sides[0].shares, sides[1].shares, differences, low, high, q_values)
    counts = zip(sides[0].counts.tolist(), sides[1].counts.tolist(), strict=True)
    rows = zip(counts, np.stack(columns, axis=1).tolist(), strict=True)
    return tuple(
        PatternShift(
            label, _change(*windows, q_value), first, second, windows, difference, least, most, q_value
        )
        for label, (windows, (first, second, difference, least, most, q_value)) in enumerate(rows)
    )


def _q_values(
    differences: NDArray[np.float64], spread: NDArray[np.float64], n_parts: Sequence[int]
) -> NDArray[np.float64]:
    """Return the q-value of each difference, two-sided, normal about no difference.

    Where all parts of a log are alike the draws do not spread; a test that exchanges parts between the logs could still
    not give less than one over the number of ways to do that.
    """
    if len(differences) == 0:
        return differences
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(differences == 0, 0.0, np.abs(differences) / spread)
    least = max(LEAST_P, 1 / float(comb(sum(n_parts), n_parts[0])))
    q_values: NDArray[np.float64] = false_discovery_control(np.maximum(2 * ndtr(-z), least))
    return q_values


class _LogShares:
    """One of the logs: how many of its windows are in each pattern, and in draws of its sessions."""

    def __init__(
        self, extraction: Extraction, windows: NDArray[np.int64], generator: np.random.Generator
    ) -> None:
        parts, n_parts = _parts(extraction.windows.table.iloc[windows])
        self.n_parts = n_parts
        labels = extraction.labels[windows]
        n_patterns = len(extraction.patterns)
        by_part = np.zeros((n_parts, n_patterns), dtype=np.int64)
        np.add.at(by_part, (parts[labels >= 0], labels[labels >= 0]), 1)
        sizes = np.bincount(parts, minlength=n_parts)
        self.counts = by_part.sum(axis=0)
        self.shares = self.counts / max(1, len(windows))
        draws = generator.multinomial(n_parts, np.full(n_parts, 1 / n_parts), size=_N_DRAWS)
        self.drawn = (draws @ by_part) / np.maximum(draws @ sizes, 1)[:, None]


def _parts(table: pd.DataFrame) -> tuple[NDArray[np.int64], int]:
    """Return which part each window belongs to: its session, or a stretch of the log where there are few."""
    sessions, names = pd.factorize(table["session_id"])
    if len(names) >= _ENOUGH_SESSIONS:
        return sessions.astype(np.int64), len(names)
    n_parts = min(_STRETCHES, max(1, len(table)))
    return np.arange(len(table)) * n_parts // max(1, len(table)), n_parts


def _change(first: int, second: int, q_value: float) -> PatternChange:
    if q_value >= _LEVEL:
        return "holds" if first and second else "cannot be told"
    if first == 0:
        return "appears"
    return "vanishes" if second == 0 else "shifts"
