"""Neutral JSONL: one JSON object a line, its fields named as in the action table."""

import json
from pathlib import Path

import numpy as np

from gymlab.actions.readers.files import lines
from gymlab.actions.rows import RawRows, columns_of


class _Constant(str):
    """NaN or Infinity: what some writers put into JSON, although JSON has no such thing."""

    __slots__ = ()


def read(path: Path) -> RawRows:
    """Read a JSONL file; a line that is no JSON object is a bad row."""
    rows = RawRows({}, np.empty(0, dtype=np.int64), str(path))
    records: list[dict[str, object]] = []
    numbers: list[int] = []
    constants: list[_Constant] = []

    def constant(text: str) -> _Constant:
        constants.append(_Constant(text))
        return constants[-1]

    decode = json.JSONDecoder(parse_constant=constant).decode
    for number, line in lines(path):
        if not line.strip():
            continue
        try:
            record = decode(line)
        except (ValueError, RecursionError):
            rows.problem(number, "", line.strip(), "is no JSON; the file has one JSON object a line")
            continue
        if not isinstance(record, dict):
            rows.problem(number, "", record, "is no JSON object")
        elif constants and not any(isinstance(value, _Constant) for value in record.values()):
            rows.problem(number, "metadata", constants[0], "is no JSON; leave unknown values out")
        else:
            records.append(record)
            numbers.append(number)
        constants.clear()
    rows.lines = np.array(numbers, dtype=np.int64)
    rows.columns = columns_of(records)
    return rows
