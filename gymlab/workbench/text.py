"""Text for people: strings from a log on one line without control characters, and readable numbers."""

import html
import math
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import count

_EMPTY = "(empty)"

# Nouns for the subjects of principles, by the value of ``by``.
SUBJECTS = {"agent": "agents", "session": "sessions", "cluster": "patterns"}


def one_line(text: object, limit: int | None = None) -> str:
    r"""Return text on one line, without control characters, shortened to the limit.

    Examples
    --------
    >>> one_line("tit\nfor\x1b[31m tat", limit=9)
    'tit for …'
    """
    printable = "".join(character if character.isprintable() else " " for character in str(text))
    line = " ".join(printable.split())
    return line if limit is None or len(line) <= limit else line[: limit - 1] + "…"


def short_names(names: Iterable[object], limit: int, *, taken: Iterable[str] = ()) -> dict[str, str]:
    r"""Return a short text of one line for each name; no two texts look the same.

    If two texts would look the same, they also show the ends of the names. If they still look the same, they are
    quoted, with escapes for invisible characters. If this does not help either, they get numbers.

    Parameters
    ----------
    names
        The names that are shown together; repeated names count once.
    limit
        The maximum length of a text, without the number.
    taken
        Other texts that are shown together with the names.

    Examples
    --------
    >>> short_names(["transfer to a human", "transfer to a robot"], 15)
    {'transfer to a human': 'transfe…a human', 'transfer to a robot': 'transfe…a robot'}
    >>> short_names(["a b", "a\tb", ""], 15)
    {'a b': "'a b'", 'a\tb': "'a\\tb'", '': '(empty)'}
    """
    reserved = {_seen(text) for text in taken}
    shown = dict.fromkeys((str(name) for name in names), "")
    waiting = list(shown)
    forms: list[Callable[[str], str]] = [
        lambda name: one_line(name, limit) or _EMPTY,
        lambda name: _with_both_ends(one_line(name), limit) or _EMPTY,
        # Two spaces look like one.
        lambda name: _with_both_ends(ascii(name).replace("  ", r" \x20"), limit),
    ]
    for form in forms:
        texts = {name: form(name) for name in waiting}
        times = Counter(map(_seen, texts.values()))
        alike = {name for name, text in texts.items() if times[_seen(text)] > 1 or _seen(text) in reserved}
        shown |= {name: text for name, text in texts.items() if name not in alike}
        reserved |= {_seen(text) for text in texts.values()}
        waiting = [name for name in waiting if name in alike]
    for name in waiting:
        short = one_line(name, limit) or _EMPTY
        shown[name] = next(text for n in count(1) if _seen(text := f"{short} ({n})") not in reserved)
        reserved.add(_seen(shown[name]))
    return shown


def _with_both_ends(text: str, limit: int) -> str:
    end = limit // 2
    return text if len(text) <= limit else f"{text[: limit - end - 1]}…{text[len(text) - end :]}"


def _seen(text: str) -> str:
    """Return the normal form of a text, since different codes may look like the same letter."""
    return unicodedata.normalize("NFKC", text)


def as_html(text: object, limit: int = 60) -> str:
    """Return text on one line as escaped HTML, with a class so that JupyterLab's MathJax does not change it.

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
    return f"{n:,} {singular(noun) if n == 1 else noun}"


def singular(noun: str) -> str:
    """Return the singular of a noun.

    Examples
    --------
    >>> singular("windows"), singular("series")
    ('window', 'series')
    """
    return noun if noun.endswith("series") else noun.removesuffix("s")


def number(value: float) -> str:
    """Return a number with three or four significant digits; more if it would be rounded up to 1 or 100.

    Examples
    --------
    >>> number(1234.5), number(99.934), number(-0.5)
    ('1,234', '99.93', '−0.5')
    >>> number(99.9986), number(0.99971), number(float("nan"))
    ('99.999', '0.9997', '–')
    """
    if math.isnan(value):
        return "–"
    magnitude = abs(value)
    places = ",.0f" if magnitude >= 999.5 else ".4g" if magnitude >= 10 else ".3g"
    shown = f"{value:{places}}"
    if shown in {"1", "100"} and value < float(shown):
        # Take as many digits as are needed to show the difference from 1 or 100.
        shown = f"{value:.{math.ceil(-math.log10(1 - value / float(shown)))}g}"
    return shown.replace("-", "−")


def decimals(value: float, places: int = 2) -> str:
    """Return a number with this many decimals; a bound if it would be rounded to 0, 1 or −1; a dash for NaN.

    Examples
    --------
    >>> decimals(0.254), decimals(0.0004, 3), decimals(0.9999), decimals(1.0), decimals(float("nan"))
    ('0.25', '< 0.001', '> 0.99', '1.00', '–')
    >>> decimals(-0.001), decimals(-0.9999)
    ('> −0.01', '< −0.99')
    """
    if math.isnan(value):
        return "–"
    least = 10.0**-places
    shown = f"{abs(value):.{places}f}"
    sign = "−" if value < 0 else ""
    if float(shown) == 0 and value != 0:
        return f"{'>' if value < 0 else '<'} {sign}{least:.{places}f}"
    if float(shown) == 1 and abs(value) < 1:
        return f"{'<' if value < 0 else '>'} {sign}{1 - least:.{places}f}"
    return f"{sign}{shown}"


def some_of(shown: int, n: int, noun: str, which: str = "") -> str:
    """Return a phrase with the number of shown things, the number of all, and the choice; empty if all are shown.

    Examples
    --------
    >>> some_of(6, 7, "patterns", "the largest"), some_of(7, 7, "patterns")
    ('6 of 7 patterns, the largest', '')
    """
    if shown >= n:
        return ""
    return f"{shown:,} of {counted(n, noun)}" + (f", {which}" if which else "")


def largest_shares(shares: Mapping[str, float], names: Mapping[str, str], most: int = 3) -> str:
    """Return the largest shares as text, and the number of the others.

    Parameters
    ----------
    shares
        Shares by name, the largest first.
    names
        The shown text of each name, from :func:`short_names`.
    most
        The maximum number of shares.

    Examples
    --------
    >>> largest_shares({"give": 0.75, "take": 0.2499, "": 0.0001}, {"give": "give", "take": "take"}, most=2)
    'give 75 %, take 25 %, 1 more'
    """
    # The import loads scipy, and `--help` does not need it.
    from gymlab.principles.principle import percent  # noqa: PLC0415

    first = [f"{names[name]} {percent(share)}" for name, share in list(shares.items())[:most]]
    more = len(shares) - len(first)
    return ", ".join([*first, *([f"{more:,} more"] if more else [])])


def with_range(measured: float | None, low: float | None, high: float | None) -> str:
    """Return a median with the smallest and the largest repeat, if they differ; a dash if it is unknown.

    Examples
    --------
    >>> with_range(99.5, 99.4, 99.6), with_range(0, 0, 0), with_range(None, None, None)
    ('99.5 [99.4, 99.6]', '0', '–')
    """
    if measured is None or low is None or high is None:
        return "–"
    return number(measured) if low == high else f"{number(measured)} [{number(low)}, {number(high)}]"
