"""Random commands, options and logs: whatever is given, a command ends with one of its exit codes and without a traceback.

``GYMLAB_FUZZ_SECONDS`` says for how long (default 10); ``GYMLAB_FUZZ_SEED`` repeats one run.
"""

import gzip
import io
import json
import os
import random
import sqlite3
import subprocess
import sys
import time
import traceback

import pytest
from made import rules

from gymlab import cli
from gymlab.workbench.report import execute
from gymlab.workbench.report.execute import EXECUTED, KernelFailedError

_CODES = {0, 1, 2, 3, 130, 141}
_MOST_SECONDS = 120

_VALUES = (
    *(
        "",
        " ",
        "0",
        "1",
        "-1",
        "2.5",
        "1e3",
        "nan",
        "inf",
        "-0",
        "007",
        "9" * 30,
        "9" * 5000,
        "true",
        "auto",
        "null",
    ),
    *(
        "~",
        "~nobody",
        "*",
        "[",
        "[1]",
        "{",
        "a=b",
        "=",
        "=b",
        "a=",
        "step=1",
        "impact=0.1",
        "agent_id=agent-1",
    ),
    *(
        "\u2028",
        "é🙂",
        "\udcff",
        "\x1b[31m",
        "a\nb",
        "x" * 300,
        "x" * 5000,
        "/",
        ".",
        "..",
        "/dev/null",
        "/dev/full",
    ),
    *(
        "sqlite://",
        "sqlite:///x.db",
        "http://x",
        "postgresql://x:y@127.0.0.1:1/z",
        "2026-01-31",
        "20:61",
        "ward",
    ),
    *(
        "single",
        "dbscan",
        "hdbscan",
        "kmedoids",
        "exact",
        "sampled",
        "selective",
        "baseline",
        "soft-dtw",
        "dtw",
    ),
    *(
        "series",
        "window",
        "agent",
        "session",
        "cluster",
        "impact",
        "impact,mood",
        ",",
        "day",
        "hour",
        "monday",
        "--",
    ),
    *(
        "window=20",
        "window=[",
        "source=2024",
        "x=!!python/object:os.system a",
        "agent=[1, 2]",
        "since=2024",
        "hop=0",
    ),
)
_COMMON = ("--format", "--agent", "--session", "--since", "--where")
_OPTIONS = {
    "extract": (
        *("--window", "--hop", "--radius", "--distance", "--method", "--clusters", "--strategy", "--eps"),
        *("--min-samples", "--sample-size", "--unit", "--channels", "--json", "--labels", "--save", *_COMMON),
    ),
    "compare": ("--by", "--window", "--hop", "--clusters", "--json", *_COMMON),
    "principles": ("--by", "--clusters", "--json", *_COMMON),
    "import": ("--db", *_COMMON),
    "report": ("--out", "--set", "--params", "--keep", *_COMMON),
    "schedule add": ("--every", "--at", "--name", "--keep", "--out", "--set", "--params", *_COMMON),
    "schedule list": (),
    "schedule renew": (),
    "schedule remove": (),
    "schedule run-now": (),
    "nonsense": ("--window",),
    "": ("--version", "--help"),
}
_FLAGS = {"extract": ("--no-significance",), "principles": ("--store",), "report": ("--strict",)}


def _log_bytes(rng):
    """Return a log of any format, and often not quite."""
    log = rules(n_agents=2, sessions=2, length=30)
    for _ in range(rng.randrange(3)):
        column = rng.choice(list(log.columns))
        odd = rng.choice(
            [None, "", "NaN", float("nan"), 1e308, -5, 2**63, "2026-13-45", "{", True, "x" * 3000, "\x00"]
        )
        log[column] = log[column].astype(object)
        log.loc[rng.choice(list(log.index)), column] = odd
    kind = rng.choice(["csv", "jsonl", "parquet", "sqlite", "json", "bytes"])
    try:
        content = _written(log, kind, rng)
    except Exception:  # noqa: BLE001 - this library refuses to write it, so nobody has such a file
        content, kind = log.to_csv(index=False).encode(), "csv"
    if rng.random() < 0.3:
        content = content[: rng.randrange(len(content) + 1)]
    if rng.random() < 0.3 and content:
        mutated = bytearray(content)
        for _ in range(rng.randrange(1, 10)):
            mutated[rng.randrange(len(mutated))] = rng.randrange(256)
        content = bytes(mutated)
    if rng.random() < 0.2:
        content = gzip.compress(content)
        content = content[: rng.choice([len(content), len(content) // 2])]
        kind += rng.choice([".gz", ""])
    return content, kind


def _written(log, kind, rng):
    if kind == "csv":
        return log.to_csv(index=False).encode()
    if kind == "jsonl":
        return log.to_json(orient="records", lines=True, date_format="iso").encode()
    if kind == "json":
        return json.dumps({"simulations": log.to_dict("records")}, default=str).encode()
    if kind == "parquet":
        buffer = io.BytesIO()
        log.to_parquet(buffer, index=False)
        return buffer.getvalue()
    if kind == "sqlite":
        database = sqlite3.connect(":memory:")
        log.astype(str).to_sql(rng.choice(["actions", "other"]), database)
        return database.serialize()
    return rng.randbytes(rng.choice([0, 1, 10, 5000]))


def _source(rng, folder):
    chance = rng.random()
    if chance < 0.3:
        return folder / "good.csv"
    if chance < 0.4:
        return rng.choice(
            [folder, folder / "loop", folder / "absent.csv", f"{folder}/*.csv", "/dev/null", "-"]
        )
    if chance < 0.45:
        return rng.choice(_VALUES)
    content, kind = _log_bytes(rng)
    path = folder / f"log.{kind}"
    path.write_bytes(content)
    return f"sqlite:///{path}" if kind == "sqlite" and rng.random() < 0.5 else path


def _arguments(rng, folder):
    command = rng.choice(list(_OPTIONS))
    arguments = command.split()
    n_sources = {"compare": 2, "import": 1}.get(command, rng.choice([1, 1, 1, 0, 2]))
    if command.startswith("schedule ") and command != "schedule add":
        arguments += [rng.choice(_VALUES) for _ in range(rng.randrange(2))]
    else:
        arguments += [str(_source(rng, folder)) for _ in range(n_sources)]
    for option in rng.sample(_OPTIONS[command], min(len(_OPTIONS[command]), rng.randrange(3))):
        arguments += [option, rng.choice([rng.choice(_VALUES), str(folder / "out"), str(rng.randrange(40))])]
    arguments += [flag for flag in _FLAGS.get(command, ()) if rng.random() < 0.5]
    if command == "extract" and rng.random() < 0.8:
        arguments += ["--no-significance", "--window", "10"]
    return [argument for argument in arguments if "\0" not in argument]


def _in_this_process(arguments, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gymlab", *arguments])
    try:
        cli.main()
    except SystemExit as stop:
        code = stop.code or 0
    except BaseException:  # noqa: BLE001 - what is looked for
        return -1, traceback.format_exc()
    else:
        code = 0
    return code, "".join(capsys.readouterr())


def _fails(notebook, folder, *_, **__):
    (folder / EXECUTED).write_bytes(notebook.read_bytes())
    raise KernelFailedError("its kernel died")


def _in_its_own(arguments):
    done = subprocess.run(
        [sys.executable, "-m", "gymlab", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_MOST_SECONDS,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace")


@pytest.mark.slow
def test_no_command_ends_in_a_traceback(tmp_path, monkeypatch, capsys):
    seed = int(os.environ.get("GYMLAB_FUZZ_SEED") or random.randrange(2**32))  # noqa: S311 - no secret
    rng = random.Random(seed)  # noqa: S311 - as above
    # Nothing of this user's is touched, and a report takes minutes: its notebook is not run.
    for name in ("home", "bin", "log"):
        (tmp_path / name).mkdir()
    crontab = tmp_path / "bin" / "crontab"
    crontab.write_text("#!/bin/sh\ncat > /dev/null\n")
    crontab.chmod(0o755)
    monkeypatch.setenv("PATH", f"{crontab.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    folder = tmp_path / "log"
    monkeypatch.chdir(folder)
    (folder / "loop").symlink_to("loop")
    rules(n_agents=2, sessions=2, length=30).to_csv(folder / "good.csv", index=False)
    monkeypatch.setattr(execute, "execute_notebook", _fails)
    found, tried, until = [], 0, time.monotonic() + float(os.environ.get("GYMLAB_FUZZ_SECONDS") or 10)
    while time.monotonic() < until:
        arguments = _arguments(rng, folder)
        tried += 1
        begun = time.monotonic()
        own = rng.random() < 0.03 and "report" not in arguments and "run-now" not in arguments
        code, said = _in_its_own(arguments) if own else _in_this_process(arguments, monkeypatch, capsys)
        took = time.monotonic() - begun
        if code not in _CODES or "Traceback" in said or took > _MOST_SECONDS:
            found.append(f"{arguments} -> {code} after {took:.0f} s:\n{said[-1500:]}")
            if os.environ.get("GYMLAB_FUZZ_KEEP"):
                kept = tmp_path.parent / f"kept-{len(found)}"
                kept.mkdir()
                for path in folder.glob("log.*"):
                    (kept / path.name).write_bytes(path.read_bytes())
    assert not found, f"{len(found)} of {tried} commands (GYMLAB_FUZZ_SEED={seed}):\n" + "\n\n".join(
        found[:40]
    )
