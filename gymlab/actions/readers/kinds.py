"""Files that are no logs, detected from their first bytes, so that the error can name a solution."""

from pathlib import Path

from gymlab.actions.columns import ACTION_COLUMNS
from gymlab.errors import InputError

_EXPORT = "export the actions to JSONL, CSV or Parquet"
_UNPACK = "unpack it and name the log that is in it"
_WORKBOOK = "save the sheet as CSV"
_PARQUET = "write the table as Parquet"

# The offset of the bytes, the bytes, the kind of file, and the solution.
_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"PK\x03\x04", "a zip archive", _UNPACK),
    (0, b"PK\x05\x06", "a zip archive with nothing in it", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!\x1a\x07", "a rar archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\x1f\x9d", "a file compressed by compress", "unpack it"),
    *(
        (0, magic, "a file that is compressed twice", "unpack it once")
        for magic in (b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")
    ),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Office file, such as an Excel workbook", _WORKBOOK),
    (0, b"ARROW1", "an Arrow (Feather) file", _PARQUET),
    (0, b"FEA1", "a Feather file", _PARQUET),
    (0, b"\xff\xff\xff\xff", "an Arrow stream", _PARQUET),
    (0, b"ORC", "an ORC file", _PARQUET),
    (0, b"Obj\x01", "an Avro file", _PARQUET),
    (0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", _PARQUET),
    (0, b"\x93NUMPY", "an array of numpy", _PARQUET),
    (8, b"DUCK", "a DuckDB database", _EXPORT),
    (0, b"%PDF-", "a PDF document", _EXPORT),
    (0, b"\x89PNG\r\n\x1a\n", "a picture", _EXPORT),
    (0, b"\xff\xd8\xff", "a picture", _EXPORT),
    *(
        (0, bytes([0x80, version]), "a Python pickle, which is never loaded, as it may run code", _PARQUET)
        for version in range(2, 6)
    ),
)
_MARKUP: tuple[tuple[bytes, str, str], ...] = (
    (b"<!doctype html", "a web page", "download the log itself"),
    (b"<html", "a web page", "download the log itself"),
    (b"<?xml", "an XML document", _EXPORT),
)
# The byte order mark, and the bytes among the first four that are 0 in a text without a mark.
_ENCODINGS: tuple[tuple[str, bytes, tuple[bool, ...]], ...] = (
    ("UTF-32", b"\xff\xfe\x00\x00", (False, True, True, True)),
    ("UTF-32", b"\x00\x00\xfe\xff", (True, True, True, False)),
    ("UTF-16", b"\xff\xfe", (False, True, False, True)),
    ("UTF-16", b"\xfe\xff", (True, False, True, False)),
)
_SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "bars"}
_MATCH_COLUMNS = {"strategy", "opponent", "moves", "opponent_moves"}


def refuse_other_kinds(path: Path, start: bytes) -> None:
    """Refuse a file that is known to be no log.

    Parameters
    ----------
    path
        The path of the file.
    start
        The first bytes, unpacked.

    Raises
    ------
    InputError
        If the file is an archive, a document, a table of another format, or text in another encoding.
    """
    if start.startswith(b"PK\x03\x04") and (b"xl/" in start or b"opendocument.spreadsheet" in start):
        raise InputError(f"{path}: is a workbook of Excel or another program; {_WORKBOOK}")
    encoding = next((name for name, mark, zeros in _ENCODINGS if _is_in(start, mark, zeros)), None)
    if encoding is not None:
        raise InputError(f"{path}, line 1: is not UTF-8 text but {encoding}; save the file as UTF-8")
    for offset, magic, what, instead in _MAGIC:
        # A text, such as a header, may begin with the same letters.
        if start.startswith(magic, offset) and (b"\0" in start or not magic.isalnum()):
            raise InputError(f"{path}: is {what}; {instead}")
    for beginning, what, instead in _MARKUP:
        if start.lstrip()[:20].lower().startswith(beginning):
            raise InputError(f"{path}: is {what}; {instead}")
    if b"\0" in start.partition(b"\n")[0]:
        raise InputError(f"{path}: is neither text nor a format that gymlab knows; {_EXPORT}")


def require_commas(path: Path, start: bytes) -> None:
    """Refuse a CSV file whose columns are not separated by commas.

    Raises
    ------
    InputError
        If semicolons, tabs or bars separate the names in the header.
    """
    header = start.partition(b"\n")[0]
    for separator, name in _SEPARATORS.items():
        names = {part.strip().strip(b'"').decode(errors="replace") for part in header.split(separator)}
        if len(names & (set(ACTION_COLUMNS) | _MATCH_COLUMNS)) > 1:
            raise InputError(f"{path}: its columns are separated by {name}; save it with commas")


def _is_in(start: bytes, mark: bytes, zeros: tuple[bool, ...]) -> bool:
    """Tell whether a text begins in this encoding; a text without a mark has to begin with ASCII characters."""
    first = start[: len(zeros)]
    return start.startswith(mark) or (
        tuple(byte == 0 for byte in first) == zeros and first.replace(b"\0", b"").strip().isascii()
    )
