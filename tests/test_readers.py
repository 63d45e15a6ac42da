"""Every format into the action table: real logs, round trips, and files that are broken."""

import csv
import gzip
import json
import os
import sqlite3
import tempfile
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import action, shared_log

from gymlab.actions import frame_from_records, read_actions, validate_actions
from gymlab.actions.readers import hide_password
from gymlab.errors import InputError, OutputError
from gymlab.settings import sample_path

COMPARED = ["action_type", "relationship_type", "impact", "outcome_valence", "decision_context", "target"]

# What every format can hold: any text but half surrogate pairs.
texts = st.text(st.characters(blacklist_categories=["Cs"]), min_size=1, max_size=12)
unit = st.none() | st.floats(-1, 1)
amount = st.none() | st.floats(0, 1e12)
records = st.fixed_dictionaries(
    {
        "session_id": texts,
        "agent_id": texts,
        "timestamp": st.none() | st.datetimes().map(lambda t: f"{t.isoformat()}Z"),
        "actor": texts,
        "target": texts | st.just(""),
        "action_type": texts,
        "decision_context": texts | st.just(""),
        "relationship_type": st.sampled_from(["ally", "self", "environment"]),
        "impact": unit,
        "outcome_valence": unit,
        "decision_entropy": amount,
        "latency_ms": amount,
        "other_last": texts | st.just(""),
        "n_choices": st.none() | st.integers(1, 2**62),
        "metadata": st.none() | st.dictionaries(texts, st.integers() | texts, max_size=2),
    }
)
logs = st.lists(records, min_size=1, max_size=6).map(
    lambda rows: frame_from_records([{**row, "step": i} for i, row in enumerate(rows)])
)
WRITERS = {
    # Everything is quoted, for pandas leaves a lone carriage return bare, which no CSV reader takes.
    "log.csv": lambda frame, path: frame.to_csv(path, index=False, quoting=csv.QUOTE_ALL),
    "log.csv.gz": lambda frame, path: frame.to_csv(path, index=False, quoting=csv.QUOTE_ALL),
    "log.parquet": lambda frame, path: frame.to_parquet(path, index=False),
}


def write_jsonl(frame, path):
    """Write each action as one line; pandas rounds floats to 15 digits, json keeps them."""
    with path.open("w", encoding="utf-8") as file:
        for row in frame.astype({"timestamp": "str"}).astype(object).to_dict("records"):
            known = {name: value for name, value in row.items() if not pd.isna(value) and value != "NaT"}
            file.write(json.dumps(known) + "\n")


WRITERS["log.jsonl"] = write_jsonl


@pytest.mark.parametrize("name", WRITERS)
def test_writing_and_reading_is_the_identity(name):
    @settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(logs)
    def check(frame):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            WRITERS[name](frame, path)
            pd.testing.assert_frame_equal(read_actions(path), frame)

    check()


# --- real logs ---


def as_sequences(frame, columns):
    """Return every series as a tuple of its rows, NaN as None, by its key."""
    values = frame[columns].astype(object)
    values = values.where(values.notna(), None)
    rows = list(zip(*(values[name] for name in columns), strict=True))
    found = {}
    for key, row in zip(zip(frame["session_id"], frame["agent_id"], strict=True), rows, strict=True):
        found.setdefault(key, []).append(row)
    return {key: tuple(rows) for key, rows in found.items()}


def test_axelrod_raw_agrees_with_the_neutral_log_match_by_match():
    raw = read_actions(shared_log("axelrod/raw/matches_canonical.csv.gz"))
    neutral = read_actions(shared_log("axelrod/canonical/actions.jsonl.gz"))
    with shared_log("axelrod/canonical/labels.csv").open() as file:
        labels = {row["session_id"]: row for row in csv.DictReader(file)}
    columns = [name for name in COMPARED if name != "target"]
    ours = {key[0].rpartition(" rep=")[0]: rows for key, rows in as_sequences(raw, columns).items()}
    theirs = as_sequences(neutral, columns)
    assert len(ours) == len(theirs) == 840
    for (session, _), rows in theirs.items():
        label = labels[session]
        assert ours[f"{label['strategy']} vs {label['opponent']} seed={label['seed']}"] == rows


def test_axelrod_says_what_the_other_did_and_how_many_choices_there_were():
    raw = read_actions(shared_log("axelrod/raw/matches_canonical.csv.gz"))
    assert (raw["n_choices"] == 2).all()
    later = raw[raw["step"] > 0]
    assert set(raw.loc[raw["step"] == 0, "other_last"]) == {""}
    assert (later["other_last"].str[0].str.upper() == later["decision_context"].str[1]).all()
    tit_for_tat = later[later["agent_id"] == "TitForTat"]
    assert (tit_for_tat["action_type"] == tit_for_tat["other_last"]).all()


def test_the_large_axelrod_log_reads_in_seconds():
    path = shared_log("axelrod/raw/matches_bulk.csv.gz")
    started = time.perf_counter()
    frame = read_actions(path)
    print(f"{len(frame):,} actions in {time.perf_counter() - started:.1f} s")
    assert len(frame) == 649_600
    assert frame["agent_id"].nunique() == 224
    assert frame["session_id"].nunique() == 6_496


@pytest.mark.parametrize(
    "name",
    ["tau-bench_gpt-4o-airline_first12", "tau2_gpt-4.1_telecom_first6", "tau2_qwen2.5-7b_airline_first8"],
)
def test_tau_bench_raw_occurs_in_the_neutral_log(name):
    """Every series derived from the raw file is one of the neutral log's, in every column.

    One thing differs on purpose: the neutral log takes `cancel_…` for reads, which they are not, so for these
    the relationship and the impact are left out.
    """
    raw = read_actions(shared_log(f"tau_bench/raw/{name}.json"))
    neutral = read_actions(shared_log("tau_bench/actions.jsonl.gz"))
    for frame in (raw, neutral):
        cancels = frame["action_type"].str.startswith("cancel_")
        frame.loc[cancels, "relationship_type"] = "environment"
        frame.loc[cancels, "impact"] = np.nan
        about = frame["metadata"].map(json.loads)
        for key in ("turn", "chars", "n_args", "completion_tokens"):
            frame[key] = about.map(lambda found, key=key: found.get(key))
        frame["kind"] = about.map(lambda found: found["kind"]).where(~cancels, "write")
        frame["latency_ms"] = frame["latency_ms"].round(0)
    columns = [*COMPARED, "timestamp", "latency_ms", "turn", "chars", "n_args", "completion_tokens", "kind"]
    known = set(as_sequences(neutral, columns).values())
    ours = as_sequences(raw, columns)
    assert {key for key, rows in ours.items() if rows not in known} == set()
    assert set(raw["actor"]) == {"agent", "user"}


def test_tau_bench_ids_are_readable():
    agents = set(read_actions(shared_log("tau_bench/raw/tau2_gpt-4.1_telecom_first6.json"))["agent_id"])
    assert agents == {"gpt-4.1:telecom", "user:gpt-4.1:telecom"}
    agents = set(read_actions(shared_log("tau_bench/raw/tau-bench_gpt-4o-airline_first12.json"))["agent_id"])
    assert agents == {"tau-bench_gpt-4o-airline_first12", "user:tau-bench_gpt-4o-airline_first12"}


def test_a_cancellation_is_a_write():
    raw = read_actions(shared_log("tau_bench/raw/tau2_qwen2.5-7b_airline_first8.json"))
    cancels = raw[raw["action_type"] == "cancel_reservation"]
    assert set(cancels["relationship_type"]) == {"environment"}
    assert set(cancels["impact"]) <= {1.0, -1.0}


@pytest.mark.parametrize("source", ["{}", "sqlite:///{}", "sqlite+aiosqlite:///{}"])
def test_gym_database(source):
    path = shared_log("principles_gym/gym_principles.db")
    frame = read_actions(source.format(path))
    assert len(frame) == 2_700
    assert frame.groupby("agent_id").size().eq(300).all()
    assert (frame["session_id"] == frame["agent_id"]).all()
    assert frame.attrs["entropy_unit"] == "1 - confidence"
    assert frame.attrs["notes"][0].endswith("(parsing_method 'default_first'): agent-mock 300")
    assert not frame["action_type"].str.startswith("scenario_choice_").any()
    with closing(sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)) as connection:
        query = "SELECT * FROM actions WHERE agent_id = 'agent-noisy' ORDER BY timestamp, rowid"
        stored = pd.read_sql(query, connection)
    noisy = frame[frame["agent_id"] == "agent-noisy"].reset_index(drop=True)
    assert noisy["step"].tolist() == list(range(300))
    assert noisy["action_id"].tolist() == stored["id"].tolist()
    relational = stored["relational_data"].map(json.loads)
    assert noisy["impact"].tolist() == [r["impact_magnitude"] for r in relational]
    assert noisy["target"].tolist() == [r["target"] for r in relational]
    assert noisy["latency_ms"].tolist() == stored["latency_ms"].tolist()
    about = noisy["metadata"].map(json.loads)
    assert [a["context"] for a in about] == [json.loads(text) for text in stored["context"]]
    assert [a["action_type"] for a in about] == stored["action_type"].tolist()
    assert [a["context"]["choice_id"] for a in about] == noisy["action_type"].tolist()


def test_the_sample_is_what_its_readme_says():
    frame = read_actions(sample_path())
    key = pd.read_csv(sample_path().with_name("axelrod_canonical_key.csv"))
    assert len(frame) == 83_223
    assert frame["session_id"].drop_duplicates().tolist() == key["session_id"].tolist()
    assert (frame.groupby("session_id").size()[key["session_id"]].to_numpy() == key["turns"]).all()
    rates = frame["action_type"].eq("cooperate").groupby(frame["session_id"]).mean()
    np.testing.assert_allclose(rates[key["session_id"]], key["cooperation_rate"], atol=5e-5)


def test_the_sample_is_the_raw_log_and_its_key_the_true_entropy():
    raw = read_actions(shared_log("axelrod/raw/matches_canonical.csv.gz"))
    frame = read_actions(sample_path())
    pd.testing.assert_frame_equal(frame, raw, check_flags=False)
    assert {**frame.attrs, "source": ""} == {**raw.attrs, "source": ""}
    key = pd.read_csv(sample_path().with_name("axelrod_canonical_key.csv"))
    true = read_actions(shared_log("axelrod/canonical/actions_true_entropy.jsonl.gz"))
    labels = pd.read_csv(shared_log("axelrod/canonical/labels.csv"))
    both = key.merge(labels, on=["strategy", "opponent", "seed"], suffixes=("", "_true"))
    mean = true.groupby("session_id")["decision_entropy"].mean()
    np.testing.assert_allclose(both["mean_entropy_bits"], mean[both["session_id_true"]], atol=1e-4)
    np.testing.assert_allclose(both["score_per_turn"], both["score_per_turn_true"], atol=2e-4)
    assert (both["stochastic"] == both["stochastic_true"]).all()
    assert (both["memory_depth"] == both["memory_depth_true"]).all()


# --- sources ---


def jsonl(*actions):
    return "".join(json.dumps(one) + "\n" for one in actions)


def test_patterns_and_lists_are_joined_in_order(tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.jsonl").write_text(jsonl(action(session_id=name)))
    assert read_actions(str(tmp_path / "*.jsonl"))["session_id"].tolist() == ["a", "b"]
    both = read_actions([tmp_path / "b.jsonl", str(tmp_path / "a.jsonl")])
    assert both["session_id"].tolist() == ["b", "a"]
    assert both.attrs["source"] == f"{tmp_path}/b.jsonl, {tmp_path}/a.jsonl"


def test_a_file_whose_name_is_a_pattern_is_that_file(tmp_path):
    (tmp_path / "log[1].jsonl").write_text(jsonl(action()))
    assert len(read_actions(str(tmp_path / "log[1].jsonl"))) == 1


def test_a_key_in_two_files_names_both(tmp_path):
    (tmp_path / "a.jsonl").write_text(jsonl(action()))
    (tmp_path / "b.jsonl").write_text("\n" + jsonl(action()))
    with pytest.raises(InputError) as caught:
        read_actions(str(tmp_path / "*.jsonl"))
    assert f"{tmp_path}/b.jsonl, line 2: step: 's1/ada/0'" in str(caught.value)
    assert f"repeats the key (session/agent/step) of {tmp_path}/a.jsonl, line 1" in str(caught.value)


def test_units_of_entropy_are_not_mixed_in_silence(tmp_path):
    frame = frame_from_records([action()])
    frame.attrs["entropy_unit"] = "1 - confidence"
    frame.to_parquet(tmp_path / "a.parquet")
    assert read_actions(tmp_path / "a.parquet").attrs["entropy_unit"] == "1 - confidence"
    (tmp_path / "b.jsonl").write_text(jsonl(action(session_id="s2")))
    mixed = read_actions([tmp_path / "a.parquet", tmp_path / "b.jsonl"])
    assert mixed.attrs["entropy_unit"] == "mixed"
    assert mixed.attrs["notes"] == ["decision_entropy is in different units: 1 - confidence, bits"]


def test_the_format_is_found_by_content_whatever_the_name(tmp_path):
    frame = frame_from_records([action(step=0), action(step=1)])
    frame.to_parquet(tmp_path / "parquet")
    frame.to_csv(tmp_path / "csv", index=False)
    write_jsonl(frame, tmp_path / "jsonl")
    for name in ("parquet", "csv", "jsonl"):
        pd.testing.assert_frame_equal(read_actions(tmp_path / name), frame)
        pd.testing.assert_frame_equal(read_actions(tmp_path / name, name), frame)


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    (tmp_path / "a.csv").write_text(frame_from_records([action()]).to_csv(index=False), encoding="utf-8-sig")
    (tmp_path / "b.jsonl").write_text(jsonl(action()), encoding="utf-8-sig")
    assert len(read_actions(tmp_path / "a.csv")) == len(read_actions(tmp_path / "b.jsonl")) == 1


def test_passwords_are_hidden():
    assert (
        hide_password("postgresql+asyncpg://ada:p@ss/w:rd@host:1/db")
        == "postgresql+asyncpg://ada:***@host:1/db"
    )
    assert (
        hide_password("postgresql://host/db?user=a&password=secret&x=1")
        == "postgresql://host/db?user=a&password=***&x=1"
    )
    with pytest.raises(InputError, match="only URLs of SQLite and PostgreSQL") as caught:
        read_actions("mysql://ada:secret@host/db")
    assert "secret" not in str(caught.value)
    with pytest.raises(OutputError, match="cannot be reached") as unreached:
        read_actions("postgresql://ada:secret@127.0.0.1:1/db")
    assert "secret" not in str(unreached.value)


# --- broken files: content, name, what the message says ---

HEADER = "session_id,agent_id,step,actor,target,action_type,decision_context,relationship_type,impact"
ROW = "s,a,{},agent,b,share,start,ally,0.5"
GOOD = jsonl(action())
MATCHES = "strategy,opponent,turns,seed,rep,moves,opponent_moves\n"

BROKEN = {
    "empty": ("a.jsonl", b"", "a.jsonl: the file is empty"),
    "blank": ("a.jsonl", b"\n\n", "a.jsonl: no actions in it"),
    "only a header": ("a.csv", HEADER.encode(), "a.csv: no actions in it"),
    "no columns": ("a.csv", b"\n\n", "a.csv: no columns in it"),
    "broken JSON": ("a.jsonl", f"{GOOD}{{broken\n".encode(), "a.jsonl, line 2: '{broken' is no JSON"),
    "a JSON list in a line": ("a.jsonl", f"{GOOD}[1]\n".encode(), "a.jsonl, line 2: [1] is no JSON object"),
    "deep JSON": ("a.jsonl", b"[" * 100_000, "a.jsonl, line 1: '[[["),
    "NaN": ("a.jsonl", GOOD.replace("0.5", "NaN").encode(), "a.jsonl, line 1: impact: 'NaN' is no JSON"),
    "NaN in metadata": (
        "a.jsonl",
        jsonl(action(metadata={"a": float("nan")})).encode(),
        "line 1: metadata: 'NaN'",
    ),
    "range": (
        "a.jsonl",
        f"\n{GOOD}{jsonl(action(step=1, impact=7))}".encode(),
        "a.jsonl, line 3: impact: 7 is outside",
    ),
    "missing columns": ("a.csv", b"x,y\n1,2\n", "a.csv: the columns session_id, agent_id, step,"),
    "found columns": ("a.csv", b"x,y\n1,2\n", "it has x, y"),
    "one long line": ("a.log", b"x" * 5_000_000, "a.log: the columns session_id, agent_id"),
    "one long line of no JSON": ("a.jsonl", b"x" * 5_000_000, "xxx... is no JSON"),
    "many columns": (
        "a.csv",
        ",".join(f"column_{i}" for i in range(200_000)).encode(),
        "column_9 and 199,990 more",
    ),
    "column twice": ("a.csv", b"x,x\n1,2\n", "a.csv: the header names the columns x more than once"),
    "ragged": (
        "a.csv",
        f"{HEADER}\n{ROW.format(0)}\n{ROW.format(1)},9\n".encode(),
        "a.csv, line 3: has 10 cells, but the header has 9",
    ),
    "quoted newlines": (
        "a.csv",
        f"{HEADER}\n{ROW.format(0).replace('share', chr(34) + 'a' + chr(10) + 'b' + chr(34))}\n{ROW.format('x')}\n".encode(),
        "a.csv, line 4: step: 'x' is text, not a whole number",
    ),
    "CSV NaN": (
        "a.csv",
        f"{HEADER}\n{ROW.format(0).replace('0.5', 'nan')}\n".encode(),
        "a.csv, line 2: impact: 'nan'",
    ),
    "CSV half step": (
        "a.csv",
        f"{HEADER}\n{ROW.format('3.5')}\n".encode(),
        "a.csv, line 2: step: 3.5 is not a whole",
    ),
    "unclosed quote": ("a.csv", f'{HEADER}\n"s,a'.encode(), "a.csv, line 2: is no CSV"),
    "not UTF-8": ("a.jsonl", GOOD.encode() + b'{"a": "\xff"}\n', "a.jsonl, line 2: is not UTF-8 text"),
    "UTF-16": ("a.csv", HEADER.encode("utf-16"), "a.csv, line 1: is not UTF-8 text"),
    "no gzip": ("a.jsonl.gz", GOOD.encode(), "a.jsonl.gz: is named .gz but is not gzipped"),
    "cut gzip": (
        "a.jsonl.gz",
        gzip.compress(GOOD.encode() * 50)[:-20],
        "a.jsonl.gz: the gzip data is damaged or cut off",
    ),
    "damaged gzip": ("a.csv.gz", gzip.compress(HEADER.encode())[:12] + b"\0" * 9, "the gzip data is damaged"),
    "no database": ("a.db", b"hello", "a.db: is no SQLite database"),
    "damaged database": (
        "a.db",
        b"SQLite format 3\0" + b"x" * 5000,
        "a.db: cannot be read as a SQLite database",
    ),
    "no Parquet": ("a.parquet", b"hello", "a.parquet: is no Parquet file"),
    "damaged Parquet": ("a.parquet", b"PAR1" + b"x" * 500, "a.parquet: is no readable Parquet file"),
    "other JSON": ("a.json", b'{"x": 1}', "a.json: is neither a list of tau-bench runs"),
    "no JSON": ("a.json", b'{"x": ', "a.json: is no JSON"),
    "no simulations": ("a.json", b'{"simulations": []}', "a.json: no actions in it"),
    "odd simulation": (
        "a.json",
        b'{"simulations": [{"task_id": "0"}]}',
        "a.json, simulation 0: does not have the published shape (KeyError: 'messages')",
    ),
    "odd moves": (
        "a.csv",
        f"{MATCHES}A,B,2,1,0,CX,CD\n".encode(),
        "a.csv, line 2: moves: 'CX' has moves other than C and D",
    ),
    "uneven moves": (
        "a.csv",
        f"{MATCHES}A,B,2,1,0,CC,C\n".encode(),
        "a.csv, line 2: opponent_moves: 'C' is not as long as moves",
    ),
    "wrong turns": (
        "a.csv",
        f"{MATCHES}A,B,3,1,0,CC,CC\n".encode(),
        "a.csv, line 2: turns: '3' is not the number of moves",
    ),
    "match twice": (
        "a.csv",
        f"{MATCHES}A,B,1,1,0,C,C\nA,B,1,1,0,C,C\n".encode(),
        "a.csv, line 3: session_id: 'A vs B seed=1 rep=0' repeats the match in line 2",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_file_is_one_clear_line(case, tmp_path):
    name, content, said = BROKEN[case]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_actions(tmp_path / name)
    assert said in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("/nowhere/log.jsonl", "/nowhere/log.jsonl: there is no such file"),
        ("/nowhere/*.jsonl", "no file matches"),
        ("", "the path is empty"),
        ("~nouser/x.jsonl", "~nouser/x.jsonl: there is no such file"),
        ("x" * 5000, "cannot be read"),
        ("nul\0", "cannot be read"),
        ([], "the list is empty"),
        (5, "not 5"),
        ([5], "not [5]"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
        ("sqlite://relative.db", "names no file"),
        ("sqlite:////nowhere/x.db", "/nowhere/x.db: there is no such file"),
        ("https://example.org/log.jsonl", "only URLs of SQLite and PostgreSQL"),
    ],
)
def test_a_source_that_is_none_is_refused(source, said):
    with pytest.raises(InputError) as caught:
        read_actions(source)
    assert said in str(caught.value)


def test_a_folder_is_refused_with_advice_and_an_unknown_format_with_the_known_ones(tmp_path):
    with pytest.raises(InputError, match=r"is a folder; name a file in it, or a pattern such as .*\*\.jsonl"):
        read_actions(tmp_path)
    with pytest.raises(InputError, match="no format 'xml'; the known ones are gym, gymlab, jsonl"):
        read_actions(tmp_path, "xml")


def test_reading_never_makes_a_database(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_actions(f"sqlite:///{tmp_path}/new.db")
    assert list(tmp_path.iterdir()) == []


def gym_database(path, *rows, table="actions"):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            f"CREATE TABLE {table} (id, agent_id, timestamp, relational_data, decision_context, context_weight, "
            "action_type, outcome_valence, decision_entropy, latency_ms, context)"
        )
        connection.executemany(f"INSERT INTO {table} VALUES ({','.join('?' * 11)})", rows)  # noqa: S608
    return path


def gym_row(name, when, relational=None, context="{}", **changes):
    about = {"actor": "a", "target": "b", "relationship_type": "ally", "impact_magnitude": 0.1}
    row = {
        "id": name,
        "agent": "a",
        "when": when,
        "rel": json.dumps(about) if relational is None else relational,
    }
    row |= {
        "dc": "risk",
        "w": 1.2,
        "type": "scenario",
        "outcome": 0.5,
        "entropy": 0.1,
        "latency": 3,
        "ctx": context,
    }
    return tuple((row | changes).values())


def test_gym_actions_are_ordered_by_time_then_by_storing_and_choices_win(tmp_path):
    path = gym_database(
        tmp_path / "odd #1 %41?.db",
        gym_row("late", "2026-01-01 10:00:00.5"),
        gym_row("first", "2026-01-01 10:00:00", context='{"choice_id": "share"}'),
        gym_row("second", "2026-01-01 10:00:00"),
    )
    frame = read_actions(path)
    assert frame["action_id"].tolist() == ["first", "second", "late"]
    assert frame["action_type"].tolist() == ["share", "scenario", "scenario"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            gym_row("x", "2026-01-01", relational="{broken"),
            "row 2: relational_data: '{broken' is no JSON object",
        ),
        (gym_row("x", "2026-01-01", context=None), "row 2: context: None is no JSON object"),
        (gym_row("x", "never"), "row 2: timestamp: 'never' is no ISO 8601 time"),
        (gym_row("x", "2026-01-01", outcome=3), "row 2: outcome_valence: 3 is outside -1…1"),
        (gym_row("x", "2026-01-01", agent=None), "row 2: session_id is missing"),
    ],
)
def test_a_bad_gym_row_is_named(row, said, tmp_path):
    path = gym_database(tmp_path / "gym.db", gym_row("good", "2026-01-01"), row)
    with pytest.raises(InputError) as caught:
        read_actions(path)
    assert f"{path}, {said}" in str(caught.value)
    frame, errors = read_actions(path, strict=False)
    assert frame["action_id"].tolist() == ["good"]
    assert set(errors["line"]) == {2}


def test_a_database_with_both_tables_or_with_neither_asks(tmp_path):
    path = gym_database(tmp_path / "both.db", gym_row("x", "2026-01-01"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE gymlab_actions (session_id)")
    with pytest.raises(InputError, match="say which with format='gym' or 'gymlab'"):
        read_actions(path)
    assert len(read_actions(path, "gym")) == 1
    with pytest.raises(InputError, match="has no columns agent_id, step in table 'gymlab_actions'"):
        read_actions(path, "gymlab")
    other = gym_database(tmp_path / "other.db", table="things")
    with pytest.raises(InputError, match=r"holds neither .* its tables are things"):
        read_actions(other)


def test_lenient_reading_of_a_file_keeps_the_good_lines(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(f"{jsonl(action(step=0))}broken\n{jsonl(action(step=1, impact=9), action(step=2))}")
    frame, errors = read_actions(path, strict=False)
    assert frame["step"].tolist() == [0, 2]
    assert errors["line"].tolist() == [2, 3]
    assert set(errors["source"]) == {str(path)}


def test_a_pipe_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "pipe", "/dev/zero"):
        with pytest.raises(InputError, match="is no regular file"):
            read_actions(source)


def test_a_name_that_begins_with_a_tilde_is_a_name(tmp_path, monkeypatch):
    (tmp_path / "~backup.jsonl").write_text(jsonl(action()))
    monkeypatch.chdir(tmp_path)
    assert len(read_actions("~backup.jsonl")) == 1


def test_an_error_says_how_to_keep_the_other_rows(tmp_path):
    (tmp_path / "a.jsonl").write_text(f"{GOOD}broken\n")
    with pytest.raises(InputError, match="; correct it, or in Python read with strict=False, which keeps"):
        read_actions(tmp_path / "a.jsonl")


# --- databases that others use, or that are not quite what they seem ---


def test_a_locked_database_is_refused_and_what_is_not_committed_is_not_read(tmp_path, monkeypatch):
    path = gym_database(tmp_path / "gym.db", gym_row("x", "2026-01-01"))
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **options: connect(*args, timeout=0.1, **options))
    with closing(connect(path, isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("UPDATE actions SET outcome_valence = -1")
        with pytest.raises(InputError, match="is being written by another process"):
            read_actions(path)
        writer.execute("ROLLBACK")
    assert read_actions(path)["outcome_valence"].tolist() == [0.5]


def refusing(monkeypatch, code):
    """Let SQLite refuse every database that is not opened as immutable."""
    connect = sqlite3.connect

    class Refusing(sqlite3.Connection):
        def execute(self, *_):
            error = sqlite3.OperationalError("no")
            error.sqlite_errorcode = code
            raise error

    def opened(name, **options):
        return connect(name, **options) if "immutable" in name else connect(name, factory=Refusing, **options)

    monkeypatch.setattr(sqlite3, "connect", opened)


def test_a_database_that_may_not_be_written_is_read_as_it_is_unless_something_waits(tmp_path, monkeypatch):
    path = gym_database(tmp_path / "gym.db", gym_row("x", "2026-01-01"))
    refusing(monkeypatch, sqlite3.SQLITE_CANTOPEN)
    assert len(read_actions(path)) == 1
    for ending in ("-journal", "-wal"):
        waiting = tmp_path / f"gym.db{ending}"
        waiting.write_bytes(b"x" * 600)
        with pytest.raises(InputError, match="cannot be read as a SQLite database"):
            read_actions(path)
        waiting.unlink()


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_IOERR])
def test_other_refusals_are_no_reason_to_look_past_them(code, tmp_path, monkeypatch):
    path = gym_database(tmp_path / "gym.db", gym_row("x", "2026-01-01"))
    refusing(monkeypatch, code)
    with pytest.raises(InputError):
        read_actions(path)


def test_gym_actions_in_a_view_are_counted(tmp_path):
    path = gym_database(
        tmp_path / "gym.db", gym_row("x", "2026-01-02"), gym_row("y", "2026-01-01"), table="stored"
    )
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE VIEW actions AS SELECT * FROM stored")
    assert read_actions(path)["action_id"].tolist() == ["y", "x"]
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE stored SET outcome_valence = 3 WHERE id = 'y'")
    with pytest.raises(InputError, match="row 2: outcome_valence: 3 is outside"):
        read_actions(path)


@pytest.mark.parametrize("column", ["agent_id", "action_type", "context", "id", "timestamp"])
def test_a_text_that_is_none_names_its_row(column, tmp_path):
    path = gym_database(tmp_path / "gym.db", gym_row("x", "2026-01-01"), gym_row("y", "2026-01-01"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"UPDATE actions SET {column} = CAST(x'61ff' AS TEXT) WHERE id = 'y'")  # noqa: S608
    with pytest.raises(InputError, match=r"gym\.db, row 2: .*xff"):
        read_actions(path)
    assert read_actions(path, strict=False)[0]["action_id"].tolist() == ["x"]


# --- Parquet that others wrote ---


def test_lists_in_metadata_become_json(tmp_path):
    plain = frame_from_records([action(step=0), action(step=1)])
    plain["metadata"] = [["a", "b"], []]
    plain.to_parquet(tmp_path / "lists.parquet")
    assert read_actions(tmp_path / "lists.parquet")["metadata"].tolist() == ['["a", "b"]', "[]"]
    plain["metadata"] = [{"a": [1, 2]}, {"a": []}]
    plain.to_parquet(tmp_path / "nested.parquet")
    assert read_actions(tmp_path / "nested.parquet")["metadata"].tolist() == ['{"a": [1, 2]}', '{"a": []}']
    plain["target"] = [["a", "b"], list(map(str, range(500)))]
    plain.to_parquet(tmp_path / "target.parquet")
    with pytest.raises(InputError, match=r"row 0: target: .* is a list, not text") as caught:
        read_actions(tmp_path / "target.parquet")
    assert "\n" not in str(caught.value)


def test_an_index_is_a_column_unless_there_is_one(tmp_path):
    frame = frame_from_records([action(step=i) for i in range(3)])
    frame.set_index(["session_id", "step"]).to_parquet(tmp_path / "a.parquet")
    pd.testing.assert_frame_equal(read_actions(tmp_path / "a.parquet"), frame)
    frame.set_index("step", drop=False).to_parquet(tmp_path / "b.parquet")
    again = read_actions(tmp_path / "b.parquet")
    pd.testing.assert_frame_equal(again, frame)
    assert again.attrs["notes"] == ["the index 'step' was ignored, for a column has the same name"]


@pytest.mark.parametrize(
    ("notes", "said"), [(5, ["5"]), ("one", ["one"]), (None, []), (["one", 2], ["one", "2"])]
)
def test_notes_may_be_anything(notes, said, tmp_path):
    frame = frame_from_records([action()])
    frame.attrs = {"notes": notes}
    frame.to_parquet(tmp_path / "a.parquet")
    assert read_actions(tmp_path / "a.parquet").attrs["notes"] == said
    assert validate_actions(frame).attrs["notes"] == said
