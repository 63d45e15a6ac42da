"""An extraction in a folder: the same answers afterwards, whole or not at all, and no trust in damage."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from made import action, rhythms

import gymlab
from gymlab.errors import InputError, OutputError
from gymlab.patterns import saved

FEW = {"window": 10, "hop": 5}


def tools(length=30):
    rng = np.random.default_rng(0)
    return gymlab.actions.frame_from_records(
        action(step, f"tool-{rng.integers(30)}", agent=f"a{n}", impact=None if step % 7 else 0.5)
        for n in range(4)
        for step in range(length + n)
    )


CASES = {
    "exact": (rhythms, {}),
    "sampled": (rhythms, {"strategy": "sampled", "sample_size": 40}),
    "noise": (rhythms, {"method": "hdbscan"}),
    "kmedoids": (rhythms, {"method": "kmedoids", "n_clusters": 3}),
    "one pattern": (rhythms, {"n_clusters": 1}),
    "whole series": (tools, {"unit": "series"}),
    "channels": (tools, {"channels": [gymlab.Channel("action_type", "categorical", weight=2.0), "impact"]}),
}


def same(a, b):
    return a is b if a is None or b is None else np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


@pytest.mark.parametrize("case", CASES)
def test_what_was_saved_gives_the_same_answers(case, tmp_path):
    make, fields = CASES[case]
    log = make()
    before = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, **fields))
    folder = before.save(tmp_path / "kept")
    after = gymlab.load_extraction(folder)
    assert after.as_dict() == before.as_dict()
    for name in ("labels", "distances", "linkage", "sample", "representatives", "representative_labels"):
        assert same(getattr(after, name), getattr(before, name)), name
    assert len(after.patterns) == len(before.patterns)
    for mine, theirs in zip(after.patterns, before.patterns, strict=True):
        np.testing.assert_array_equal(mine.members, theirs.members)
        assert mine.medoid == theirs.medoid
        assert list(mine.actions) == list(theirs.actions)
    pd.testing.assert_frame_equal(after.actions, before.actions)
    assert after.actions.attrs == before.actions.attrs
    pd.testing.assert_frame_equal(after.labelled_actions(), before.labelled_actions())
    assert same(after.quality.silhouettes, before.quality.silhouettes)
    assert after.quality.silhouette_by_n_clusters == before.quality.silhouette_by_n_clusters
    assert after.encoding == before.encoding
    for mine, theirs in zip(after.windows.values, before.windows.values, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    np.testing.assert_array_equal(after.assign(log).labels, before.assign(log).labels)
    assert after.assign(log).drift == before.assign(log).drift
    # What was read can be saved again.
    assert gymlab.load_extraction(after.save(tmp_path / "again")).as_dict() == before.as_dict()


@pytest.fixture
def folder(tmp_path):
    return gymlab.extract_patterns(rhythms(2), gymlab.ExtractionConfig(**FEW)).save(tmp_path / "kept")


def test_a_folder_that_is_there_is_not_overwritten(folder):
    found = gymlab.load_extraction(folder)
    before = sorted(folder.iterdir())
    with pytest.raises(OutputError, match="is there already"):
        found.save(folder)
    assert sorted(folder.iterdir()) == before
    with pytest.raises(OutputError, match="in a folder that exists"):
        found.save(folder.parent / "nowhere" / "kept")


def test_a_save_that_fails_leaves_nothing(folder, tmp_path, monkeypatch):
    found = gymlab.load_extraction(folder)

    def full(*_arguments, **_more):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saved.np, "save", full)
    with pytest.raises(OutputError, match="No space left"):
        found.save(tmp_path / "other")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("name", ["extraction.json", "actions.parquet", "windows.parquet", "distances.npy"])
def test_damage_of_any_file_is_named(folder, name):
    path = folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        gymlab.load_extraction(folder)
    path.unlink()
    with pytest.raises(InputError, match=r"is missing|has no extraction\.json"):
        gymlab.load_extraction(folder)


def test_what_is_no_saved_extraction_is_said_so(folder, tmp_path):
    with pytest.raises(InputError, match="no saved extraction"):
        gymlab.load_extraction(tmp_path / "nothing")
    with pytest.raises(InputError, match="no saved extraction"):
        gymlab.load_extraction(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    (other / "extraction.json").write_text('{"schema": 1}', encoding="utf-8")
    with pytest.raises(InputError, match="belongs to something else"):
        gymlab.load_extraction(other)
    later = tmp_path / "later"
    shutil.copytree(folder, later)
    manifest = json.loads((later / "extraction.json").read_text(encoding="utf-8"))
    (later / "extraction.json").write_text(json.dumps({**manifest, "schema": 99}), encoding="utf-8")
    with pytest.raises(InputError, match="schema 99, and this version of gymlab reads schema 1"):
        gymlab.load_extraction(later)


def test_nothing_in_the_folder_is_a_pickle(folder):
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".parquet", ".npy"}
    for path in folder.glob("*.npy"):
        np.load(path, allow_pickle=False)
