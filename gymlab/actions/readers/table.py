"""The action table itself as CSV or Parquet, its columns named as they are."""

import csv
import re
import threading
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

from gymlab.actions.columns import BITS, COLUMNS
from gymlab.actions.readers.files import check_file, lines
from gymlab.actions.rows import RawRows, notes_in
from gymlab.arguments import named, shortened, shown
from gymlab.errors import InputError

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?\d{1,4000}", re.ASCII)
_KINDS = {column.name: column.kind for column in COLUMNS}
_LONGEST_CELL = 2**31 - 1
# The csv module has one limit for the whole process, so it is raised by one reader at a time.
_limit_lock = threading.Lock()


def csv_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the records of a CSV file, each with the line at which it starts; blank lines are left out."""
    records = []
    start = 1
    with _limit_lock:
        limit = csv.field_size_limit(_LONGEST_CELL)
        try:
            reader = csv.reader((line for _, line in lines(path)), strict=True)
            for record in reader:
                if record:
                    records.append((start, record))
                start = reader.line_num + 1
        except csv.Error as error:
            raise InputError(f"{path}, line {start}: is no CSV: {error}") from error
        finally:
            csv.field_size_limit(limit)
    return records


def read_csv(path: Path) -> RawRows:
    """Read a CSV file with a header; a row with too few or too many cells is a bad row."""
    numbers, header, cells, rows = csv_cells(path)
    rows.columns = {
        name: [_value(cell, _KINDS.get(name, "text")) for cell in column]
        for name, column in zip(header, cells, strict=True)
    }
    rows.lines = np.array(numbers, dtype=np.int64)
    return rows


def csv_cells(path: Path) -> tuple[list[int], list[str], list[list[str]], RawRows]:
    """Return line numbers, header and columns of a CSV file, and rows that know the ragged ones."""
    rows = RawRows({}, np.empty(0, dtype=np.int64), str(path))
    records = csv_rows(path)
    if not records:
        raise InputError(f"{path}: no columns in it")
    header = [name.strip() for name in records[0][1]]
    if len(set(header)) < len(header):
        twice = named(sorted(name for name, count in Counter(header).items() if count > 1))
        raise InputError(f"{path}: the header names the columns {twice} more than once")
    good: list[tuple[int, list[str]]] = []
    for number, record in records[1:]:
        if len(record) == len(header):
            good.append((number, record))
        else:
            rows.problem(number, "", "", f"has {len(record)} cells, but the header has {len(header)}")
    cells = [[record[i] for _, record in good] for i in range(len(header))]
    return [number for number, _ in good], header, cells, rows


def number_in(text: str) -> object:
    """Return the number that a text is, or the text itself if it is none (NaN and inf are none)."""
    stripped = text.strip()
    if _INTEGER.fullmatch(stripped):
        return int(stripped)
    return float(stripped) if _NUMBER.fullmatch(stripped) else text


def _value(cell: str, kind: str) -> object:
    if kind in ("number", "integer"):
        return number_in(cell) if cell else None
    return (cell or None) if kind in ("time", "category", "json") else cell


def read_parquet(path: Path) -> RawRows:
    """Read a Parquet file of the action table; notes and entropy unit stored with it are kept."""
    # pyarrow takes a while to import, and only this format needs it.
    import pyarrow as pa  # noqa: PLC0415

    check_file(path)
    try:
        frame = pd.read_parquet(path)
    # What pandas stored beside the columns may be broken too, in ways that only Python notices.
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        reason = shortened(" ".join(str(error).split()))
        raise InputError(f"{path}: is no readable Parquet file ({reason}); write it again") from error
    if not frame.columns.is_unique:
        raise InputError(f"{path}: has columns of the same name; write it again with each only once")
    columns = {str(name): frame[name] for name in frame.columns}
    notes = notes_in(frame.attrs)
    for level, name in enumerate(frame.index.names):
        if str(name) in columns:
            notes.append(f"the index {shown(name)} was ignored, for a column has the same name")
        elif name is not None:
            columns[str(name)] = pd.Series(frame.index.get_level_values(level))
    return RawRows(
        columns=columns,
        lines=np.arange(len(frame), dtype=np.int64),
        origin=str(path),
        place="row",
        entropy_unit=str(frame.attrs.get("entropy_unit", BITS)),
        notes=notes,
    )
