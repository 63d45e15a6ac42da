"""Readers of the action table as JSONL, CSV or Parquet, with columns of the same names."""

import csv
import json
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np
import pandas as pd

from gymlab.actions.columns import BITS, COLUMNS
from gymlab.actions.json_text import NotJsonError, json_text, strict_json
from gymlab.actions.raw_rows import RawRows, columns_of, columns_of_frame, notes_in, printable
from gymlab.actions.readers.source_files import check_file, lines
from gymlab.actions.values import number_in
from gymlab.arguments import named, shortened
from gymlab.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

_KINDS = {column.name: column.kind for column in COLUMNS}
_BOOLEANS = {"True": True, "False": False, "true": True, "false": False}
_INTEGERS = ("Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64")
# The name that Hive and Spark give to the folder for rows without a value.
_NULL_FOLDER = "__HIVE_DEFAULT_PARTITION__"
_LONGEST_CELL = 2**31 - 1
# The csv module has one limit for the whole process, so only one reader at a time may raise it.
_limit_lock = threading.Lock()


def csv_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the records of a CSV file, each with the number of its first line, without blank lines."""
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
    rows.columns = {name: values_of(name, column) for name, column in zip(header, cells, strict=True)}
    rows.lines = np.array(numbers, dtype=np.int64)
    return rows


def csv_cells(path: Path) -> tuple[list[int], list[str], list[list[str]], RawRows]:
    """Return the line numbers, the header and the columns of a CSV file, and rows that hold only the problems."""
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


def values_of(name: str, cells: list[str]) -> list[object]:
    """Return the values of a column by its kind in the action table, or by its cells if it is another column."""
    kind = _KINDS.get(name)
    if kind in ("number", "integer"):
        return [number_in(cell) if cell else None for cell in cells]
    if kind in ("time", "category", "json"):
        return [cell or None for cell in cells]
    return list(cells) if kind else _typed(cells)


def _typed(cells: list[str]) -> list[object]:
    """Return the cells of a column as numbers or booleans if all cells are, else as texts; an empty cell is None.

    A number that Python would write in another way, such as the version 3.10 or the code 007, is a text.

    Examples
    --------
    >>> _typed(["1", "", "0.5"]), _typed(["3.9", "3.10"]), _typed(["True", "False"])
    ([1, None, 0.5], ['3.9', '3.10'], [True, False])
    """
    texts = {cell for cell in cells if cell}
    known: dict[str, object] = {text: number_in(text) for text in texts}
    if any(isinstance(value, str) or str(value) != text for text, value in known.items()):
        is_boolean = texts <= set(_BOOLEANS)
        known = {text: _BOOLEANS[text] if is_boolean else text for text in texts}
    return [known.get(cell) for cell in cells]


def folder_columns(path: Path) -> dict[str, list[object]]:
    """Return the columns in the names of the folders of a file, ``column=value``, as Hive and Spark write them.

    Examples
    --------
    >>> folder_columns(Path("runs/impact=0.5/model=a%2Fb/p.parquet"))
    {'impact': [0.5], 'model': ['a/b']}
    """
    found: dict[str, list[object]] = {}
    for folder in path.absolute().parents:
        name, equals, value = folder.name.partition("=")
        if not (name and equals):
            continue
        name, value = printable(unquote(name)), printable(unquote(value))
        # The inner folder overrides the outer folder. A column in the file overrides both.
        found.setdefault(name, [None] if value == _NULL_FOLDER else values_of(name, [value]))
    return dict(reversed(found.items()))


def read_parquet(path: Path) -> RawRows:
    """Read a Parquet file of the action table, with the notes and the entropy unit that are stored in it."""
    # The import of pyarrow is slow, and only this format needs it.
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow.parquet import ParquetFile  # noqa: PLC0415

    check_file(path)
    try:
        # Arrow cannot open a file whose name is not UTF-8.
        with path.open("rb") as file:
            table = ParquetFile(file).read()
        twice = len(set(table.column_names)) < len(table.column_names)
        frame = pd.DataFrame() if twice else _frame(table)
    # The metadata that pandas stores with the columns may be broken, too; this raises errors of Python.
    except (pa.ArrowException, OSError, ValueError, TypeError, LookupError, AttributeError) as error:
        reason = shortened(" ".join(str(error).split()))
        raise InputError(f"{path}: is no readable Parquet file ({reason}); write it again") from error
    if twice:
        raise InputError(f"{path}: has columns of the same name; write it again with each only once")
    columns, notes = columns_of_frame(frame, f"{path}:")
    return RawRows(
        columns=columns,
        lines=np.arange(len(frame), dtype=np.int64),
        origin=str(path),
        place="row",
        entropy_unit=str(frame.attrs.get("entropy_unit", BITS)),
        notes=[*notes_in(frame.attrs), *notes],
    )


def _frame(table: "pa.Table") -> pd.DataFrame:
    """Return an Arrow table as a frame, without the loss of a digit, a null or a date."""
    import pyarrow as pa  # noqa: PLC0415

    # pandas would convert integers to floats if there is a null among them, also in lists.
    integers = {getattr(pa, name.lower())(): getattr(pd, f"{name}Dtype")() for name in _INTEGERS}
    is_odd = (pa.types.is_nested, pa.types.is_date, pa.types.is_time)
    odd = [field.name for field in table.schema if any(is_one(field.type) for is_one in is_odd)]
    frame: pd.DataFrame = table.drop_columns(odd).to_pandas(types_mapper=integers.get)
    for name in odd:
        frame[name] = pd.Series([_cell(cell) for cell in table[name]], index=frame.index, dtype=object)
    attrs: Any = strict_json((table.schema.metadata or {}).get(b"PANDAS_ATTRS", b"{}"))
    frame.attrs = dict(attrs)
    return frame


def _cell(cell: "pa.Scalar") -> object:
    """Return a cell as a value of Python. A cell that has no such value is not changed, and every column refuses it."""
    try:
        return cell.as_py(maps_as_pydicts="strict")
    except (ValueError, OverflowError, KeyError):
        return cell


def read_jsonl(path: Path) -> RawRows:
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
    """Return the name of the field whose value is no JSON; "" if the problem is not in a single field."""
    # The reader of Python accepts such a value, but the rest of the line may be broken, too.
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
