"""Tables of cells that are HTML already, and numbers as they stand in them."""

import html
import math
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from gymlab.patterns.principles.principle import percent
from gymlab.workbench.text import as_html, number


def table(header: Sequence[str], rows: Iterable[Sequence[str]], kind: str) -> str:
    """Return a table; it scrolls sideways by itself on a narrow page.

    Parameters
    ----------
    header
        Names of the columns, as text.
    rows
        Cells that are HTML already.
    kind
        What is in it, for the style sheet.
    """
    # A notebook would set text to the right, as if it were numbers.
    left = 'style="text-align:left"'
    head = "".join(f"<th {left}>{html.escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td {left}>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def chip(text: str, kind: str) -> str:
    """Return a word in a coloured frame: ``held``, ``failed`` or ``not_measured`` give the colour."""
    return f'<span class="chip {kind}">{as_html(text)}</span>'


def decimals(value: float, places: int = 2) -> str:
    """Return a number with so many decimals; a dash for NaN."""
    return "–" if math.isnan(value) else f"{value:.{places}f}"


def share(value: float) -> str:
    """Return a share in percent that no line break can part."""
    return percent(value).replace(" ", "&nbsp;")


def shares(values: Mapping[str, float], most: int = 3) -> str:
    """Return the largest shares of names, the first given first."""
    first = [
        f"{as_html(name or 'none', 24)} {_rounded(value)}" for name, value in list(values.items())[:most]
    ]
    return ", ".join(first) + (" …" if len(values) > most else "")


def frame(values: pd.DataFrame) -> str:
    """Return a small frame of numbers and names; for an empty one, why there are none."""
    if values.empty:
        return "<p>Not compared: this needs windows of one length, and enough of them.</p>"
    rows = [
        [number(cell) if isinstance(cell, float) else as_html(cell) for cell in row]
        for row in values.to_numpy()
    ]
    return table([str(name).replace("_", " ") for name in values.columns], rows, "frame")


def facts(values: Mapping[str, object]) -> str:
    """Return names and values, one row each."""
    return table(
        ("what", "value"), [(as_html(name), as_html(value, 300)) for name, value in values.items()], "facts"
    )


def _rounded(value: float) -> str:
    return "&lt;1%" if 0 < value < 0.005 else f"{value:.0%}"
