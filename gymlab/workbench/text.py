"""Text as it may be shown: strings from a log on one line, nothing that is obeyed; numbers as people read them."""

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
    """Return text on one line as HTML that shows it; MathJax, which JupyterLab has, leaves it alone.

    Examples
    --------
    >>> as_html("<b>bold</b>")
    '&lt;b&gt;bold&lt;/b&gt;'
    >>> as_html("$5 or $10")
    '<span class="mathjax_ignore">$5 or $10</span>'
    """
    escaped = html.escape(one_line(text, limit), quote=True)
    formula = "$" in escaped or "\\" in escaped
    return f'<span class="mathjax_ignore">{escaped}</span>' if formula else escaped


def counted(n: int, noun: str) -> str:
    """Return a number with its noun, which is given in the plural.

    Examples
    --------
    >>> counted(1, "windows"), counted(1200, "windows"), counted(1, "series")
    ('1 window', '1,200 windows', '1 series')
    """
    return f"{n:,} {noun if n != 1 or noun == 'series' else noun.removesuffix('s')}"


def number(value: float) -> str:
    """Return a number with three or four digits that count.

    Examples
    --------
    >>> number(1234.5), number(99.934), number(-0.5)
    ('1,234', '99.93', '−0.5')
    """
    magnitude = abs(value)
    places = ",.0f" if magnitude >= 1000 else ".4g" if magnitude >= 10 else ".3g"
    return f"{value:{places}}".replace("-", "−")


def with_range(measured: float | None, low: float | None, high: float | None) -> str:
    """Return a median with the least and the largest of its repeats, where they differ; a dash for what is unknown.

    Examples
    --------
    >>> with_range(99.5, 99.4, 99.6), with_range(0, 0, 0), with_range(None, None, None)
    ('99.5 [99.4, 99.6]', '0', '–')
    """
    if measured is None or low is None or high is None:
        return "–"
    return number(measured) if low == high else f"{number(measured)} [{number(low)}, {number(high)}]"
