"""Neutral JSONL: one JSON object a line, its fields named as in the action table."""

import json
from pathlib import Path

import numpy as np

from gymlab.actions.json_text import NotJsonError, json_text, strict_json
from gymlab.actions.readers.files import lines
from gymlab.actions.rows import RawRows, columns_of
from gymlab.errors import InputError


def read(path: Path) -> RawRows:
    """Read a JSONL file; a line that is no JSON object is a bad row."""
    rows = RawRows({}, np.empty(0, dtype=np.int64), str(path))
    records: list[dict[str, object]] = []
    numbers: list[int] = []
    for number, line in lines(path):
        if not line.strip():
            continue
        try:
            record = strict_json(line)
        except NotJsonError as error:
            rows.problem(number, _field_of(line), error.value, error.problem)
            continue
        except InputError:
            rows.problem(
                number, "", line.strip(), "is no JSON that can be read; the file has one object a line"
            )
            continue
        if isinstance(record, dict):
            records.append(record)
            numbers.append(number)
        else:
            rows.problem(number, "", record, "is no JSON object")
    rows.lines = np.array(numbers, dtype=np.int64)
    rows.columns = columns_of(records)
    return rows


def _field_of(line: str) -> str:
    """Return the field that holds what JSON does not know; none if it is only seen in the line as a whole."""
    # Python's own reader lets pass what the strict one has refused, but the rest of the line may be broken too.
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        return ""
    for name, value in record.items() if isinstance(record, dict) else ():
        try:
            json_text(value)
        except InputError:
            return str(name)
    return ""
