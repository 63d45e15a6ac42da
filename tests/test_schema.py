"""The action table: dtypes, ranges, keys, and what is said of each bad row."""

import asyncio
import json
import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from logs import action

from gymlab.actions import (
    ACTION_COLUMNS,
    COLUMNS,
    RELATIONSHIPS,
    frame_from_records,
    read_actions,
    validate_actions,
)
from gymlab.actions.store import rows_of, write_actions
from gymlab.errors import InputError

DTYPES = {
    "step": "int64",
    "timestamp": "datetime64[us, UTC]",
    "relationship_type": "category",
    "impact": "float64",
    "outcome_valence": "float64",
    "decision_entropy": "float64",
    "latency_ms": "float64",
    "n_choices": "Int64",
}


def test_every_column_has_its_exact_dtype():
    frame = frame_from_records([action(other_last="share", n_choices=3)])
    assert tuple(frame.columns) == ACTION_COLUMNS
    for name in ACTION_COLUMNS:
        assert str(frame[name].dtype) == DTYPES.get(name, "str")
    assert tuple(frame["relationship_type"].cat.categories) == RELATIONSHIPS


def test_what_is_unknown_stays_unknown_and_optional_columns_stay_away():
    bare = dict.fromkeys(
        ("timestamp", "impact", "outcome_valence", "decision_entropy", "latency_ms", "metadata")
    )
    frame = frame_from_records([action(**bare)])
    assert "n_choices" not in frame
    assert "other_last" not in frame
    assert (
        frame[["timestamp", "impact", "outcome_valence", "decision_entropy", "latency_ms"]]
        .isna()
        .all(axis=None)
    )
    assert frame["metadata"].item() == ""
    assert frame["action_id"].item() == "s1/ada/0"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"impact": 1.5}, "impact: 1.5 is outside -1…1"),
        ({"outcome_valence": -2}, "outcome_valence: -2 is outside -1…1"),
        ({"decision_entropy": -0.1}, "decision_entropy: -0.1 is outside 0 or more"),
        ({"latency_ms": math.inf}, "latency_ms: inf is not finite"),
        ({"latency_ms": 10**400}, "is not finite"),
        ({"impact": True}, "impact: True is true or false, not a number"),
        ({"impact": "0.5"}, "impact: '0.5' is text, not a number"),
        ({"step": 3.5}, "step: 3.5 is not a whole number"),
        ({"step": "3"}, "step: '3' is text, not a whole number"),
        ({"step": True}, "step: True is true or false, not a whole number"),
        ({"step": -1}, "step: -1 is outside 0 or more"),
        ({"step": 2**70}, "is too large"),
        ({"step": None}, "step is missing"),
        ({"session_id": ""}, "session_id: '' is empty"),
        ({"session_id": 1.5}, "session_id: 1.5 is a number, not text"),
        ({"action_type": None}, "action_type is missing"),
        ({"target": ["a"]}, "target: ['a'] is a list, not text"),
        ({"agent_id": "\ud800"}, "half a surrogate pair"),
        ({"relationship_type": "friend"}, "relationship_type: 'friend' is none of ally"),
        ({"timestamp": "yesterday"}, "timestamp: 'yesterday' is no ISO 8601 time"),
        ({"timestamp": "now"}, "timestamp: 'now' is no ISO 8601 time"),
        ({"timestamp": 1700000000}, "timestamp: 1700000000 is no ISO 8601 time"),
        ({"metadata": "{broken"}, "metadata: '{broken' is no valid JSON"),
        ({"metadata": {"x": math.nan}}, "metadata: {'x': nan} is no valid JSON"),
        ({"metadata": 5}, "metadata: 5 is a number, not a JSON object"),
        ({"n_choices": 0}, "n_choices: 0 is outside 1 or more"),
    ],
)
def test_a_bad_value_is_named_with_its_place(changes, said):
    with pytest.raises(InputError) as caught:
        frame_from_records([action(step=9), action(**changes)])
    assert "the records, record 1: " in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_lenient_keeps_the_good_rows_and_lists_the_others():
    frame, errors = frame_from_records(
        [action(step=0), action(step=1, impact=2, latency_ms=-1), action(step=2)], strict=False
    )
    assert frame["step"].tolist() == [0, 2]
    assert errors["line"].tolist() == [1, 1]
    assert errors["field"].tolist() == ["impact", "latency_ms"]
    assert list(errors.columns) == ["source", "line", "field", "value", "problem"]
    assert "bad records left out: 1" in frame.attrs["notes"]
    assert any("not contiguous in 1 series" in note for note in frame.attrs["notes"])


def test_a_missing_column_is_one_error_that_names_the_found_ones():
    with pytest.raises(
        InputError, match=r"the columns agent_id, step, .* are missing; it has session_id, when"
    ):
        frame_from_records([{"session_id": "a", "when": 1}], strict=False)


def test_a_repeated_key_names_both_places():
    with pytest.raises(InputError) as caught:
        frame_from_records([action(step=4), action(step=5), action(step=4)])
    assert "record 2: step: 's1/ada/4'" in str(caught.value)
    assert "repeats the key (session/agent/step) of the records, record 0" in str(caught.value)


def test_two_agents_of_one_session_may_have_the_same_step():
    assert len(frame_from_records([action(), action(agent_id="bob")])) == 2


def test_rows_are_ordered_by_series_as_they_first_appear_then_by_step():
    frame = frame_from_records(
        [action(agent_id=a, step=s) for a, s in [("z", 2), ("b", 1), ("z", 1), ("b", 0)]]
    )
    assert list(zip(frame["agent_id"], frame["step"], strict=True)) == [
        ("z", 1),
        ("z", 2),
        ("b", 0),
        ("b", 1),
    ]


def test_times_are_in_utc_and_naive_ones_are_noted():
    stamps = ["2026-01-01T10:00:00+05:30", "2026-01-01 10:00", datetime(2026, 1, 1, tzinfo=UTC), "9999-12-31"]
    frame = frame_from_records([action(step=i, timestamp=stamp) for i, stamp in enumerate(stamps)])
    assert [t.isoformat() for t in frame["timestamp"]] == [
        "2026-01-01T04:30:00+00:00",
        "2026-01-01T10:00:00+00:00",
        "2026-01-01T00:00:00+00:00",
        "9999-12-31T00:00:00+00:00",
    ]
    assert frame.attrs["notes"] == ["times without a zone were taken as UTC"]
    assert frame_from_records([action()]).attrs["notes"] == []


def test_whole_numbers_become_text_where_text_belongs_and_whole_floats_become_steps():
    frame = frame_from_records([action(session_id=12, step=3.0)])
    assert frame["session_id"].item() == "12"
    assert frame["step"].item() == 3


def test_validating_is_idempotent_and_keeps_the_attrs():
    frame = frame_from_records([action(step=i, n_choices=None if i else 3) for i in range(3)])
    frame.attrs["entropy_unit"] = "1 - confidence"
    again = validate_actions(frame)
    pd.testing.assert_frame_equal(again, frame)
    assert again.attrs == frame.attrs
    json.dumps(again.attrs)


def test_a_frame_of_looser_dtypes_is_tightened():
    frame = frame_from_records([action(step=i, timestamp="2026-01-31T12:00:00.000001Z") for i in range(3)])
    loose = frame.astype({"relationship_type": "str", "step": "float64", "session_id": object})
    loose["timestamp"] = loose["timestamp"].dt.tz_localize(None).astype("datetime64[ns]")
    tightened = validate_actions(loose)
    assert tightened.attrs["notes"] == ["times without a zone were taken as UTC"]
    tightened.attrs = frame.attrs
    pd.testing.assert_frame_equal(tightened, frame)


def test_what_is_no_record_is_refused():
    with pytest.raises(InputError, match="no actions"):
        frame_from_records([])
    with pytest.raises(InputError, match="record 1: 5 is no mapping"):
        frame_from_records([action(), 5])


def test_a_bad_frame_is_refused_by_row():
    frame = frame_from_records([action(step=i) for i in range(3)])
    frame.loc[2, "impact"] = np.inf
    with pytest.raises(InputError, match=r"row 2: impact: .*inf.* is not finite"):
        validate_actions(frame)
    with pytest.raises(InputError, match="no actions"):
        validate_actions(frame.iloc[:0])
    with pytest.raises(InputError, match="more than once"):
        validate_actions(pd.concat([frame, frame], axis=1))
    with pytest.raises(InputError, match="not a list"):
        validate_actions([1])


# --- integers beyond 64 bits, and the types in which they come ---

BIG = 2**63 + 5
WHOLE = {
    "UInt64": pd.Series([BIG, 3], dtype="UInt64"),
    "uint64": pd.Series([BIG, 3], dtype="uint64"),
    "objects": pd.Series([BIG, 3], dtype=object),
    "numpy objects": pd.Series([np.uint64(BIG), np.int8(3)], dtype=object),
    "decimals": pd.Series([Decimal(BIG), Decimal("3.0")], dtype=object),
    "categories": pd.Series(pd.Categorical([BIG, 3])),
    "Arrow": pd.Series([BIG, 3], dtype=pd.ArrowDtype(pa.uint64())),
    "Arrow decimals": pd.Series([Decimal(BIG), Decimal(3)], dtype=pd.ArrowDtype(pa.decimal128(20, 0))),
}
TEXTS = [column.name for column in COLUMNS if column.kind == "text"]


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("name", TEXTS)
def test_whole_numbers_of_any_type_keep_every_digit_as_text(name, kind):
    log = frame_from_records([action(step=0), action(step=1)])
    assert validate_actions(log.assign(**{name: WHOLE[kind]}))[name].tolist() == [str(BIG), "3"]


@pytest.mark.parametrize("name", ["action_id", "other_last"])
def test_a_null_among_integers_costs_no_digit(name, tmp_path):
    log = frame_from_records([action(step=0), action(step=1)]).assign(other_last="x")
    table = pa.Table.from_pandas(log.drop(columns=name), preserve_index=False)
    for column in (pa.array([2**60 + 1, None]), pa.array([2**60 + 1, None], pa.uint64())):
        for one in (column, column.dictionary_encode()):
            pq.write_table(table.append_column(name, one), tmp_path / "a.parquet")
            assert read_actions(tmp_path / "a.parquet")[name].iloc[0] == str(2**60 + 1)


def test_large_integers_of_json_are_whole(tmp_path):
    (tmp_path / "a.jsonl").write_text(
        json.dumps(action(session_id=BIG, agent_id=10**30, metadata={"id": BIG}, n_choices=2**62, trace=BIG))
    )
    row = read_actions(tmp_path / "a.jsonl").iloc[0]
    assert (row["session_id"], row["agent_id"], row["n_choices"]) == (str(BIG), str(10**30), 2**62)
    assert json.loads(row["metadata"]) == {"id": BIG, "trace": BIG}


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        True,
        np.array([True])[0],
        Decimal("1.5"),
        10**5000,
        Decimal("1e99999999"),
        np.timedelta64(3, "s"),
        1j,
        b"a",
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_whole_number_is_no_text(value):
    for name in ("session_id", "other_last"):
        with pytest.raises(InputError, match=f"record 0: {name}: "):
            frame_from_records([action(**{name: value})])


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        np.uint64(2**63),
        2.0**63,
        np.float64(2.0**63),
        Decimal(2**63),
        10**400,
        Decimal("1e99999999"),
        -(2**63) - 1,
    ],
    ids=repr,
)
def test_a_step_beyond_64_bits_is_a_bad_row(value):
    for name in ("step", "n_choices"):
        with pytest.raises(InputError, match=f"record 0: {name}: .* is (too large|outside)"):
            frame_from_records([action(**{name: value})])


@pytest.mark.parametrize("value", [np.timedelta64(3, "s"), timedelta(3), 1j, "3", [3]], ids=repr)
def test_a_step_of_another_kind_is_a_bad_row(value):
    with pytest.raises(InputError, match=r"record 0: step: .* not a whole number"):
        frame_from_records([action(step=value)])


# --- arguments of the wrong kind ---

WRONG = [
    None,
    5,
    2.5,
    True,
    b"x",
    "records",
    [5],
    [None],
    [{5: 1}],
    {"a": 1},
    object(),
    len,
    float("nan"),
    np.arange(3),
]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: type(value).__name__)
def test_arguments_of_the_wrong_kind_are_refused(value):
    attempts = [lambda: frame_from_records(value), lambda: validate_actions(value), lambda: rows_of(value)]
    attempts += [lambda: asyncio.run(write_actions(frame_from_records([action()]), value))]
    attempts += [lambda: frame_from_records([action()], strict=value)] * (value is not True)
    for attempt in attempts:
        with pytest.raises(InputError) as caught:
            attempt()
        assert "\n" not in str(caught.value)
