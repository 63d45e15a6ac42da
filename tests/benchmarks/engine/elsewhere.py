"""A program in an environment of its own: a process that is asked over its standard input and answers with seconds."""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from engine.cases import Collection
from engine.programs import Condensed, Job
from gymlab.errors import InputError

_PROBE = Path(__file__).with_name("aeon.py")


class RemoteProgram:
    """aeon, in a process of another interpreter that waits between its turns.

    Parameters
    ----------
    process
        Runs the probe; its first line has been read.
    folder
        Where the series are handed over.
    """

    name = "aeon"
    fewest = 24

    def __init__(self, process: subprocess.Popen[str], folder: Path, version: str) -> None:
        self.version = version
        self.folder = folder
        self._process = process
        self._handed = 0

    def prepare(self, series: Collection, radius: int | None, threads: int) -> Job:
        """Hand the series over as files, and have them loaded."""
        self._handed += 1
        folder = self.folder / str(self._handed)
        folder.mkdir()
        if isinstance(series, np.ndarray):
            np.save(folder / "all.npy", np.ascontiguousarray(series.transpose(0, 2, 1), dtype=np.float64))
        else:
            for index, one in enumerate(series):
                np.save(folder / f"{index}.npy", np.ascontiguousarray(one.T, dtype=np.float64))
        return _RemoteJob(
            self, self.ask({"prepare": str(folder), "radius": radius, "threads": threads})["job"]
        )

    def ask(self, command: Mapping[str, Any]) -> dict[str, Any]:
        """Send one command and return the answer.

        Raises
        ------
        InputError
            If the process has ended; its last words are in the message.
        """
        if self._process.stdin is None or self._process.stdout is None:  # pragma: no cover - both are pipes
            raise InputError("the other interpreter has no pipes")
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended, which the empty answer says with its last words
        return _answer(self._process, self.folder)


class _RemoteJob:
    def __init__(self, program: RemoteProgram, number: int) -> None:
        self._program, self._number = program, number

    def seconds(self) -> float:
        return float(self._program.ask({"run": self._number})["seconds"])

    def distances(self) -> Condensed:
        to = self._program.folder / f"{self._number}-result.npy"
        self._program.ask({"save": self._number, "to": str(to)})
        loaded: Condensed = np.load(to)
        return loaded


@contextmanager
def program_of(python: str) -> Iterator[RemoteProgram]:
    """Start aeon in another interpreter, and end it after use.

    Parameters
    ----------
    python
        Path of the interpreter of an environment in which aeon is installed.

    Raises
    ------
    InputError
        If it cannot be started, or has no aeon.
    """
    with tempfile.TemporaryDirectory(prefix="gymlab-") as name:
        folder = Path(name)
        with (folder / "errors").open("w", encoding="utf-8") as errors:
            try:
                # Isolated: neither this environment's paths nor the folder of the probe are searched for modules.
                process = subprocess.Popen(
                    [python, "-I", str(_PROBE)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    encoding="utf-8",
                )
            except OSError as error:
                raise InputError(
                    f"cannot start {python}: {error.strerror}; give the path of a Python"
                ) from error
        with process:
            try:
                yield RemoteProgram(process, folder, str(_answer(process, folder)["version"]))
            finally:
                process.kill()


def _answer(process: subprocess.Popen[str], folder: Path) -> dict[str, Any]:
    line = process.stdout.readline() if process.stdout else ""
    try:
        answer = json.loads(line)
    except ValueError:
        words = (folder / "errors").read_text(encoding="utf-8").strip().splitlines()
        last = words[-1] if words else line.strip()[:80] or "it ended without a word"
        raise InputError(f"the interpreter that should have aeon cannot be used: {last}") from None
    return answer if isinstance(answer, dict) else {}
