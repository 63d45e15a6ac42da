"""From an executed notebook to one HTML file that opens offline: plotly once, no code unless unfolded."""

import itertools
import json
import re
from pathlib import Path
from typing import Any

import nbformat
from nbconvert import HTMLExporter
from plotly.offline import get_plotlyjs
from traitlets.config import Config

_TEMPLATES = Path(__file__).parent / "template"
_PLOTLY = "application/vnd.plotly.v1+json"
_HEADING = re.compile(r"^## +(.+?) *$", re.MULTILINE)


def to_html(notebook: nbformat.NotebookNode, title: str) -> str:
    """Return an executed notebook as a self-contained page.

    nbconvert's own templates fetch scripts from the network and leave plotly's figures out, so this one has a
    template of its own. Text is escaped; figures are embedded as data, which no string in them can leave.

    Parameters
    ----------
    notebook
        With its outputs.
    title
        Title of the page.
    """
    config = Config()
    config.HTMLExporter.display_data_priority = [
        _PLOTLY,
        "text/html",
        "text/markdown",
        "image/png",
        "text/plain",
    ]
    exporter = HTMLExporter(
        config=config,
        template_name="gymlab",
        extra_template_basedirs=[str(_TEMPLATES)],
        filters={"script_json": _script_json, "next": next},
    )
    resources = {
        "gymlab": {
            "title": title,
            "style": (_TEMPLATES / "gymlab" / "style.css").read_text(encoding="utf-8"),
            "plotly": get_plotlyjs(),
            "plots": itertools.count(),
            "sections": _sections(notebook),
        }
    }
    page: str
    page, _ = exporter.from_notebook_node(notebook, resources=resources)
    return page


def _sections(notebook: nbformat.NotebookNode) -> list[dict[str, str]]:
    """Return the second-level headings, with the anchors that nbconvert gives them."""
    titles = [
        title
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for title in _HEADING.findall(cell.source)
    ]
    return [{"title": title, "anchor": title.replace(" ", "-")} for title in titles]


def _script_json(value: Any) -> str:  # noqa: ANN401 - whatever a figure holds
    """Return JSON that can stand inside a script element: no ``<`` can end the element early."""
    return json.dumps(value).replace("<", "\\u003c")
