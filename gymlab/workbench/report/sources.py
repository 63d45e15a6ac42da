"""The source of a log with absolute paths, so that it is the same from any working directory."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from gymlab.actions.readers.source_files import hide_password
from gymlab.arguments import shown
from gymlab.errors import InputError
from gymlab.settings import sample_path

# A path after three slashes is relative to the working directory, after four slashes it is absolute.
_SQLITE = re.compile(r"(?P<before>sqlite(\+[a-z]+)?:///)(?P<path>[^?]+)(?P<after>\?.*)?", re.DOTALL)


def absolute_source(source: object) -> str | list[str]:
    """Return the source of a log with absolute paths, since the notebook runs in another working directory.

    Parameters
    ----------
    source
        As for :func:`gymlab.read_actions`; None is the bundled sample.

    Raises
    ------
    InputError
        If the source is neither a text nor a path nor a list of these, or a URL holds a password.

    Examples
    --------
    >>> absolute_source("sqlite:////data/lab.db")
    'sqlite:////data/lab.db'
    """
    if source is None:
        return str(sample_path())
    if isinstance(source, (list, tuple)):
        return [_absolute(one, "the path of a log, or its URL") for one in source]
    return _absolute(source, "the path of a log, its URL, or several")


def _absolute(source: object, wanted: str) -> str:
    text = os.fspath(source) if isinstance(source, (str, os.PathLike)) else None
    if not isinstance(text, str) or "\0" in text:
        raise InputError(f"source is {shown(source)}; give {wanted}")
    if "://" not in text:
        try:
            path = Path(text).expanduser()
        except RuntimeError:  # there is no such user, so ~ is the first letter of a file's name
            path = Path(text)
        return str(path.absolute())
    if (hidden := hide_password(text)) != text:
        raise InputError(
            f"{hidden}: holds a password, which the report would show; give it in PGPASSWORD or in ~/.pgpass instead"
        )
    found = _SQLITE.fullmatch(text)
    if found is None or found["path"] == ":memory:" or Path(unquote(found["path"])).is_absolute():
        return text
    return f"{found['before']}{quote(os.fsencode(Path.cwd()))}/{found['path']}{found['after'] or ''}"
