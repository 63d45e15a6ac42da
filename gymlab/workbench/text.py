"""Strings from a log as they may be shown: one line, nothing that a terminal or a browser would obey."""

import html


def one_line(text: object, limit: int | None = None) -> str:
    r"""Return text on one line, without control characters, shortened where it is longer than the limit.

    Examples
    --------
    >>> one_line("tit\nfor\x1b[31m tat", limit=9)
    'tit for …'
    """
    printable = "".join(character if character.isprintable() else " " for character in str(text))
    line = " ".join(printable.split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


def as_html(text: object, limit: int = 60) -> str:
    """Return text on one line as HTML that shows it.

    Examples
    --------
    >>> as_html("<b>bold</b>")
    '&lt;b&gt;bold&lt;/b&gt;'
    """
    return html.escape(one_line(text, limit), quote=True)


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, which is given in the plural.

    Examples
    --------
    >>> counted(1, "windows"), counted(1200, "windows"), counted(1, "series")
    ('1 window', '1,200 windows', '1 series')
    """
    return f"{n:,} {noun if n != 1 or noun == 'series' else noun.removesuffix('s')}"
