"""JSON in logs: nothing that only Python lets pass comes in, and whatever a cell holds goes out as valid JSON."""

import enum
import json
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import PurePosixPath
from uuid import UUID

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import action
from test_readers import gym_database, gym_row
from test_store import write

from gymlab.actions import frame_from_records, read_actions, validate_actions
from gymlab.actions.json_text import json_text, strict_json
from gymlab.errors import InputError

FAULTS = {
    "NaN": '{"a": NaN}',
    "Infinity": '{"a": [1, Infinity]}',
    "-Infinity": '{"a": {"b": [{"c": -Infinity}]}}',
    "1e999": '{"a": 1e999}',
    "-1e999": '{"a": [[-1e999]]}',
    "a key twice": '{"a": 1, "a": 2}',
    "a key twice with one value": '{"a": 1, "a": 1}',
    "a key twice inside": '{"x": [{"a": 1, "b": 2, "a": 3}]}',
    "endless digits": f'{{"a": {"1" * 5000}}}',
    "endless depth": '{"a": ' + "[" * 100_000,
    "no JSON": "{a: 1}",
}


class Colour(enum.Enum):
    RED = 1


def metadata_of(**fields):
    return frame_from_records([action(**fields)])["metadata"].item()


# --- read ---


@pytest.mark.parametrize("fault", FAULTS)
def test_what_json_does_not_know_is_a_bad_row_in_every_source(fault, tmp_path):
    text = FAULTS[fault]
    good = json.dumps(action())
    (tmp_path / "object.jsonl").write_text(f'{good}\n{good[:-1].replace("0,", "1,", 1)}, "more": {text}}}\n')
    (tmp_path / "text.jsonl").write_text(f"{good}\n{json.dumps(action(step=1, metadata=text))}\n")
    rows = pd.DataFrame([action(metadata=""), action(step=1, metadata=text)])
    rows.to_csv(tmp_path / "text.csv", index=False)
    rows.to_parquet(tmp_path / "text.parquet")
    write(f"sqlite:///{tmp_path}/own.db", frame_from_records([action(), action(step=1)]))
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection, connection:
        connection.execute("UPDATE gymlab_actions SET metadata = ? WHERE step = 1", (text,))
    gym_database(tmp_path / "gym.db", gym_row("x", "2026-01-01"), gym_row("y", "2026-01-02", context=text))
    for path in sorted(tmp_path.iterdir()):
        with pytest.raises(InputError, match=f"{path.name}, (line [23]|row [12]): ") as caught:
            read_actions(path)
        assert "\n" not in str(caught.value)
        frame, errors = read_actions(path, strict=False)
        assert len(frame) == len(errors) == 1
    for attempt in (lambda: metadata_of(metadata=text), lambda: validate_actions(rows)):
        with pytest.raises(InputError, match="metadata: "):
            attempt()


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("field", [*(name for name in action() if name != "metadata"), "reward"])
def test_a_constant_is_refused_in_every_field_of_jsonl(field, constant, tmp_path):
    text = json.dumps(action() | {field: "HERE"}).replace('"HERE"', constant)
    (tmp_path / "a.jsonl").write_text(text)
    with pytest.raises(
        InputError, match=f"line 1: {field}: '{constant}' is (no JSON|too large for a number)"
    ):
        read_actions(tmp_path / "a.jsonl")


@pytest.mark.parametrize("text", ["5", '"a"', "true", "1.5"])
def test_metadata_as_text_is_refused_as_the_same_value_is(text):
    for value in (text, json.loads(text)):
        with pytest.raises(InputError, match=r"not a JSON object|is no valid JSON"):
            metadata_of(metadata=value)
    assert metadata_of(metadata="null") == ""


def test_half_a_surrogate_pair_is_no_text_however_it_is_written():
    for value in ('{"a": "\\ud800"}', '{"a": "\ud800"}', {"a": "\ud800"}, {"\ud800": 1}):
        with pytest.raises(InputError, match="half a surrogate pair"):
            metadata_of(metadata=value)
    whole = '{"a": "\\ud83d\\ude00"}'
    assert metadata_of(metadata=whole) == whole


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aé\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab"), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(values)
def test_what_is_written_is_read_back(value):
    assert strict_json(json_text(value)) == value
    assert strict_json(json.dumps(value)) == value


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=40) | st.text('{}[]",:ab01eE+-.NaIfity\\u ', max_size=40))
def test_any_text_is_read_or_refused(text):
    try:
        value = strict_json(text)
    except InputError:
        return
    assert strict_json(json_text(value)) == value


# --- written ---


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (pd.NA, "null"),
        (pd.NaT, "null"),
        (np.datetime64("NaT"), "null"),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), '"2026-01-31T12:00:00+00:00"'),
        (pd.Timestamp("2026-01-31T00:00:00.123456789"), '"2026-01-31T00:00:00.123456789"'),
        (date(2026, 1, 31), '"2026-01-31"'),
        (time(1, 2), '"01:02:00"'),
        (timedelta(seconds=1.5), "1.5"),
        (np.timedelta64(2, "D"), "172800.0"),
        (Decimal("0.10"), "0.1"),
        (Decimal(9223372036854775813), "9223372036854775813"),
        (Decimal("0.12345678901234567890123"), '"0.12345678901234567890123"'),
        (Decimal("1e99999999"), '"1E+99999999"'),
        (b"\xff\x00", '"/wA="'),
        (bytearray(b"a"), '"YQ=="'),
        ({"b", "a"}, '["a", "b"]'),
        (frozenset([1]), "[1]"),
        ((1, 2), "[1, 2]"),
        (UUID(int=1), '"00000000-0000-0000-0000-000000000001"'),
        (PurePosixPath("/a"), '"/a"'),
        (pd.Period("2026-01"), '"2026-01"'),
        (pd.Interval(0, 1), '"(0, 1]"'),
        (Colour.RED, "1"),
        (np.array([1, 2], dtype="int8"), "[1, 2]"),
        (np.array(["2026-01-31"], dtype="datetime64[ns]"), '["2026-01-31T00:00:00"]'),
        (np.array([None, "a", pd.NA], dtype=object), '[null, "a", null]'),
        (np.float32(0.1), "0.1"),
        (np.uint64(2**63 + 5), "9223372036854775813"),
        (np.array([True])[0], "true"),
        ({1: 2, None: 3}, '{"1": 2, "null": 3}'),
        ({date(2026, 1, 31): 1}, '{"2026-01-31": 1}'),
    ],
)
def test_everything_that_a_cell_may_hold_has_one_way_to_be_written(value, text):
    assert json_text(value) == text
    assert metadata_of(metadata={"v": value}) == f'{{"v": {text}}}'


def cycle():
    made = {}
    made["a"] = made
    return made


def deep():
    made = []
    for _ in range(100_000):
        made = [made]
    return made


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        np.float32("inf"),
        Decimal("NaN"),
        Decimal("sNaN"),
        1j,
        object(),
        10**5000,
        {1: 2, "1": 3},
        {(1, 2): 3},
        {float("nan"): 1},
        np.array([1.0, np.nan]),
        pd.Series([1]),
        cycle(),
        deep(),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_json_has_no_word_for_is_a_bad_row(value):
    with pytest.raises(InputError, match="record 0: metadata: ") as caught:
        metadata_of(metadata={"v": value})
    assert "\n" not in str(caught.value)


def test_an_array_without_a_dimension_is_no_metadata():
    with pytest.raises(InputError, match="not a JSON object"):
        metadata_of(metadata=np.array(5))


@pytest.mark.parametrize("name", ["metadata", "reward"])
def test_nested_columns_of_parquet_keep_digits_nulls_and_times(name, tmp_path):
    inner = {
        "ids": [2**60 + 1, None],
        "at": datetime(2026, 1, 31, tzinfo=UTC),
        "d": Decimal("1.50"),
        "b": b"\xff",
        "u": None,
    }
    written = {"ids": [2**60 + 1, None], "at": "2026-01-31T00:00:00+00:00", "d": 1.5, "b": "/w==", "u": None}
    columns = {
        "struct": (pa.array([inner, None]), written),
        "map": (
            pa.array([[("a", 2**60 + 1), ("b", None)], None], pa.map_(pa.string(), pa.int64())),
            {"a": 2**60 + 1, "b": None},
        ),
        "list": (pa.array([[{"x": [None, date(2026, 1, 31)]}], None]), [{"x": [None, "2026-01-31"]}]),
    }
    table = pa.Table.from_pandas(
        frame_from_records([action(metadata=None), action(step=1, metadata=None)]).drop(columns="metadata"),
        preserve_index=False,
    )
    for kind, (column, said) in columns.items():
        pq.write_table(table.append_column(name, column), tmp_path / f"{kind}.parquet")
        first, second = read_actions(tmp_path / f"{kind}.parquet")["metadata"]
        assert json.loads(first) == (said if name == "metadata" else {"reward": said})
        assert second == ""


def test_a_map_with_a_key_twice_is_a_bad_row(tmp_path):
    table = pa.Table.from_pandas(
        frame_from_records([action()]).drop(columns="metadata"), preserve_index=False
    )
    column = pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64()))
    pq.write_table(table.append_column("metadata", column), tmp_path / "a.parquet")
    with pytest.raises(InputError, match="row 0: metadata: "):
        read_actions(tmp_path / "a.parquet")
