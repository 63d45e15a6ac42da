"""Standard output and standard error that accept every text, and that handle a reader who stops reading."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any, BinaryIO, TextIO, cast

_UNREAD = 128 + 13


class _Output(io.TextIOBase):
    """A text stream that replaces characters outside its encoding, and ends the command when its reader is gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the stream."""
        return self._stream.encoding or "utf-8"

    def write(self, text: str) -> int:
        """Write text."""
        with _reader_expected():
            return self._stream.write(text.encode(self.encoding, "replace").decode(self.encoding))

    def flush(self) -> None:
        """Write the buffer."""
        with _reader_expected():
            self._stream.flush()

    @property
    def binary(self) -> "_Bytes":
        """The stream for bytes. It is not called ``buffer``, since typer would write UTF-8 to it under an ASCII encoding."""
        return _Bytes(self._stream.buffer)

    def fileno(self) -> int:
        """Return the file descriptor."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Return whether the stream is a terminal."""
        return self._stream.isatty()


class _Bytes(io.BufferedIOBase):
    """A binary stream that ends the command when its reader has closed it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, content: Any) -> int:  # noqa: ANN401 - every object with a buffer
        """Write bytes."""
        with _reader_expected():
            return self._stream.write(content)

    def flush(self) -> None:
        """Write the buffer."""
        with _reader_expected():
            self._stream.flush()


@contextmanager
def _reader_expected() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise SystemExit(_UNREAD) from None


@contextmanager
def robust_output() -> Iterator[None]:
    """Wrap standard output and standard error; exit with 141 when their reader has closed them."""
    # The next opened file would get the descriptor of a closed standard stream.
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
    """Write the buffer of a stream; drop it if that fails, so that Python does not report the failure again at exit."""
    try:
        stream.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
