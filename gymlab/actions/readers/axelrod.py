"""Matches of the iterated prisoner's dilemma, one match a line: strategy, opponent, seed, rep, moves, opponent_moves.

The other columns follow from the moves, with the payoffs (own/other) CC 3/3, CD 0/5, DC 5/0, DD 1/1. The outcome is
(own - 2.5) / 2.5, and the impact is (other's - 2.5) / 2.5. The relationship follows from the opponent's last move: ally
or adversary, and neutral in the first turn. The context is both moves of the turn before, with the own move first.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gymlab.actions.raw_rows import RawRows
from gymlab.actions.readers.neutral import csv_cells, values_of
from gymlab.arguments import named
from gymlab.errors import InputError

COLUMNS = ("strategy", "opponent", "seed", "rep", "moves", "opponent_moves")

# The index of all tables is 2 * (own move is D) + (opponent's move is D). The fifth entry is for the first turn.
_OUTCOME = np.array([0.2, -1.0, 1.0, -0.6])
_IMPACT = np.array([0.2, 1.0, -1.0, -0.6])
_CONTEXT = np.array(["CC", "CD", "DC", "DD", "start"], dtype=object)
_RELATIONSHIP = np.array(["ally", "adversary", "ally", "adversary", "neutral"], dtype=object)
_OTHER_LAST = np.array(["cooperate", "defect", "cooperate", "defect", ""], dtype=object)
_MOVE = np.array(["cooperate", "defect"], dtype=object)
_START = 4
_LINE = "gymlab_line"


def read(path: Path) -> RawRows:
    """Read a CSV file of matches; each line with a problem is a bad row."""
    numbers, header, cells, rows = csv_cells(path)
    absent = [name for name in COLUMNS if name not in header]
    if absent:
        raise InputError(f"{path}: the columns {', '.join(absent)} are missing; it has {named(header)}")
    matches = pd.DataFrame(dict(zip(header, cells, strict=True)), dtype="str")
    matches[_LINE] = np.array(numbers, dtype=np.int64)
    names = ("strategy", "opponent", "seed", "rep")
    parts = (matches[name] for name in names)
    matches["session_id"] = pd.Series(list(map("{} vs {} seed={} rep={}".format, *parts)), dtype="str")
    matches = matches.loc[_usable(matches, rows)].reset_index(drop=True)
    made, rows.lines = _actions(matches)
    # The column `turns` is only the number of moves, so it is not kept.
    more = {name: matches[name].tolist() for name in header if name not in (*COLUMNS, "turns")}
    turns = matches["moves"].str.len()
    rows.columns = {
        name: np.array(values_of(name, cells), dtype=object).repeat(turns) for name, cells in more.items()
    }
    rows.columns |= made
    if hidden := made.keys() & more.keys():
        rows.notes.append(f"columns that follow from the moves were left out: {named(sorted(hidden))}")
    return rows


def _usable(matches: pd.DataFrame, rows: RawRows) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    """Tell which matches can be used, and record the problems of the others."""
    n_moves = matches["moves"].str.len()
    turns = matches.get("turns", n_moves.astype("str"))
    first = matches.groupby("session_id")[_LINE].transform("first")
    checks = [
        *((name, matches[name] == "", "is empty") for name in ("strategy", "opponent", "moves")),
        *((name, ~matches[name].str.fullmatch(r"\d+"), "is not a whole number") for name in ("seed", "rep")),
        *(
            (name, ~matches[name].str.fullmatch("[CD]*"), "has moves other than C and D")
            for name in ("moves", "opponent_moves")
        ),
        ("opponent_moves", matches["opponent_moves"].str.len() != n_moves, "is not as long as moves"),
        ("turns", turns != n_moves.astype("str"), "is not the number of moves"),
        ("session_id", first != matches[_LINE], "repeats the match in line {first} of this file"),
    ]
    good = np.ones(len(matches), dtype=bool)
    for name, wrong, problem in checks:
        for position in np.flatnonzero(wrong.to_numpy(dtype=bool) & good):
            value = turns.iloc[position] if name == "turns" else matches[name].iloc[position]
            said = problem.format(first=first.iloc[position])
            rows.problem(matches[_LINE].iloc[position], name, value, said)
        good &= ~wrong.to_numpy(dtype=bool)
    return good


def _actions(matches: pd.DataFrame) -> tuple[dict[str, object], "np.ndarray[Any, np.dtype[np.int64]]"]:
    """Return the matches as columns with one row for each move, and the line of each row."""
    turns = matches["moves"].str.len().to_numpy(dtype=np.int64)
    own, other = _is_defection(matches["moves"]), _is_defection(matches["opponent_moves"])
    joint = 2 * own + other
    starts = np.cumsum(turns) - turns
    before = np.roll(joint, 1)
    before[starts] = _START

    match_of = np.repeat(np.arange(len(matches)), turns)

    def spread(values: pd.Series) -> pd.Series:
        return values.take(match_of).reset_index(drop=True)

    columns: dict[str, object] = {
        "session_id": spread(matches["session_id"]),
        "agent_id": spread(matches["strategy"]),
        "step": np.arange(len(joint)) - np.repeat(starts, turns),
        "actor": pd.Series("agent", index=range(len(joint)), dtype="str"),
        "target": spread(matches["opponent"]),
        "action_type": _text(_MOVE, own),
        "decision_context": _text(_CONTEXT, before),
        "relationship_type": _text(_RELATIONSHIP, before),
        "impact": _IMPACT[joint],
        "outcome_valence": _OUTCOME[joint],
        "other_last": _text(_OTHER_LAST, before),
        "n_choices": np.full(len(joint), 2, dtype=np.int64),
    }
    return columns, np.repeat(matches[_LINE].to_numpy(dtype=np.int64), turns)


def _is_defection(moves: pd.Series) -> "np.ndarray[Any, np.dtype[np.int64]]":
    letters = np.frombuffer("".join(moves).encode(), dtype=np.uint8)
    return np.asarray(letters == ord("D"), dtype=np.int64)


def _text(
    names: "np.ndarray[Any, np.dtype[np.object_]]", codes: "np.ndarray[Any, np.dtype[np.int64]]"
) -> pd.Series:
    return pd.Series(names, dtype="str").take(codes).reset_index(drop=True)
