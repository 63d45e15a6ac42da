"""Where a command writes: whatever the encoding, and whether or not anybody reads it."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, BinaryIO, TextIO, cast

_UNREAD = 128 + 13


class _Output(io.TextIOBase):
    """A stream that replaces what its encoding lacks, and ends the command once nobody reads it any more."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """That of the stream."""
        return self._stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Write text."""
        with _read():
            return self._stream.write(text.encode(self.encoding, "replace").decode(self.encoding))

    def flush(self) -> None:
        """Write what is held back."""
        with _read():
            self._stream.flush()

    @property
    def binary(self) -> "_Bytes":
        """What takes bytes; not called buffer, which typer would write UTF-8 to where the encoding is ASCII."""
        return _Bytes(self._stream.buffer)

    def fileno(self) -> int:
        """Return the number of the file."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return self._stream.isatty()


class _Bytes(io.BufferedIOBase):
    """A stream of bytes that ends the command once nobody reads it any more."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, content: Any) -> int:  # noqa: ANN401 - whatever has bytes
        """Write bytes."""
        with _read():
            return self._stream.write(content)

    def flush(self) -> None:
        """Write what is held back."""
        with _read():
            self._stream.flush()


@contextmanager
def _read() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise SystemExit(_UNREAD) from None


@contextmanager
def robust_output() -> Iterator[None]:
    """Let standard output and standard error take any text, and end with 141 once whoever read them has seen enough."""
    # A stream that was closed is None, and the next file that is opened would take its number.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    with open(os.devnull, "w", encoding="utf-8") as nowhere:  # noqa: PTH123 - a device
        streams = [stream or nowhere for stream in (sys.stdout, sys.stderr)]
        output, complaints = (cast("TextIO", _Output(stream)) for stream in streams)
        try:
            with redirect_stdout(output), redirect_stderr(complaints):
                yield
        finally:
            for stream in streams:
                _end(stream)


def _end(stream: TextIO) -> None:
    """Write what a stream holds back; what it cannot be rid of, which was an error before, must not complain at exit."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
