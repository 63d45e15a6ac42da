"""Settings: what an environment variable may be, and what is said when it is something else."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy.engine import make_url

from gymlab.actions import frame_from_records, read_actions
from gymlab.actions.store import write_actions
from gymlab.errors import InputError
from gymlab.runtime.database import Database
from gymlab.settings import Settings


@pytest.mark.parametrize("value", ["abc", "0", "-1", "1.5", "nan", "x" * 1000])
def test_a_fraction_that_is_none_is_one_line(value, monkeypatch):
    monkeypatch.setenv("GYMLAB_MEMORY_FRACTION", value)
    with pytest.raises(InputError) as caught:
        Settings()
    said = str(caught.value)
    assert said.startswith(f"GYMLAB_MEMORY_FRACTION={value[:50]}")
    assert said.endswith("must be a number above 0 and at most 1")
    assert "\n" not in said
    assert len(said) < 200


def test_a_setting_that_there_is_not_is_refused():
    with pytest.raises(InputError, match="GYMLAB_COLOUR=red is no setting"):
        Settings(colour="red")


def test_an_empty_variable_is_one_that_is_not_set(monkeypatch):
    monkeypatch.delenv("GYMLAB_HOME", raising=False)
    unset = Settings()
    monkeypatch.setenv("GYMLAB_HOME", "")
    monkeypatch.setenv("GYMLAB_MEMORY_FRACTION", "")
    assert Settings() == unset


def test_a_relative_home_stays_where_it_was(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GYMLAB_HOME", "lab")
    settings = Settings()
    assert settings.home == tmp_path / "lab"
    assert make_url(settings.database_url).database == f"{tmp_path}/lab/data/gymlab.db"


@pytest.mark.parametrize("name", ["a?b", "a#b", "100%41", "a b", "ü"])
def test_a_home_of_any_name_works(name, monkeypatch, tmp_path):
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / name))
    given = {"session_id": "s", "agent_id": "a", "step": 0, "actor": "agent", "target": "b"}
    given |= {"action_type": "share", "decision_context": "start", "relationship_type": "ally"}
    frame = frame_from_records([given])

    async def write():
        async with Database() as database:
            return await write_actions(frame, database)

    assert asyncio.run(write()) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (Path(tmp_path) / name / "data" / "gymlab.db").is_file()
    assert len(read_actions(Settings().database_url)) == 1
