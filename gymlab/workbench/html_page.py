"""An executed notebook as one HTML file that opens offline, with one copy of plotly and with folded code."""

import copy
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
_HEADING = re.compile(r"^(##|###) +(.+?) *$", re.MULTILINE)


def to_html(notebook: nbformat.NotebookNode, title: str) -> str:
    """Return an executed notebook as a self-contained page.

    The templates of nbconvert fetch scripts from the network and leave out plotly's figures, so gymlab has its own
    template. Text is escaped. Figures are embedded as JSON in which no string can end the script element.

    Parameters
    ----------
    notebook
        The notebook with its outputs.
    title
        Title of the page.
    """
    config = Config()
    config.NbConvertBase.display_data_priority = [
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
        filters={"script_json": _script_json},
    )
    folder = _TEMPLATES / "gymlab"
    resources = {
        "gymlab": {
            "title": title,
            "style": (folder / "style.css").read_text(encoding="utf-8"),
            "script": (folder / "page.js").read_text(encoding="utf-8"),
            "plotly": get_plotlyjs(),
            "figure": _PLOTLY,
            "sections": _sections(notebook),
        }
    }
    page: str
    page, _ = exporter.from_notebook_node(_with_silent_cells_joined(notebook), resources=resources)
    return page


def _with_silent_cells_joined(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Return a copy in which consecutive code cells without output are joined, so that one click unfolds them."""
    joined = copy.copy(notebook)
    joined.cells = []
    for cell in notebook.cells:
        before = joined.cells[-1] if joined.cells else None
        if before is not None and _is_silent(before) and _is_silent(cell):
            joined.cells[-1] = nbformat.from_dict({**before, "source": f"{before.source}\n\n{cell.source}"})
        else:
            joined.cells.append(cell)
    return joined


def _is_silent(cell: nbformat.NotebookNode) -> bool:
    return cell.cell_type == "code" and not cell.outputs


def _sections(notebook: nbformat.NotebookNode) -> list[dict[str, Any]]:
    """Return the headings of the second and third level, with the anchors that nbconvert gives them."""
    return [
        {"title": title, "anchor": title.replace(" ", "-"), "level": len(marks)}
        for cell in notebook.cells
        if cell.cell_type == "markdown"
        for marks, title in _HEADING.findall(cell.source)
    ]


def _script_json(value: Any) -> str:  # noqa: ANN401 - any content of a figure
    """Return JSON for a script element; without ``<``, no string can end the element."""
    return json.dumps(value).replace("<", "\\u003c")
