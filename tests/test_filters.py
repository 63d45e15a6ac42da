"""Filters: what they keep, and what they say when there is nothing to keep."""

from datetime import UTC, datetime

import pandas as pd
import pytest
from logs import action

from gymlab.actions import frame_from_records, read_actions, select_actions, validate_actions
from gymlab.errors import InputError


@pytest.fixture
def frame():
    records = [
        action(
            agent_id=agent,
            session_id=session,
            step=step,
            timestamp=f"2026-01-0{step + 1}T00:00:00Z",
            action_type=("share", "keep")[step % 2],
            impact=None if step == 2 else step / 4,
            n_choices=2 + step,
        )
        for session in ("s1", "s2")
        for agent in ("ada", "bob")
        for step in range(4)
    ]
    made = frame_from_records(records)
    made.attrs |= {"entropy_unit": "1 - confidence", "source": "made up", "notes": ["a note"]}
    return made


def kept(frame, **filters):
    chosen = select_actions(frame, **filters)
    assert chosen.attrs["entropy_unit"] == "1 - confidence"
    assert chosen.attrs["source"] == "made up"
    assert chosen.attrs["notes"][0] == "a note"
    assert chosen.dtypes.equals(frame.dtypes)
    assert chosen.index.tolist() == list(range(len(chosen)))
    return chosen


def test_without_filters_everything_stays(frame):
    assert select_actions(frame) is frame


def test_by_agent_and_session_one_or_several(frame):
    assert set(kept(frame, agent="ada")["agent_id"]) == {"ada"}
    assert len(kept(frame, agent=["ada", "bob"])) == len(frame)
    chosen = kept(frame, agent="ada", session=("s2",))
    assert set(zip(chosen["session_id"], chosen["agent_id"], strict=True)) == {("s2", "ada")}
    assert chosen.attrs["notes"][1] == "filters (agent ada; session s2) kept 4 of 16 actions"


def test_since_takes_naive_times_as_utc(frame):
    for since in (
        "2026-01-03",
        "2026-01-03T00:00:00Z",
        "2026-01-03T02:00+02:00",
        datetime(2026, 1, 3, tzinfo=UTC),
    ):
        assert set(kept(frame, since=since)["step"]) == {2, 3}


@pytest.mark.parametrize(
    ("where", "n_kept"),
    [
        ("action_type=keep", 8),
        ("step=3", 4),
        ("n_choices=2", 4),
        ("impact=0.25", 4),
        ("impact=0", 4),
        ("impact=", 4),
        ("relationship_type=ally", 16),
        ("timestamp=2026-01-01", 4),
        (["action_type=share", "step=2"], 4),
        ([], 16),
    ],
)
def test_where_is_typed_by_its_column(frame, where, n_kept):
    assert len(kept(frame, where=where)) == n_kept


def test_a_value_may_hold_an_equals_sign():
    frame = frame_from_records([action(target="a=b"), action(step=1)])
    assert select_actions(frame, where="target=a=b")["step"].tolist() == [0]


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"agent": "eve"}, "agent_id: there is no 'eve'; the log has ada, bob"),
        ({"agent": ["ada", "eve"]}, "there is no 'eve'"),
        ({"agent": []}, "agent_id: no value was given"),
        ({"session": "s9"}, "session_id: there is no 's9'; the log has s1, s2"),
        ({"since": "soon"}, "since: 'soon' is no ISO 8601 time"),
        ({"since": "2027-01-01"}, "no action is left by the filters since 2027-01-01"),
        ({"where": "mood=fine"}, "where: there is no column 'mood'; the log has action_id, session_id"),
        ({"where": "action_type"}, "where: 'action_type' is no condition; write column=value"),
        ({"where": "action_type=sing"}, "no action has action_type=sing; action_type is share, keep"),
        ({"where": "step=many"}, "where: step=many: 'many' is text, not a whole number"),
        ({"where": "step=1.5"}, "1.5 is not a whole number"),
        ({"where": "impact=2"}, "where: impact=2: 2 is outside -1…1"),
        ({"where": "impact=NaN"}, "impact is 0.0 to 0.75"),
        ({"where": "relationship_type=friend"}, "'friend' is none of ally, adversary"),
        ({"where": "timestamp=soon"}, "'soon' is no ISO 8601 time"),
        ({"where": "other_last=x"}, "there is no column 'other_last'"),
        (
            {"where": ["step=1", "action_type=share"]},
            "no action is left by the filters step=1; action_type=share",
        ),
    ],
)
def test_a_filter_that_cannot_hold_says_what_there_is(frame, filters, said):
    with pytest.raises(InputError) as caught:
        select_actions(frame, **filters)
    assert said in str(caught.value)


def test_a_log_without_times_cannot_be_cut_by_time():
    with pytest.raises(InputError, match="the log has no timestamps"):
        select_actions(frame_from_records([action(timestamp=None)]), since="2026-01-01")


def test_a_condition_of_any_length_is_one_short_line(frame):
    for where in ("step=" + "[" * 100_000, "impact=" + "9" * 100_000, "action_type=" + "x" * 100_000):
        with pytest.raises(InputError) as caught:
            select_actions(frame, where=where)
        assert len(str(caught.value)) < 500
    with pytest.raises(InputError) as caught:
        select_actions(frame, agent=[f"agent-{i}" for i in range(1000)])
    assert "'agent-9' and 990 more; the log has ada, bob" in str(caught.value)


# --- numbers in the precision of their column ---


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", "Float32", "float[pyarrow]", "category", "float64", "object"]
)
@pytest.mark.parametrize("text", ["0.1", "0.10", "1e-1", ".1", "+0.1"])
def test_a_number_is_found_in_a_column_of_any_precision(dtype, text):
    frame = frame_from_records([action(step=i, impact=impact) for i, impact in enumerate((0.1, 0.25, None))])
    narrow = frame["impact"].astype("float32") if dtype == "category" else frame["impact"]
    frame["impact"] = narrow.astype(dtype)
    assert select_actions(frame, where=f"impact={text}")["step"].tolist() == [0]
    assert select_actions(frame, where="impact=")["step"].tolist() == [2]


@pytest.mark.parametrize(
    "dtype", ["int8", "uint64", "Int64", "float64", "object", "category", "int64[pyarrow]"]
)
def test_whole_numbers_are_found_in_a_column_of_any_type(dtype):
    frame = frame_from_records([action(step=i) for i in range(3)])
    for text in ("2", "2.0", "2e0"):
        assert len(select_actions(frame.assign(step=frame["step"].astype(dtype)), where=f"step={text}")) == 1


def test_whole_numbers_are_compared_to_the_last_digit():
    frame = frame_from_records([action(step=i, n_choices=n) for i, n in enumerate((2**60, 2**60 + 1, None))])
    assert select_actions(frame, where=f"n_choices={2**60 + 1}")["step"].tolist() == [1]


@pytest.mark.parametrize(
    "text", ["1_0", "nan", "inf", "-Infinity", "1e999", "0,1", "true", "0x1", "\u0661", "one"]
)
def test_what_is_no_number_is_no_value_of_a_numeric_column(frame, text):
    for name in ("impact", "step", "n_choices"):
        with pytest.raises(InputError, match=f"where: {name}="):
            select_actions(frame, where=f"{name}={text}")


# --- arguments of the wrong kind ---

WRONG = [
    5,
    2.5,
    True,
    b"ada",
    [5],
    [None],
    [["ada"]],
    object(),
    len,
    10**5000,
    float("nan"),
    {"x": 1},
    range(2),
]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("name", ["agent", "session", "since", "where"])
def test_a_filter_of_the_wrong_kind_is_refused(frame, name, value):
    with pytest.raises(InputError) as caught:
        select_actions(frame, **{name: value})
    assert "\n" not in str(caught.value)


def test_no_condition_is_an_empty_list_not_none(frame):
    with pytest.raises(InputError, match="where is None; give a text or several"):
        select_actions(frame, where=None)


@pytest.mark.parametrize(
    "log", [None, 5, "log.jsonl", [1], {}, pd.DataFrame(), pd.DataFrame({"agent_id": ["ada"]})], ids=str
)
def test_a_log_that_is_none_is_refused(log):
    with pytest.raises(InputError, match="the log"):
        select_actions(log, agent="ada")


def test_a_frame_that_nobody_validated_says_which_row_does_not_fit(frame):
    with pytest.raises(InputError, match=r"the log, row 0: agent_id: .* is a number, not text"):
        select_actions(frame.assign(agent_id=1.5), agent="ada")
    with pytest.raises(InputError, match="columns of the same name"):
        select_actions(pd.concat([frame, frame], axis=1), agent="ada")


@pytest.mark.parametrize("kind", ["float16", "float32", "float64"])
def test_a_number_is_found_after_it_was_stored_in_fewer_bits(kind, tmp_path):
    """Reading widens it, and 0.1 of 32 bits is another number than 0.1 of 64."""
    log = frame_from_records(action(step=step, impact=round(0.1 * (step % 3), 1)) for step in range(6))
    log["impact"] = log["impact"].astype(kind)
    log["reward"] = log["impact"]
    log.to_parquet(tmp_path / "log.parquet")
    read = read_actions(tmp_path / "log.parquet")
    for frame in (read, validate_actions(log), log):
        for name in ("impact", "reward"):
            assert select_actions(frame, where=f"{name}=0.1")["step"].tolist() == [1, 4]
    with pytest.raises(InputError, match=r"no action has impact=0\.1000001"):
        select_actions(read, where="impact=0.1000001")


def test_columns_of_several_levels_are_refused():
    log = frame_from_records([action()])
    log.columns = pd.MultiIndex.from_tuples([(name, "") for name in log.columns])
    with pytest.raises(InputError):
        select_actions(log, agent="a")
