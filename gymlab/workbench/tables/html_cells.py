"""Tables of HTML cells, and the numbers in them."""

import html
from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from gymlab.arguments import instance
from gymlab.principles.principle import percent
from gymlab.workbench import text
from gymlab.workbench.checked import a_table
from gymlab.workbench.text import as_html, number


def table(header: Sequence[str], rows: Iterable[Sequence[str]], kind: str) -> str:
    """Return a table, which scrolls sideways on a narrow page.

    Parameters
    ----------
    header
        The names of the columns, as text.
    rows
        The cells, as HTML.
    kind
        The class of the table in the style sheet.
    """
    # Notebooks align cells to the right by default.
    left = 'style="text-align:left"'
    head = "".join(f"<th {left}>{html.escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td {left}>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def chip(word: str, kind: str) -> str:
    """Return a word in a coloured frame; the kinds are ``held``, ``failed`` and ``not_measured``."""
    return f'<span class="chip {kind}">{as_html(word)}</span>'


def decimals(value: float, places: int = 2) -> str:
    """Return a number with ``places`` decimals, as :func:`gymlab.workbench.text.decimals` does, on one line."""
    return _unparted(text.decimals(value, places))


def share(value: float) -> str:
    """Return a share in percent, on one line."""
    return _unparted(percent(value))


def shares(values: Mapping[str, float], names: Mapping[str, str]) -> str:
    """Return the largest shares, as :func:`gymlab.workbench.text.largest_shares` does."""
    return as_html(text.largest_shares(values, names), 300)


def left_out(sentence: str) -> str:
    """Return the HTML of the sentence below a table that leaves something out; "" for an empty sentence."""
    return f"<p>{as_html(sentence, 400)}.</p>" if sentence else ""


def frame(values: pd.DataFrame) -> str:
    """Return a small frame of numbers and names as a table, or a sentence if it is empty."""
    a_table("values", values)
    if values.empty:
        return "<p>Not compared: this needs windows of one length, and enough of them.</p>"
    rows = [[_cell(cell) for cell in row] for row in values.astype(object).to_numpy()]
    return table([str(name).replace("_", " ") for name in values.columns], rows, "frame")


def facts(values: Mapping[str, object]) -> str:
    """Return names and values as a table with one row for each."""
    instance("values", values, Mapping, "values by name")
    return table(
        ("what", "value"), [(as_html(name), as_html(value, 300)) for name, value in values.items()], "facts"
    )


def _cell(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else as_html(value)


def _unparted(words: str) -> str:
    return html.escape(words).replace(" ", "&nbsp;")
