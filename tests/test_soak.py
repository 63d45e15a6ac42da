"""The soak: a short run by the command line, its verdicts on curves with and without a leak, and an interrupt."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from gymlab import InputError, OutputError
from gymlab.workbench.soak import judged, soak, stream


def curve(mb_per_million, *, actions=2_000_000, **changes):
    """A curve with a warm-up of 50 MB, a slope after it, and noise."""
    rng = np.random.default_rng(0)
    done = np.linspace(actions / 100, actions, 100)
    warm = 50e6 * np.minimum(1, done / (0.3 * actions))
    level = {"connections": 1, "threads": 8, "handles": 13, "patterns": 3, "cached": 1e6}
    columns = {
        "hours": done / 3600,
        "actions": done,
        "resident": 300e6 + warm + mb_per_million * done,
        **level,
    }
    frame = pd.DataFrame({**columns, **changes})
    frame["resident"] += rng.normal(0, 1e5, 100)
    return frame


def test_a_day_replayed_by_the_command_line(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "gymlab",
            "soak",
            "--hours",
            "24",
            "--rate",
            "0.25",
            "--fast",
            "--out",
            tmp_path / "s",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = pd.read_csv(tmp_path / "s" / "soak.csv")
    assert found["actions"].iloc[-1] == 24 * 3600 * 0.25
    assert found["hours"].iloc[-1] == 24
    assert found["patterns"].iloc[-1] > 1
    assert found["cached"].max() <= 2**20 + 200_000
    assert found["connections"].tolist() == [1] * len(found)
    assert "MB per million actions [" in done.stdout
    assert b"plotly" in (tmp_path / "s" / "soak.html").read_bytes()
    assert sorted(file.name for file in (tmp_path / "s").iterdir()) == ["soak.csv", "soak.html"]


@pytest.mark.parametrize(
    ("found", "failed", "sentence"),
    [
        (curve(0), False, "ok     resident memory: "),
        (curve(20), True, "FAILED resident memory: +19.9"),
        (curve(20, actions=20_000), False, "only a longer run can decide"),
        (curve(0, handles=np.arange(100)), True, "FAILED handles: 33 to 99"),
        (curve(0, threads=np.arange(100) // 50), True, "FAILED threads: 0 to 1"),
        (curve(0, connections=np.arange(100) // 10), True, "FAILED connections: 3 to 9"),
        (curve(0, handles=np.arange(100).clip(max=20)), False, "ok     handles: 20 to 20"),
        (curve(0).head(5), False, "not measured, since there are fewer than 10 samples"),
    ],
)
def test_verdicts(found, failed, sentence):
    run = judged(found)
    assert run.failed == failed
    assert sentence in run.listing()


def test_an_interrupt_leaves_the_curve(tmp_path):
    told = []

    def stop(sentence):
        told.append(sentence)
        if len(told) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        soak(1, 10, tmp_path, fast=True, progress=stop)
    assert pd.read_csv(tmp_path / "soak.csv")["actions"].tolist() == [1000, 2000, 3000]
    assert (tmp_path / "soak.html").exists()


def test_the_stream_is_the_same_again_and_its_keys_are_new():
    pd.testing.assert_frame_equal(stream(500, 100, 2.0, 7), stream(500, 100, 2.0, 7))
    assert not stream(500, 100, 2.0, 8)["action_type"].equals(stream(500, 100, 2.0, 7)["action_type"])
    whole = pd.concat([stream(first, 1000, 2.0, 7) for first in range(0, 20_000, 1000)])
    assert not whole.duplicated(["session_id", "agent_id", "step"]).any()
    assert whole["session_id"].nunique() == 13
    assert (whole["timestamp"].diff().dropna() == pd.Timedelta("0.5s")).all()


@pytest.mark.parametrize("arguments", [(0, 1), (1, 0), (float("nan"), 1), (1, -1)])
def test_what_is_no_length_or_rate_is_refused(arguments, tmp_path):
    with pytest.raises(InputError):
        soak(*arguments, tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_output_that_is_a_file_is_refused_and_kept(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("mine")
    with pytest.raises(OutputError, match=r"notes.txt is no folder"):
        soak(1, 1, file, fast=True)
    assert file.read_text() == "mine"
