"""The log of a report, named so that it is the same from any working directory."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from gymlab.arguments import shown
from gymlab.errors import InputError
from gymlab.settings import sample_path

# A path after three slashes is relative to the working directory, after four it is absolute.
_SQLITE = re.compile(r"(?P<before>sqlite(\+[a-z]+)?:///)(?P<path>[^?]+)(?P<after>\?.*)?", re.DOTALL)


def absolute_source(source: object) -> str | list[str]:
    """Return paths that mean the same from the notebook's working directory; patterns and other URLs as they are.

    Parameters
    ----------
    source
        As for :func:`gymlab.read_actions`; None is the bundled sample.

    Raises
    ------
    InputError
        If it is neither text, a path nor several of these.

    Examples
    --------
    >>> absolute_source("sqlite:////data/lab.db")
    'sqlite:////data/lab.db'
    """
    if source is None:
        return str(sample_path())
    if isinstance(source, (str, os.PathLike)):
        return _absolute(_text(source))
    if not isinstance(source, (list, tuple)):
        raise InputError(f"source is {shown(source)}; give the path of a log, its URL, or several")
    return [_absolute(_text(one)) for one in source]


def _text(source: object) -> str:
    text = os.fspath(source) if isinstance(source, (str, os.PathLike)) else None
    if not isinstance(text, str) or "\0" in text:
        raise InputError(f"source is {shown(source)}; give the path of a log, or its URL")
    return text


def _absolute(text: str) -> str:
    if "://" not in text:
        try:
            path = Path(text).expanduser()
        except RuntimeError:  # no such user, so the name begins with ~ and means nothing by it
            path = Path(text)
        return str(path.absolute())
    found = _SQLITE.fullmatch(text)
    if found is None or found["path"] == ":memory:" or Path(unquote(found["path"])).is_absolute():
        return text
    return f"{found['before']}{quote(os.fsencode(Path.cwd()))}/{found['path']}{found['after'] or ''}"
