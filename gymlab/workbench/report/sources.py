"""The log of a report, named so that it is the same from any working directory."""

import os
import re
from pathlib import Path
from urllib.parse import quote, unquote

from gymlab.settings import sample_path

# A path after three slashes is relative to the working directory, after four it is absolute.
_SQLITE = re.compile(r"(?P<before>sqlite(\+[a-z]+)?:///)(?P<path>[^?]+)(?P<after>\?.*)?", re.DOTALL)


def absolute_source(source: str | os.PathLike[str] | list[str] | None) -> str | list[str]:
    """Return paths that mean the same from the notebook's working directory; patterns and other URLs as they are.

    Parameters
    ----------
    source
        As for :func:`gymlab.read_actions`; None is the bundled sample.

    Examples
    --------
    >>> absolute_source("sqlite:////data/lab.db")
    'sqlite:////data/lab.db'
    """
    if source is None:
        return str(sample_path())
    if isinstance(source, list):
        return [str(path) for one in source for path in [absolute_source(one)]]
    text = os.fspath(source)
    if "://" not in text:
        try:
            return str(Path(text).expanduser().absolute())
        except RuntimeError:  # no such user, so the name begins with ~ and means nothing by it
            return str(Path(text).absolute())
    found = _SQLITE.fullmatch(text)
    if found is None or found["path"] == ":memory:" or Path(unquote(found["path"])).is_absolute():
        return text
    return f"{found['before']}{quote(str(Path.cwd()))}/{found['path']}{found['after'] or ''}"
