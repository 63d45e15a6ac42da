"""What a page says, read back from its HTML; never imports gymlab."""

import html
import re
from html.parser import HTMLParser


class _Tables(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tables, self.cell = [], None

    def handle_starttag(self, tag, _attributes):
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in {"td", "th"}:
            self.cell = ""
        elif tag == "br" and self.cell is not None:
            self.cell += " "

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in {"td", "th"}:
            self.tables[-1][-1].append(" ".join(self.cell.split()))
            self.cell = None


def rows_of(page):
    """Return the rows of the first table as dictionaries by the names of its columns."""
    parser = _Tables()
    parser.feed(page)
    if not parser.tables:
        return []
    header, *rows = parser.tables[0]
    assert all(len(row) == len(header) for row in rows)
    return [dict(zip(header, row, strict=True)) for row in rows]


def words_of(page):
    """Return the text outside of tables, on one line."""
    without = re.sub(r"<table.*?</table>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", without)).split())


def whole(text):
    """Return a whole number as people write it."""
    return int(text.replace(",", ""))


def says(text, value, unit=1.0):
    """Tell whether a rounded number, or a bound, is true of a value and tells what is not all from all."""
    text = text.replace(" ", "").replace("%", "").replace(",", "").replace("−", "-").replace("\xa0", "")
    value = value * unit
    if text == "–":
        return value != value  # noqa: PLR0124 - NaN
    if text[0] in "<>":
        bound = float(text[1:])
        return value < bound if text[0] == "<" else value > bound
    digits = len(text.partition(".")[2])
    if abs(float(text) - value) > 0.5 * 10.0**-digits + 1e-9:
        return False
    # Of what is not nothing, and of less than all, neither is said, but for the last bits of a computation.
    said_too_much = float(text) == 0 or (float(text) == unit and value < unit)
    return not said_too_much or abs(float(text) - value) < 1e-9 * unit
