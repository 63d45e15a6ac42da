"""`gymlab db` and the import of a whole Gym database: through the command line, as a user sees them."""

import hashlib
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from logs import shared_log

from gymlab.runtime.migrations import HEAD

OLD = Path(__file__).parent / "inputs" / "gymlab_0_1_0.db"


@pytest.fixture
def old(tmp_path):
    return Path(shutil.copy(OLD, tmp_path / "old.db"))


def sql(file, statement):
    with closing(sqlite3.connect(file)) as connection, connection:
        return connection.execute(statement).fetchall()


def test_a_check_writes_nothing_and_an_upgrade_keeps_the_rows(run, old):
    before = hashlib.sha256(old.read_bytes()).digest()
    code, out, _ = run("db", "check", old)
    assert code == 1
    assert f"tables of version 0001, not current: the newest version is {HEAD}" in out
    assert "gymlab_actions: 10 rows" in out
    assert hashlib.sha256(old.read_bytes()).digest() == before
    assert [file.name for file in old.parent.iterdir()] == ["old.db"]
    code, out, _ = run("db", "upgrade", f"sqlite:///{old}")
    assert code == 0
    assert out.startswith(f"from version 0001 to version {HEAD}\n")
    code, out, _ = run("db", "check", old)
    assert code == 0
    assert "current; no page is damaged, and references hold" in out
    assert "gymlab_actions: 10 rows" in out
    assert "from version" not in run("db", "upgrade", old)[1]


def test_the_embedded_database_is_made_by_an_upgrade_alone(run, tmp_path):
    assert run("db", "check")[0] == 2
    assert not (tmp_path / "home").exists()
    assert run("db", "upgrade")[1].startswith(f"from no tables to version {HEAD}\n")
    assert run("db", "check")[0] == 0
    with closing(sqlite3.connect(tmp_path / "empty.db")) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    assert "has no tables of gymlab" in run("db", "check", tmp_path / "empty.db")[1]


@pytest.mark.parametrize("verb", ["check", "upgrade"])
def test_what_cannot_be_used_is_one_sentence(run, old, tmp_path, verb):
    run("db", "upgrade", old)
    sql(old, "UPDATE gymlab_version SET version_num = '9999'")
    (tmp_path / "text.db").write_text("no database")
    for place, message in [
        (old, "tables of version 9999, which this gymlab does not know; use a newer gymlab"),
        (tmp_path / "text.db", "SQLite database"),
        (":memory:", "a database in memory ends with this command"),
        ("postgresql://postgres:hunter2@127.0.0.1:1/lab", "cannot be reached"),
    ]:
        code, _, complaint = run("db", verb, place)
        assert code == 2
        assert message in complaint
        assert complaint.count("\n") == 1
        assert "hunter2" not in complaint


def test_damage_and_lost_references_are_found(run, old):
    run("db", "upgrade", old)
    sql(old, "CREATE TABLE visits (name REFERENCES gymlab_report_runs (run_id))")
    sql(old, "INSERT INTO visits VALUES ('nobody')")
    code, _, complaint = run("db", "check", old)
    assert code == 2
    assert "a row of visits refers to no row of gymlab_report_runs" in complaint


def test_a_server_is_checked_and_upgraded(run, postgres_url):
    secret = postgres_url.replace("://postgres@", "://postgres:hunter2@")
    assert run("db", "check", secret)[0] == 1
    code, out, _ = run("db", "upgrade", secret)
    assert code == 0
    assert "hunter2" not in out
    assert run("db", "check", secret)[0] == 0


# --- a whole database of the Gym ---------------------------------------------------------------------------------------


@pytest.fixture
def gym(tmp_path):
    file = tmp_path / "gym.db"
    file.write_bytes(Path(shared_log("principles_gym/gym_principles.db")).read_bytes())
    return file


def test_profiles_and_principles_come_with_the_actions(run, gym, tmp_path):
    url = f"sqlite:///{tmp_path}/lab.db"
    lines = ["2,700 actions", "9 profiles", "7 principles"]
    assert run("import", gym, "--db", url)[1].splitlines() == [
        f"{one} stored, 0 were there already" for one in lines
    ]
    for table, stored, columns in [
        (
            "agent_profiles",
            "gymlab_gym_profiles",
            "agent_id, total_actions, name, behavioral_entropy, meta_data",
        ),
        (
            "principles",
            "gymlab_gym_principles",
            (
                "id, last_updated, agent_id, name, description, strength_score, confidence_lower, confidence_upper, "
                "volatility, evidence_count, contradictions_count, lineage_data, created_at, meta_data"
            ),
        ),
    ]:
        query = f"SELECT {columns} FROM {{}} ORDER BY 1"  # noqa: S608 - written above
        assert sql(tmp_path / "lab.db", query.format(stored)) == sql(gym, query.format(table))
    assert [line.partition(" ")[0] for line in run("import", gym, "--db", url)[1].splitlines()] == ["0"] * 3


def test_filters_choose_the_records_of_the_same_agents_and_other_tables_are_named(run, gym, tmp_path):
    sql(gym, "CREATE TABLE sessions (x)")
    sql(gym, "ALTER TABLE principles ADD COLUMN mood TEXT")
    out = run("import", gym, "--db", f"sqlite:///{tmp_path}/lab.db", "--agent", "agent-simple")[1]
    assert out.splitlines() == [
        "300 actions stored, 0 were there already",
        "1 profiles stored, 0 were there already",
        "1 principles stored, 0 were there already",
        f"{gym}: columns of 'principles' that are not stored: mood",
        f"{gym}: tables that are not stored: sessions",
    ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "UPDATE principles SET created_at = 'soon' WHERE rowid = 3",
            "row 3 of 'principles': created_at is 'soon'",
        ),
        ("UPDATE principles SET name = x'00' WHERE rowid = 7", "column 'name' takes a string"),
        ("ALTER TABLE principles DROP COLUMN volatility", "table 'principles' lacks the columns volatility"),
    ],
)
def test_a_bad_record_leaves_nothing_of_the_import(run, gym, tmp_path, change, message):
    if "DROP" in change:  # SQLite drops no column that a rule names
        sql(gym, "CREATE TABLE p AS SELECT * FROM principles")
        sql(gym, "DROP TABLE principles")
        sql(gym, "ALTER TABLE p RENAME TO principles")
    sql(gym, change)
    url = f"sqlite:///{tmp_path}/lab.db"
    code, _, complaint = run("import", gym, "--db", url)
    assert code == 2
    assert message in complaint
    run("db", "upgrade", url)
    assert sql(tmp_path / "lab.db", "SELECT count(*) FROM gymlab_actions") == [(0,)]
