"""Which files a source names, and what is said of files that are no log."""

import bz2
import gzip
import io
import json
import lzma
import os
import pickle
import sqlite3
import sys
import tarfile
import zipfile
from contextlib import closing

import numpy as np
import pyarrow as pa
import pytest
from logs import action

from gymlab import cli
from gymlab.actions import frame_from_records, read_actions
from gymlab.actions.columns import REQUIRED_COLUMNS
from gymlab.actions.readers.source_files import files_of
from gymlab.errors import InputError

RECORDS = [action(step=step) for step in range(3)]
FRAME = frame_from_records(RECORDS)
LINES = [json.dumps(record).encode() + b"\n" for record in RECORDS]
JSONL = b"".join(LINES)
CSV = FRAME.to_csv(index=False).encode()
PLAIN = CSV.decode().encode("ascii", "ignore").decode()


def written(path, content):
    path.write_bytes(content)
    return path


def frame_as(method):
    stream = io.BytesIO()
    getattr(FRAME, method)(stream)
    return stream.getvalue()


def compressed_by_arrow(codec):
    def compress(content):
        sink = pa.BufferOutputStream()
        with pa.CompressedOutputStream(sink, codec) as stream:
            stream.write(content)
        return sink.getvalue().to_pybytes()

    return compress


CODECS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": compressed_by_arrow("zstd"),
    ".lz4": compressed_by_arrow("lz4"),
}


@pytest.mark.parametrize("suffix", CODECS)
def test_a_compressed_log_is_read_whatever_its_name(suffix, tmp_path):
    compress = CODECS[suffix]
    # Several compressed files one after the other are one file, as from parts that were joined.
    parts = compress(LINES[0]) + compress(LINES[1]) + compress(LINES[2])
    for name, content in {
        f"a.jsonl{suffix}": compress(JSONL),
        f"b.csv{suffix}": compress(CSV),
        f"c.jsonl{suffix}": parts,
        "d": compress(JSONL),
        "e.csv": compress(CSV),
        f"f.json{suffix}": compress(b"\xef\xbb\xbf" + JSONL),
    }.items():
        assert len(read_actions(written(tmp_path / name, content))) == 3, name


@pytest.mark.parametrize("suffix", CODECS)
def test_a_compressed_log_that_is_damaged_is_refused(suffix, tmp_path):
    whole = CODECS[suffix](JSONL * 50)
    with pytest.raises(InputError, match="data is damaged or cut off"):
        read_actions(written(tmp_path / f"a.jsonl{suffix}", whole[:-7]))
    with pytest.raises(InputError, match=f"is named {suffix} but is not"):
        read_actions(written(tmp_path / f"b.jsonl{suffix}", JSONL))


def zipped(*names):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in names:
            archive.writestr(name, JSONL)
    return stream.getvalue()


def tarred():
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        member = tarfile.TarInfo("a.jsonl")
        member.size = len(JSONL)
        archive.addfile(member, io.BytesIO(JSONL))
    return stream.getvalue()


UNPACK = "; unpack it and name the log that is in it"
OTHERS = {
    "zip": (zipped("a.jsonl"), "is a zip archive" + UNPACK),
    "empty zip": (zipped(), "is a zip archive with nothing in it"),
    "Excel": (
        zipped("[Content_Types].xml", "xl/workbook.xml"),
        "is a workbook of Excel or another program; save the sheet as CSV",
    ),
    "old Excel": (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 99,
        "such as an Excel workbook; save the sheet as CSV",
    ),
    "7z": (b"7z\xbc\xaf\x27\x1c\0\x04", "is a 7z archive" + UNPACK),
    "rar": (b"Rar!\x1a\x07\x01\0", "is a rar archive" + UNPACK),
    "tar": (tarred(), "is a tar archive" + UNPACK),
    "tar.gz": (gzip.compress(tarred()), "is a tar archive" + UNPACK),
    "tar.xz": (lzma.compress(tarred()), "is a tar archive" + UNPACK),
    "tar.zst": (CODECS[".zst"](tarred()), "is a tar archive" + UNPACK),
    "gzip in gzip": (
        gzip.compress(gzip.compress(JSONL)),
        "is a file that is compressed twice; unpack it once",
    ),
    "xz in zstd": (CODECS[".zst"](lzma.compress(JSONL)), "is a file that is compressed twice"),
    "zip in gzip": (gzip.compress(zipped("a")), "is a zip archive" + UNPACK),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "is a PDF document; export the actions"),
    "HTML": (b"\n<!DOCTYPE html>\n<html>", "is a web page; download the log itself"),
    "HTML without a type": (b"<HTML><body>Sign in", "is a web page"),
    "XML": (b'<?xml version="1.0"?>', "is an XML document"),
    "pickle": (pickle.dumps(RECORDS), "is a Python pickle, which is never loaded"),
    "old pickle": (pickle.dumps(RECORDS, protocol=2), "is a Python pickle"),
    "Feather": (frame_as("to_feather"), "is an Arrow (Feather) file; write the table as Parquet"),
    "ORC": (b"ORC\n\x0b\0\0", "is an ORC file"),
    "Avro": (b"Obj\x01\x04\x14", "is an Avro file"),
    "HDF5": (b"\x89HDF\r\n\x1a\n\0\0", "is an HDF5 file"),
    "numpy": (b"\x93NUMPY\x01\0v\0", "is an array of numpy"),
    "DuckDB": (b"\0" * 8 + b"DUCK" + b"\0" * 20, "is a DuckDB database"),
    "picture": (b"\x89PNG\r\n\x1a\n\0\0", "is a picture"),
    "zeros": (b"\0" * 999, "is neither text nor a format that gymlab knows"),
    "NUL in the header": (
        CSV.replace(b"impact", b"im\0act"),
        "is neither text nor a format that gymlab knows",
    ),
    "Parquet in gzip": (
        gzip.compress(frame_as("to_parquet")),
        "is a Parquet file that is compressed as a whole",
    ),
    "SQLite in xz": (
        lzma.compress(b"SQLite format 3\0" + b"\0" * 99),
        "is a SQLite database that is compressed",
    ),
} | {
    encoding: (
        PLAIN.encode(encoding),
        f"line 1: is not UTF-8 text but {encoding[:6].upper()}; save the file as UTF-8",
    )
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be")
}
TEXTS = {
    "notebook": (json.dumps({"cells": [], "nbformat": 4}, indent=1).encode(), "is a Jupyter notebook"),
    "array": (
        json.dumps(RECORDS).encode(),
        "holds actions as JSON in one array; write each action on one line",
    ),
    "indented array": (json.dumps(RECORDS, indent=2).encode(), "holds actions as JSON in one array"),
    "indented action": (
        json.dumps(RECORDS[0], indent=2).encode(),
        "holds actions as JSON over several lines",
    ),
    "indented actions": (
        b"\n".join(json.dumps(record, indent=2).encode() for record in RECORDS),
        "a JSONL log has one action a line",
    ),
    "semicolons": (CSV.replace(b",", b";"), "its columns are separated by semicolons; save it with commas"),
    "tabs": (CSV.replace(b",", b"\t"), "its columns are separated by tabs; save it with commas"),
    "bars": (CSV.replace(b",", b"|"), "its columns are separated by bars; save it with commas"),
    "matches with semicolons": (b"strategy;opponent;seed;rep;moves;opponent_moves\n", "by semicolons"),
    "nothing": (b"", "the file is empty"),
    "blank lines": (b"\n \n\t\n", "no columns in it, only blank lines"),
    "a mark alone": (b"\xef\xbb\xbf\n", "no columns in it, only blank lines"),
}
TEXTS["latin-1"] = (PLAIN.replace("share", "shäre").encode("latin-1"), "line 2: is not UTF-8 text (byte")


@pytest.mark.parametrize("case", OTHERS | TEXTS)
def test_a_file_that_is_no_log_is_said_to_be_what_it_is(case, tmp_path):
    content, said = (OTHERS | TEXTS)[case]
    # Whatever it is called; of a text that is called JSONL, each line is said to be none.
    for name in ("a", "a.csv", "a.jsonl") if case in OTHERS else ("a", "a.csv"):
        path = written(tmp_path / name, content)
        with pytest.raises(InputError) as caught:
            read_actions(path)
        assert said in str(caught.value)
        assert str(caught.value).startswith(f"{path}")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("case", "format_"),
    [("zip", "jsonl"), ("Excel", "csv"), ("utf-16", "csv"), ("semicolons", "csv"), ("tar.gz", "tau-bench")],
)
def test_a_format_that_is_given_does_not_hide_what_a_file_is(case, format_, tmp_path):
    content, said = (OTHERS | TEXTS)[case]
    with pytest.raises(InputError) as caught:
        read_actions(written(tmp_path / "a", content), format_)
    assert said in str(caught.value)


def test_a_format_that_is_given_has_to_be_possible(tmp_path):
    with pytest.raises(InputError, match="is a Parquet file, although the format csv was given"):
        read_actions(written(tmp_path / "a", frame_as("to_parquet")), "csv")
    with closing(sqlite3.connect(tmp_path / "b")) as connection, connection:
        connection.execute("CREATE TABLE t (x)")
    with pytest.raises(InputError, match="is a SQLite database, although the format jsonl was given"):
        read_actions(tmp_path / "b", "jsonl")


@pytest.mark.parametrize("first", [b"ORCID,x\n", b"BZhang,x\n", b"ARROW1,x\n", b"DUCK,x\n", b"FEA1,x\n"])
def test_letters_that_begin_another_format_too_are_text(first, tmp_path):
    with pytest.raises(InputError, match="the columns session_id"):
        read_actions(written(tmp_path / "a.csv", first))


@pytest.mark.parametrize("name", ["a", "a.log", "a.json", "a.txt"])
def test_a_first_line_may_have_any_length(name, tmp_path):
    long = {"metadata": {"text": "x" * 200_000}}
    first = json.dumps(long | {key: value for key, value in RECORDS[0].items() if key != "metadata"}).encode()
    for content, actions in {
        first: 1,
        first + b"\n" + LINES[1]: 2,
        LINES[0] + b"\n\n" + first.replace(b'"step": 0', b'"step": 1'): 2,
    }.items():
        assert len(read_actions(written(tmp_path / name, content))) == actions


def test_one_line_of_trajectories_that_names_a_session_is_no_action(tmp_path):
    said = {"role": "user", "content": "hello", "session_id": "x"}
    data = {"session": 1, "simulations": [{"id": "s", "messages": [said]}]}
    assert read_actions(written(tmp_path / "a", json.dumps(data).encode()))["session_id"].tolist() == ["s"]


# --- patterns ---


@pytest.fixture
def odd_folder(tmp_path, monkeypatch):
    """A working folder whose name is a pattern, beside the one that it would match."""
    for name in ("run[1]", "run1"):
        (tmp_path / name / "logs").mkdir(parents=True)
        for place in ("a.jsonl", "logs/b.jsonl"):
            record = action(session_id=f"{name}/{place}")
            (tmp_path / name / place).write_text(json.dumps(record) + "\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path / "run[1]")
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.jsonl", ["a.jsonl"]),
        ("logs/*.jsonl", ["logs/b.jsonl"]),
        ("./logs/*.jsonl", ["logs/b.jsonl"]),
        ("**/*.jsonl", ["a.jsonl", "logs/b.jsonl"]),
        ("logs/../*.jsonl", ["a.jsonl"]),
        ("../run[[]1]/*.jsonl", ["a.jsonl"]),
        ("{here}/run[1]/*.jsonl", ["a.jsonl"]),
        ("{here}/run[1]/logs/b.jsonl", ["logs/b.jsonl"]),
        ("{here}/run[1]/lo*/[b].jsonl", ["logs/b.jsonl"]),
        ("~/*.jsonl", ["a.jsonl"]),
        ("~/a.jsonl", ["a.jsonl"]),
    ],
)
def test_the_name_of_a_folder_is_no_part_of_a_pattern(odd_folder, monkeypatch, pattern, found):
    from gymlab.workbench.report.sources import absolute_source

    monkeypatch.setenv("HOME", str(odd_folder / "run[1]"))
    source = pattern.replace("{here}", str(odd_folder))
    # As a report reads it, from another working folder.
    for given in (source, absolute_source(source)):
        assert sorted(read_actions(given)["session_id"].unique()) == [f"run[1]/{name}" for name in found]


def test_a_file_that_is_not_there_is_not_looked_for_in_another_folder(odd_folder):
    (odd_folder / "run[1]" / "a.jsonl").unlink()
    with pytest.raises(InputError, match=r"run\[1\]/a\.jsonl: there is no such file"):
        read_actions(odd_folder / "run[1]" / "a.jsonl")


def test_a_file_wins_over_the_pattern_that_it_would_be(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a[1].jsonl", "a1.jsonl", "*.jsonl"):
        (tmp_path / name).write_text(json.dumps(action(session_id=name)) + "\n", encoding="utf-8")
    assert read_actions("a[1].jsonl")["session_id"].tolist() == ["a[1].jsonl"]
    assert read_actions("*.jsonl")["session_id"].tolist() == ["*.jsonl"]
    assert read_actions("a[0-9].jsonl")["session_id"].tolist() == ["a1.jsonl"]


# --- names ---

NAMES = [
    "a#b",
    "a%20b",
    "a%41",
    "a b",
    "a;b",
    "a&b=c",
    "é",
    "[x]",
    "*",
    "-x",
    "~t",
    "a'b",
    'a"b',
    "new\nline",
    "a\\b",
]


@pytest.mark.parametrize("name", [*NAMES, os.fsdecode(b"log\xff")], ids=ascii)
def test_a_file_may_have_any_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path / f"{name}.jsonl", JSONL)
    written(tmp_path / f"{name}.csv.zst", CODECS[".zst"](CSV))
    with closing(sqlite3.connect(f"{name}.db")) as connection, connection:
        connection.execute(f"CREATE TABLE gymlab_actions ({', '.join(REQUIRED_COLUMNS)})")
        values = [[record[column] for column in REQUIRED_COLUMNS] for record in RECORDS]
        connection.executemany(
            f"INSERT INTO gymlab_actions VALUES ({', '.join('?' * len(REQUIRED_COLUMNS))})",  # noqa: S608
            values,
        )
    for source in (f"{name}.jsonl", f"{name}.csv.zst", f"{name}.db", f"sqlite:///{name}.db"):
        log = read_actions(source)
        assert len(log) == 3
        log.attrs["source"].encode()
        assert len(read_actions(source, strict=False)[0]) == 3


def test_the_errors_of_a_file_whose_name_is_no_text_are_a_table(tmp_path):
    path = written(tmp_path / os.fsdecode(b"log\xff.jsonl"), b"{\n")
    _, errors = read_actions(path, strict=False)
    assert errors["source"].tolist() == [rf"{tmp_path}/log\udcff.jsonl"]


def test_an_escaped_URL_and_one_that_is_not_name_the_same_database(tmp_path, monkeypatch):  # noqa: N802
    monkeypatch.chdir(tmp_path)
    assert [str(path) for path in files_of(["sqlite:///a%20b.db", "sqlite:///a b.db"])] == [
        "a b.db",
        "a b.db",
    ]
    written(tmp_path / "a%20b.db", b"")
    assert [str(path) for path in files_of("sqlite:///a%20b.db")] == ["a%20b.db"]


def test_what_is_no_file_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("x")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    for source, said in {
        "loop": "loop: cannot be read: Too many levels of symbolic links",
        "loop/a.jsonl": "cannot be read: Too many levels of symbolic links",
        "lo*": "cannot be read: Too many levels of symbolic links",
        "sqlite:///loop": "cannot be read: Too many levels of symbolic links",
        "nowhere": "nowhere: there is no such file",
        "pipe": "is no regular file but a pipe or a device; write the log to a file first",
        "/dev/null": "is no regular file but a pipe or a device",
        "folder": r"is a folder; name a file in it",
        "-": "standard input cannot be a source, so write the log to a file first",
        "x" * 300: "cannot be read: File name too long",
        "x" * 300 + "/*.csv": "cannot be read: File name too long",
        "file:///a.csv": "only URLs of SQLite and PostgreSQL can be read",
    }.items():
        with pytest.raises(InputError) as caught:
            read_actions(source)
        assert said in str(caught.value), source


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read_is_said(tmp_path):
    path = written(tmp_path / "a.jsonl", JSONL)
    path.chmod(0)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        read_actions(path)


@pytest.mark.parametrize("name", ["extract", "principles", "compare", "import", "report"])
@pytest.mark.parametrize(
    ("source", "said"), [("-", "standard input"), ("loop", "symbolic links"), ("a.zip", "zip archive")]
)
def test_every_command_says_it_in_one_line(name, source, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GYMLAB_HOME", str(tmp_path / "home"))
    (tmp_path / "loop").symlink_to("loop")
    written(tmp_path / "a.zip", zipped("a.jsonl"))
    written(tmp_path / "a.jsonl", JSONL)
    monkeypatch.setattr(sys, "argv", ["gymlab", name, *["a.jsonl"] * (name == "compare"), source])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    complaint = capsys.readouterr().err.strip().splitlines()
    assert stop.value.code == 2
    assert said in complaint[-1]
    assert (
        len([line for line in complaint if line.startswith("gymlab: ") and "reading the log" not in line])
        == 1
    )


# --- arguments ---

WRONG_SOURCES = [
    None,
    5,
    2.5,
    True,
    10**30,
    b"a.csv",
    {"a": 1},
    {"a"},
    object(),
    [None],
    [5],
    np.array(["a"]),
    FRAME,
    iter("a"),
]


@pytest.mark.parametrize("source", WRONG_SOURCES, ids=lambda value: type(value).__name__)
def test_a_source_of_the_wrong_kind(source):
    with pytest.raises(InputError, match="a source is a path, a pattern, a URL or a list of these"):
        read_actions(source)


@pytest.mark.parametrize("format_", ["", 5, True, [], ["csv"], {}, b"csv", np.array(["csv"]), object()])
def test_a_format_of_the_wrong_kind(format_, tmp_path):
    with pytest.raises(InputError, match="there is no format"):
        read_actions(written(tmp_path / "a.jsonl", JSONL), format_)


@pytest.mark.parametrize("strict", [None, 0, 1, "no", [], np.array([True]), object()])
def test_strictness_of_the_wrong_kind(strict, tmp_path):
    with pytest.raises(InputError, match="strict is"):
        read_actions(written(tmp_path / "a.jsonl", JSONL), strict=strict)


def test_a_path_of_bytes_is_a_path(tmp_path):
    written(tmp_path / "a.jsonl", JSONL)
    (entry,) = os.scandir(os.fsencode(tmp_path))
    assert len(read_actions(entry)) == 3
