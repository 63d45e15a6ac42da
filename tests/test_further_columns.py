"""Columns that the action table does not have: kept in metadata by every reader, and found by every filter."""

import csv
import json
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import action
from test_readers import gym_database, gym_row
from test_store import write

from gymlab.actions import frame_from_records, read_actions, select_actions, validate_actions
from gymlab.errors import InputError

KEPT = "columns that the action table does not have are kept in metadata: "
MORE = [
    {"reward": 1, "model": "gpt", "solved": True},
    {"reward": 0.5, "model": None, "solved": False},
    {"reward": None, "model": "o3", "solved": None},
]
WRITTEN = [
    '{"reward": 1, "model": "gpt", "solved": true}',
    '{"reward": 0.5, "solved": false}',
    '{"model": "o3"}',
]


def records():
    return [action(step=i, metadata=None, **more) for i, more in enumerate(MORE)]


def written(folder):
    """Write the same actions in each format that has names of its own for columns."""
    frame = (
        pd.DataFrame(records()).drop(columns="reward").assign(reward=pd.Series([1, 0.5, None], dtype=object))
    )
    frame = frame[[*frame.columns[:-3], "reward", "model", "solved"]]
    frame.to_csv(folder / "a.csv", index=False)
    (folder / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records()))
    return [folder / "a.csv", folder / "a.jsonl"]


def test_every_source_keeps_them_and_says_so(tmp_path):
    frames = [read_actions(path) for path in written(tmp_path)]
    frames += [frame_from_records(records()), validate_actions(pd.DataFrame(records(), dtype=object))]
    for frame in frames:
        assert frame["metadata"].tolist() == WRITTEN
        assert frame.attrs["notes"] == [f"{KEPT}reward, model, solved"]
        assert "reward" not in frame


def test_what_was_kept_goes_through_every_format_and_is_not_said_again(tmp_path):
    frame = frame_from_records(records())
    again = validate_actions(frame)
    pd.testing.assert_frame_equal(again, frame)
    assert again.attrs == frame.attrs
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_csv(tmp_path / "a.csv", index=False)
    write(f"sqlite:///{tmp_path}/a.db", frame)
    for name, notes in (("a.parquet", frame.attrs["notes"]), ("a.csv", []), ("a.db", [])):
        read = read_actions(tmp_path / name)
        pd.testing.assert_frame_equal(read, frame)
        assert read.attrs["notes"] == notes


@pytest.mark.parametrize(
    ("own", "text", "notes"),
    [
        ({"turn": 3}, '{"reward": 1, "turn": 3}', []),
        ({}, '{"reward": 1}', []),
        ('{ "turn":3.50 }', '{"reward": 1, "turn":3.50}', []),
        (["a"], '{"reward": 1, "metadata": ["a"]}', []),
        ({"reward": 1}, '{"reward": 1}', []),
        (
            {"reward": 2, "x": 0},
            '{"reward": 2, "x": 0}',
            ["where a column and metadata differ, metadata was kept: reward"],
        ),
    ],
)
def test_they_stand_beside_the_source_s_own_metadata_which_wins(own, text, notes):
    frame = frame_from_records([action(metadata=own, reward=1)])
    assert frame["metadata"].item() == text
    assert frame.attrs["notes"] == [f"{KEPT}reward", *notes]


@pytest.mark.parametrize(
    ("values", "held"),
    [
        (pd.Series([2**63 + 5, None], dtype="UInt64"), [2**63 + 5, None]),
        (pd.Series([0.1, np.nan], dtype="float32"), [0.1, None]),
        (pd.Series([True, None], dtype="boolean"), [True, None]),
        (pd.Series(["x", None], dtype="category"), ["x", None]),
        (pd.Series(pd.to_datetime(["2026-01-31", None])), ["2026-01-31T00:00:00", None]),
        (pd.Series([1, True], dtype=object), [1, True]),
        (pd.Series([{"a": [None]}, [1]], dtype=object), [{"a": [None]}, [1]]),
    ],
)
def test_values_of_any_type_keep_it(values, held):
    log = frame_from_records([action(metadata=None), action(step=1, metadata=None)])
    texts = validate_actions(log.assign(more=values))["metadata"]
    found = [json.loads(text)["more"] if text else None for text in texts]
    assert found == held
    assert [type(value) for value in found] == [type(value) for value in held]


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1j, object(), {(1,): 2}, "\ud800"])
def test_a_value_that_cannot_be_kept_is_a_bad_row_of_its_column(value):
    with pytest.raises(InputError, match="record 1: reward: "):
        frame_from_records([action(reward=1), action(step=1, reward=value)])
    frame, errors = frame_from_records([action(reward=1), action(step=1, reward=value)], strict=False)
    assert len(frame) == 1
    assert errors["field"].tolist() == ["reward"]


@pytest.mark.parametrize(
    ("cells", "held"),
    [
        (("1", "0"), [1, 0]),
        (("1.0", "2"), [1.0, 2]),
        (("3.10", "3.9"), ["3.10", "3.9"]),
        (("007", "8"), ["007", "8"]),
        (("True", "False"), [True, False]),
        (("true", "maybe"), ["true", "maybe"]),
        (("NaN", "inf"), ["NaN", "inf"]),
        (("1e5", "1"), ["1e5", "1"]),
        (("9223372036854775813", "1"), [9223372036854775813, 1]),
        (("1", ""), [1, None]),
    ],
)
def test_cells_of_csv_are_numbers_only_where_no_digit_is_lost(cells, held, tmp_path):
    rows = [action(step=i, metadata=None, more=cell) for i, cell in enumerate(cells)]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False, quoting=csv.QUOTE_ALL)
    texts = read_actions(tmp_path / "a.csv")["metadata"]
    assert [json.loads(text)["more"] if text else None for text in texts] == held


def test_readers_that_make_their_columns_keep_the_others_too(tmp_path):
    matches = (
        "strategy,opponent,turns,seed,rep,moves,opponent_moves,score,line,impact\nA,B,2,1,0,CD,DC,2.5,x,0.9\n"
    )
    (tmp_path / "matches.csv").write_text(matches)
    frame = read_actions(tmp_path / "matches.csv")
    assert frame["metadata"].tolist() == ['{"score": 2.5, "line": "x"}'] * 2
    assert "columns that follow from the moves were left out: impact" in frame.attrs["notes"]
    about = {"actor": "a", "target": "b", "relationship_type": "ally", "impact_magnitude": 0.1, "trust": 0.5}
    path = gym_database(tmp_path / "gym.db", gym_row("x", "2026-01-01", relational=json.dumps(about)))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE actions ADD COLUMN reward")
        connection.execute("UPDATE actions SET reward = 1")
    frame = read_actions(path)
    kept = json.loads(frame["metadata"].item())
    assert (kept["reward"], kept["relational_data"]) == (1, {"trust": 0.5})
    assert f"{KEPT}reward" in frame.attrs["notes"]
    write(f"sqlite:///{tmp_path}/own.db", frame_from_records([action(metadata=None)]))
    with closing(sqlite3.connect(tmp_path / "own.db")) as connection, connection:
        connection.execute("ALTER TABLE gymlab_actions ADD COLUMN reward REAL")
        connection.execute("UPDATE gymlab_actions SET reward = 0.5")
    assert read_actions(tmp_path / "own.db")["metadata"].item() == '{"reward": 0.5}'


def test_an_index_is_a_column_of_a_frame_too():
    log = frame_from_records([action(step=i, metadata=None) for i in range(2)])
    indexed = log.set_index(pd.Index([1, 0], name="reward"))
    assert validate_actions(indexed)["metadata"].tolist() == ['{"reward": 1}', '{"reward": 0}']
    pd.testing.assert_frame_equal(validate_actions(log.set_index(["session_id", "step"])), log)


def test_a_note_that_holds_of_every_file_is_said_once(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(action(session_id=name, reward=1)))
    assert read_actions(str(tmp_path / "*.jsonl")).attrs["notes"] == [f"{KEPT}reward"]


# --- the same table from every format ---

plain = st.text(st.characters(codec="utf-8", exclude_categories=["Nd", "Cs"]), min_size=1, max_size=6).filter(
    lambda text: text.lower() not in ("true", "false")
)
rows = st.lists(
    st.fixed_dictionaries(
        {
            "reward": st.none()
            | st.integers(-(2**70), 2**70)
            | st.floats(allow_nan=False, allow_infinity=False),
            "model": st.none() | plain,
            "solved": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=5,
)


def test_random_records_make_the_same_table_from_every_format():
    @settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(rows)
    def check(drawn):
        made = [action(step=i, metadata=None) | more for i, more in enumerate(drawn)]
        expected = frame_from_records(made)
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "a.jsonl").write_text("".join(json.dumps(record) + "\n" for record in made))
            pd.DataFrame(made, dtype=object).to_csv(folder / "a.csv", index=False, quoting=csv.QUOTE_ALL)
            expected.to_parquet(folder / "a.parquet")
            write(f"sqlite:///{folder}/a.db", expected)
            for path in folder.iterdir():
                if path.suffix in (".jsonl", ".csv", ".parquet", ".db"):
                    pd.testing.assert_frame_equal(read_actions(path), expected)

    check()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([json.dumps(action()), "{", "NaN", '{"a":1,"a":2}', "\ud7ff", ","])).map(
        lambda lines: "\n".join(lines).encode()
    ),
    st.sampled_from(["a.jsonl", "a.csv", "a.json", "a.parquet", "a.db", "a"]),
)
def test_any_bytes_are_read_or_refused(content, name):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            frame = read_actions(path)
        except InputError:
            return
        pd.testing.assert_frame_equal(validate_actions(frame), frame)


# --- filters ---


@pytest.fixture
def log():
    return frame_from_records(
        [
            action(
                step=i,
                reward=[1, 0, 0.5, None][i],
                solved=[True, False, None, True][i],
                domain=["airline", "retail", "airline", None][i],
                metadata={"user": {"mood": "fine", "a.b": i}, "n": 2**60 + 1, "tags": ["a"]},
            )
            for i in range(4)
        ]
    )


@pytest.mark.parametrize(
    ("where", "steps"),
    [
        ("reward=1", [0]),
        ("reward=1.0", [0]),
        ("reward=.5", [2]),
        ("reward=5e-1", [2]),
        ("metadata.reward=1", [0]),
        ("reward=", [3]),
        ("domain=airline", [0, 2]),
        ("metadata.domain=airline", [0, 2]),
        ("solved=true", [0, 3]),
        ("solved=False", [1]),
        ("user.mood=fine", [0, 1, 2, 3]),
        ("metadata.user.a.b=2", [2]),
        (f"n={2**60 + 1}", [0, 1, 2, 3]),
        ('tags=["a"]', [0, 1, 2, 3]),
        (["domain=airline", "reward=1"], [0]),
    ],
)
def test_conditions_reach_into_metadata(log, where, steps):
    assert select_actions(log, where=where)["step"].tolist() == steps


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("reward=2", "no action has reward=2; reward is 0 to 1"),
        ("reward=nan", "no action has reward=nan"),
        ("reward=1_0", "no action has reward=1_0"),
        ("solved=1", "solved is true, false"),
        ("domain=bank", "domain is airline, retail"),
        (f"n={2**60}", "no action has n="),
        ("mood=fine", "beside them reward, solved, domain, user.mood, user.a.b, n, tags"),
        ("metadata.mood=fine", "there is no column 'metadata.mood'; the log has action_id"),
        ("=1", "there is no column ''"),
    ],
)
def test_a_condition_on_metadata_that_cannot_hold_says_what_there_is(log, where, said):
    with pytest.raises(InputError) as caught:
        select_actions(log, where=where)
    assert said in str(caught.value)


def test_a_column_of_the_frame_is_found_before_it_is_kept(log):
    frame = log.assign(
        mood=pd.Series([0.1, 0.2, 0.3, 0.1], dtype="float32"),
        pattern=[0, 1, 1, 2],
        kind=pd.Categorical(["x", "y", "x", "x"]),
    )
    for one in (frame, validate_actions(frame)):
        assert select_actions(one, where="mood=0.1")["step"].tolist() == [0, 3]
        assert select_actions(one, where="pattern=1")["step"].tolist() == [1, 2]
        assert select_actions(one, where="kind=y")["step"].tolist() == [1]


# --- folders as Hive and Spark name them ---


def put(folder, frame, suffix=".parquet"):
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"part{suffix}"
    frame.to_parquet(path) if suffix == ".parquet" else frame.to_csv(path, index=False)
    return path


def bare(**more):
    frame = frame_from_records([action(metadata=None, impact=None, timestamp=None, **more)])
    return frame.drop(columns=["impact", "timestamp", "metadata", "action_id"])


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize(
    ("folders", "column", "value"),
    [
        ("impact=0.5", "impact", 0.5),
        ("impact=-1/other_last=share", "impact", -1.0),
        ("impact=__HIVE_DEFAULT_PARTITION__", "impact", None),
        ("timestamp=2026-01-31 12%3A00Z", "timestamp", pd.Timestamp("2026-01-31T12:00Z")),
        ("n_choices=3", "n_choices", 3),
        ("other_last=a%2Fb=c", "other_last", "a/b=c"),
        ("other_last=007", "other_last", "007"),
        ("session_id=elsewhere", "session_id", "s1"),
        ("reward=1/model=3.10", "metadata", '{"reward": 1, "model": "3.10"}'),
        ("reward=1/reward=2", "metadata", '{"reward": 2}'),
        ("impact=0.5/part1", "impact", 0.5),
        ("reward=1/part1/impact=0.5", "metadata", '{"reward": 1}'),
    ],
)
def test_a_folder_says_what_its_file_does_not(folders, column, value, suffix, tmp_path):
    read = read_actions(put(tmp_path / folders, bare(), suffix))
    found = read[column].item()
    assert pd.isna(found) if value is None else found == value


def test_folders_under_a_pattern_and_from_inside(tmp_path, monkeypatch):
    for reward in (0, 1):
        put(tmp_path / "runs" / f"reward={reward}" / "impact=0.5", bare(session_id=f"s{reward}"))
    log = read_actions(str(tmp_path / "runs" / "*" / "*" / "*.parquet"))
    assert log["impact"].tolist() == [0.5, 0.5]
    assert log.attrs["notes"] == [f"{KEPT}reward"]
    assert select_actions(log, where="reward=1")["session_id"].tolist() == ["s1"]
    monkeypatch.chdir(tmp_path / "runs" / "reward=1" / "impact=0.5")
    assert read_actions("part.parquet")["metadata"].item() == '{"reward": 1}'


def test_a_folder_s_value_that_does_not_fit_is_named(tmp_path):
    for folder, said in (("impact=high", "'high' is text, not a number"), ("impact=7", "7 is outside")):
        with pytest.raises(InputError, match=f"row 0: impact: {said}"):
            read_actions(put(tmp_path / folder, bare()))


def test_a_name_that_is_no_text_is_no_reason_to_fail(tmp_path):
    path = tmp_path / os.fsdecode(b"log\xff.parquet")
    bare().to_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").rename(path)
    assert len(read_actions(path)) == 1
    broken = tmp_path / os.fsdecode(b"log\xff.jsonl")
    broken.write_text(f"{json.dumps(action())}\nbroken\n")
    assert read_actions(broken, strict=False)[1]["source"].item().endswith("log\\udcff.jsonl")
