"""A benchmark as a page that opens offline: speed by length, a panel for each number of channels."""

import html
from collections.abc import Iterable
from math import log10
from pathlib import Path

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from gymlab.workbench.bench.listing import listing
from gymlab.workbench.bench.measure import GPU, Benchmark
from gymlab.workbench.bench.speed import Speed
from gymlab.workbench.figures.look import PALETTE, empty_figure

_STYLE = Path(__file__).parents[1] / "template" / "gymlab" / "style.css"
_PANELS = """
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 30rem), 1fr)); gap: 0 1.5rem; }
.panels h3 { font-size: 1rem; margin: 1rem 0 0; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .8rem 0 0; font-size: .9rem; }
.legend i { display: inline-block; width: 1.6rem; border-top: 3px solid; vertical-align: middle; margin-right: .4rem; }
pre { line-height: 1.35; }
"""
_SCRIPT = """
for (const data of document.querySelectorAll("script[type='application/json']")) {
  const figure = JSON.parse(data.textContent);
  Plotly.newPlot(data.previousElementSibling, figure.data, figure.layout, {responsive: true, displaylogo: false});
}
"""


def page(benchmark: Benchmark) -> str:
    """Return a benchmark as one HTML file.

    Parameters
    ----------
    benchmark
        One run.
    """
    grid = _grid(benchmark)
    counts = sorted({speed.threads for speed in grid if speed.program == "gymlab"})
    sections = []
    for threads in counts:
        part = [speed for speed in grid if speed.threads == threads or speed.program == GPU]
        title = "One thread" if threads == 1 else f"{threads} threads"
        sections.append(f"<h2>{title}</h2>{_legend(part)}<div class='panels'>{_panels(part)}</div>")
    environment = ", ".join(f"{name} {value}" for name, value in benchmark.environment.items())
    title = "gymlab: the distance engine, measured"
    return (
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width, initial-scale=1'>"
        f"<title>{title}</title><style>{_STYLE.read_text(encoding='utf-8')}{_PANELS}</style>"
        f"<script>{get_plotlyjs()}</script></head><body><main><h1>{title}</h1>"
        f"<p>{html.escape(environment)}</p>"
        "<p>Exact DTW of all pairs, programs in turns in one run. Points are medians, bars reach from the least to the "
        "largest round. The number at gymlab’s points says how many times as fast it is as the fastest other "
        f"library.</p>{''.join(sections)}<h2>The figures</h2><pre>{html.escape(listing(benchmark))}</pre></main>"
        f"<script>{_SCRIPT}</script></body></html>"
    )


def speed_by_length(speeds: Iterable[Speed]) -> go.Figure:
    """Plot million cells a second by length on log axes: one line a program, dotted with a band.

    Parameters
    ----------
    speeds
        Of one number of channels and one number of threads.
    """
    speeds = list(speeds)
    figure = empty_figure("length", "million cells a second", height=360, showlegend=False)
    lengths = sorted({speed.case.length for speed in speeds})
    for name in _names(speeds):
        for banded in (False, True):
            line = [
                speed
                for speed in speeds
                if speed.program == name and (speed.case.radius is not None) == banded
            ]
            figure.add_scatter(
                x=[speed.case.length for speed in line],
                y=[speed.rate for speed in line],
                error_y={
                    "type": "data",
                    "array": [max(speed.rates) - speed.rate for speed in line],
                    "arrayminus": [speed.rate - min(speed.rates) for speed in line],
                    "thickness": 1,
                },
                mode="lines+markers+text",
                name=f"{name}, radius 10 %" if banded else name,
                line={"color": _colour(name), "dash": "dot" if banded else "solid"},
                marker={"symbol": "circle-open" if banded else "circle", "size": 7},
                text=[_lead(speed, speeds) if name == "gymlab" and not banded else "" for speed in line],
                textposition="top center",
                cliponaxis=False,  # the text at the first and last length is wider than its point
                hovertemplate="length %{x}: %{y:,.0f} million cells/s",
            )
    figure.update_xaxes(type="log", tickvals=lengths, ticktext=[str(one) for one in lengths])
    figure.update_yaxes(type="log", dtick=1, tickformat=",")
    return figure.update_layout(margin={"t": 16, "l": 72})


def _panels(speeds: list[Speed]) -> str:
    channels = sorted({speed.case.channels for speed in speeds})
    return "".join(
        _plot(speed_by_length([speed for speed in speeds if speed.case.channels == count]), speeds, count)
        for count in channels
    )


def _plot(figure: go.Figure, all_speeds: list[Speed], channels: int) -> str:
    """Return one panel; all share their axis, with room for the text above the highest point."""
    rates = [speed.rate for speed in all_speeds]
    figure.update_yaxes(range=[log10(min(rates)) - 0.15, log10(max(rates)) + 0.35])
    data = str(figure.to_json()).replace("<", "\\u003c")
    noun = "channel" if channels == 1 else "channels"
    return (
        f"<div><h3>{channels} {noun}</h3><div class='plot'></div>"
        f"<script type='application/json'>{data}</script></div>"
    )


def _legend(speeds: list[Speed]) -> str:
    lines = "".join(
        f"<span><i style='border-color:{_colour(name)}'></i>{html.escape(name)}</span>"
        for name in _names(speeds)
    )
    return f"<div class='legend'>{lines}<span><i style='border-top-style:dotted'></i>radius 10 %</span></div>"


def _names(speeds: Iterable[Speed]) -> list[str]:
    return list(dict.fromkeys(speed.program for speed in speeds))


def _colour(name: str) -> str:
    names = ("gymlab", "dtaidistance", "tslearn", "aeon", GPU)
    return PALETTE[names.index(name)]


def _lead(ours: Speed, speeds: list[Speed]) -> str:
    others = [
        speed.rate for speed in speeds if speed.case == ours.case and speed.program not in {"gymlab", GPU}
    ]
    return f"{ours.rate / max(others):.3g} ×" if others else ""


def _grid(benchmark: Benchmark) -> list[Speed]:
    return [speed for group in benchmark.groups if len({one.case for one in group}) == 1 for speed in group]
