"""Figures: what is drawn where, that hovers name agent, session and step, and that no string does harm."""

import html
import json

import naive_entropy
import numpy as np
import pandas as pd
import pytest
from made import action, rhythms, rules
from scipy.spatial.distance import squareform

import gymlab
from gymlab import clustering
from gymlab.actions import frame_from_records
from gymlab.runtime.alerts import Measurement, evaluate
from gymlab.workbench import figures
from gymlab.workbench.claims import judge
from gymlab.workbench.figures.look import PALE
from gymlab.workbench.figures.quality_figures import silhouette_bars
from gymlab.workbench.figures.sequences import NONE, legend_of

HOSTILE = "<script>alert(1)</script><b>'\"🙂" + "long" * 2500
FEW = {"window": 10, "hop": 5}


@pytest.fixture(scope="module")
def found():
    config = gymlab.ExtractionConfig(**FEW, n_clusters=3, n_surrogates=19, n_resamples=10)
    return gymlab.extract_patterns(rules(n_agents=3, sessions=3), config)


@pytest.fixture(scope="module")
def series():
    """Whole series of unequal lengths, one of a single action."""
    rng = np.random.default_rng(0)
    records = []
    for number, length in enumerate([1, 5, 7, 9, 12, 30, 70, 100, 4, 6, 8]):
        for step in range(length):
            kind = f"tool {rng.integers(12)}"
            records.append(action(step, kind, agent=f"agent {number % 3}", session=f"session {number}"))
    config = gymlab.ExtractionConfig(unit="series", n_clusters=2, n_surrogates=9, n_resamples=3)
    return gymlab.extract_patterns(frame_from_records(records), config)


ALL = {
    "dendrogram": figures.dendrogram,
    "heat map": figures.distance_heat_map,
    "medoids": figures.medoids,
    "patterns": figures.patterns,
    "patterns with barycentres": lambda one: figures.patterns(one, barycenters=True, most=2),
    "silhouettes": figures.silhouettes,
    "sizes": figures.cluster_sizes,
    "choice of k": figures.choice_of_k,
    "significance": figures.significance,
    "windows of a pattern": lambda one: figures.windows_of_pattern(one, 0),
    "warping path": lambda one: figures.warping_path(one, 0, len(one.windows) - 1),
    "series": lambda one: figures.series_of_log(one.actions),
    "state distribution": lambda one: figures.state_distribution(one.actions),
    "entropy": lambda one: figures.entropy_of_agents(one.actions),
    "stages": lambda one: figures.stages(one.stats.stages),
}


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "kind", ["windows", "series", "one pattern", "noise alone", "two windows", "hostile"]
)
def test_every_figure_of_every_kind_of_log_has_the_one_look(name, kind, found, series):
    small = {"n_surrogates": 0, "n_resamples": 0}
    if kind == "hostile":
        log = rules()
        for column in ("agent_id", "session_id", "action_type", "decision_context", "target"):
            log[column] = log[column] + HOSTILE
        log["action_id"] = log["session_id"] + log["agent_id"] + log["step"].astype(str)
        extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FEW, **small))
    else:
        extraction = {
            "windows": lambda: found,
            "series": lambda: series,
            "one pattern": lambda: gymlab.extract_patterns(
                rhythms(), gymlab.ExtractionConfig(**FEW, **small, n_clusters=1)
            ),
            "noise alone": lambda: gymlab.extract_patterns(
                rhythms(), gymlab.ExtractionConfig(**FEW, **small, method="dbscan", eps=0.0, min_samples=90)
            ),
            "two windows": lambda: gymlab.extract_patterns(
                rules(n_agents=1, sessions=1, length=15), gymlab.ExtractionConfig(**FEW, **small)
            ),
        }[kind]()
        if kind == "noise alone" and name == "windows of a pattern":
            figure = figures.windows_of_pattern(extraction, -1)
            assert figure.data
            return
    figure = ALL[name](extraction)
    assert figure.layout.template.layout.colorway == figures.PALETTE
    assert figure.layout.height
    text = figure.to_json()
    assert "script>" not in text.replace("\\u003c", "<")
    assert len(text) < 2_000_000
    longest = max((len(one) for one in strings(json.loads(text))), default=0)
    assert longest < 500
    # What is drawn has titles on its axes, unless there is nothing to draw or names say it all.
    if figure.data and name not in {"heat map", "stages", "sizes", "significance"}:
        titles = [axis.title.text for axis in (*figure.select_xaxes(), *figure.select_yaxes())]
        assert any(titles), name


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        # Arrays of numbers are text in base 64.
        for one in value.values() if "bdata" not in value else ():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


def test_the_dendrogram_is_the_tree_and_its_cut(found):
    figure = figures.dendrogram(found, n_leaves=12)
    drawn = sorted(y for trace in figure.data[:9] for y in (trace.y or ()) if y is not None and y > 0)
    heights = sorted(found.linkage[-11:, 2])
    # Each join has two shoulders at its height, and feet at those below it.
    assert set(np.round(drawn, 6)) == set(np.round([h for h in heights if h > 0], 6))
    (line,) = figure.layout.shapes
    below, above = found.linkage[-3, 2], found.linkage[-2, 2]
    assert below <= line.y0 == line.y1 <= above
    leaves = next(trace for trace in figure.data if trace.name == "leaves")
    assert len(leaves.x) == 12
    assert all("most typical: agent-" in text and "steps " in text for text in leaves.text)
    strip = next(trace for trace in figure.data if trace.type == "heatmap")
    assert strip.z.shape == (10, 12)
    legend = legend_of(found.actions["action_type"])
    for leaf, column in zip(leaves.customdata, strip.z.T, strict=True):
        items = next(
            items
            for one, items in zip(
                clustering.outline(found.linkage, 12).leaves,
                clustering.outline(found.linkage, 12).members,
                strict=True,
            )
            if one == leaf
        )
        medoid = items[squareform(found.distances)[np.ix_(items, items)].sum(axis=0).argmin()]
        assert column.tolist() == legend.codes(found.actions_of_window(int(medoid))["action_type"]).tolist()


def test_a_branch_shows_what_is_below_its_node(found):
    node = int(found.linkage[-1, 1])
    top = clustering.outline(found.linkage, 8, root=node)
    figure = figures.dendrogram(found, n_leaves=8, root=node)
    leaves = next(trace for trace in figure.data if trace.name == "leaves")
    assert leaves.customdata.tolist() == top.leaves.tolist()
    assert f"{top.sizes.sum():,} windows" in figure.layout.xaxis2.title.text


def test_the_height_of_a_cut_makes_as_many_patterns():
    tree = clustering.build_tree(np.random.default_rng(0).random(190).astype(np.float32))
    for k in range(1, 20):
        height = figures.height_of_cut(tree, k)
        assert clustering.cut_tree(tree, height=height).max() + 1 == k
    assert figures.height_of_cut(tree, 20) is None
    assert figures.height_of_cut(np.empty((0, 4)), 1) is None


@pytest.mark.parametrize("most", [10, 1000])
def test_the_heat_map_holds_mean_distances_in_the_order_of_the_leaves(found, most):
    figure = figures.distance_heat_map(found, most=most)
    from scipy.cluster.hierarchy import leaves_list

    order = leaves_list(found.linkage)
    square = squareform(found.distances)
    blocks = np.array_split(order, min(most, len(order)))
    for i, a in enumerate(blocks):
        for j, b in enumerate(blocks):
            part = square[np.ix_(a, b)]
            if i == j:
                pairs = len(a) * (len(a) - 1)
                expected = part.sum() / pairs if pairs else 0.0
            else:
                expected = part.mean()
            assert figure.data[0].z[i][j] == pytest.approx(expected, rel=1e-5, abs=1e-6)
    assert all("agent-" in name and "steps" in name for name in figure.data[0].y)


def test_silhouettes_are_sorted_within_their_patterns_and_named(found):
    figure = figures.silhouettes(found)
    assert len(figure.data) == 3
    for label, bars in enumerate(figure.data):
        widths = np.sort(found.quality.silhouettes[found.labels == label])[::-1]
        assert np.asarray(bars.x) == pytest.approx(widths)
        assert bars.marker.color == figures.pattern_colour(label)
        assert all("agent-" in text for text in bars.text)
    (line,) = figure.layout.shapes
    assert line.x0 == pytest.approx(found.quality.silhouette)


def test_of_many_windows_some_are_drawn_over_the_same_range():
    n = 5_000
    widths = np.linspace(-0.5, 0.9, n)
    table = pd.DataFrame({"session_id": "s", "agent_id": "a", "start": range(n), "end": range(n)})
    figure = silhouette_bars(widths, np.zeros(n, dtype=np.int64), table, "windows")
    (bars,) = figure.data
    assert len(bars.x) == 300
    assert (bars.x[0], bars.x[-1]) == (pytest.approx(0.9), pytest.approx(-0.5))
    assert figure.layout.shapes[0].x0 == pytest.approx(widths.mean())


def test_the_state_distribution_counts_what_is_done_at_each_step():
    log = rules(n_agents=3, sessions=4, length=30)
    figure = figures.state_distribution(log)
    legend = legend_of(log["action_type"])
    assert [trace.name for trace in figure.data] == legend.labels
    for trace, name in zip(figure.data, legend.names, strict=True):
        for step in range(30):
            at = log[log["step"] == step]["action_type"].tolist()
            assert trace.y[step] == pytest.approx(at.count(name) / len(at))
            assert trace.customdata[step] == len(at)


def test_steps_that_hardly_any_series_reaches_are_left_out(series):
    figure = figures.state_distribution(series.actions)
    lengths = series.windows.table["length"]
    assert len(figure.data[0].x) == sum((lengths > step).mean() >= 0.02 for step in range(lengths.max()))
    totals = np.sum([trace.y for trace in figure.data], axis=0)
    assert totals == pytest.approx(1.0)


def test_the_index_plot_is_the_log(series):
    figure = figures.series_of_log(series.actions)
    cells = figure.data[0]
    legend = legend_of(series.actions["action_type"])
    assert len(cells.z) == 11
    for row, name in zip(cells.z, cells.y, strict=True):
        session = name.split(" in ")[1].split(",")[0]
        own = series.actions[series.actions["session_id"] == session]["action_type"]
        codes = legend.codes(own)
        shown = row[~np.isnan(row)]
        assert shown.tolist() == codes.tolist()
    # Agents stand together.
    agents = [name.split(". ")[1].split(" in ")[0] for name in cells.y]
    assert agents == sorted(agents)


def test_the_eighth_state_has_a_colour_and_the_ninth_shares_one():
    eight = legend_of([f"s{k}" for k in range(8)])
    assert len(eight.labels) == 8
    assert not eight.others
    nine = legend_of([f"s{k}" for k in range(9) for _ in range(10 - k)])
    assert nine.labels == [*[f"s{k}" for k in range(7)], "2 others"]
    assert nine.colours[-1] == PALE
    assert nine.codes(["s0", "s6", "s7", "s8", None]).tolist() == [0, 6, 7, 7, NONE]


def test_entropy_is_that_of_plain_counting_with_the_gyms_lines():
    log = rules(n_agents=2, sessions=4, length=40)
    figure = figures.entropy_of_agents(log)
    assert [line.y0 for line in figure.layout.shapes] == [0.3, 0.7]
    window = max(20, int(log["agent_id"].value_counts().median()) // 10)
    for trace in figure.data:
        own = log[log["agent_id"] == trace.name]["action_type"].tolist()
        for x, y in list(zip(trace.x, trace.y, strict=True))[::17]:
            expected = naive_entropy.entropy_bits(own[x - window : x]) / np.log2(2)
            assert y == pytest.approx(expected, abs=1e-9)


def test_what_is_aligned_is_what_the_distance_aligned(found):
    figure = figures.warping_path(found, 0, 20)
    pieces = found.windows.values  # noqa: PD011 - these are windows, no frame
    x, y = pieces[0], pieces[20]
    path, distance = gymlab.distance.dtw_path(x, y)
    line = next(trace for trace in figure.data if getattr(trace, "mode", "") == "lines+markers")
    assert [b - 1 for b in line.x] == path[:, 1].tolist()
    assert [a - 1 for a in line.y] == path[:, 0].tolist()
    costs = figure.data[0]
    assert costs.z[-1][-1] == pytest.approx(distance, rel=1e-5)
    links = next(trace for trace in figure.data if getattr(trace, "mode", "") == "lines")
    assert [value for value in links.x if value is not None] == (path + 1).ravel().tolist()


def test_a_band_leaves_cells_empty():
    config = gymlab.ExtractionConfig(**FEW, radius=1, n_clusters=2, n_surrogates=0, n_resamples=0)
    figure = figures.warping_path(gymlab.extract_patterns(rules(), config), 0, 5)
    z = np.array(figure.data[0].z, dtype=float)
    i, j = np.indices(z.shape)
    assert np.isnan(z[abs(i - j) > 1]).all()
    assert np.isfinite(z[abs(i - j) <= 1]).all()


@pytest.mark.parametrize("index", [-1, 10_000])
def test_a_window_that_is_not_there_is_refused(found, index):
    with pytest.raises(gymlab.InputError, match="there is no window"):
        figures.warping_path(found, 0, index)


def test_barycentres_are_shares_that_add_up(found):
    figure = figures.patterns(found, barycenters=True)
    bars = [trace for trace in figure.data if trace.type == "bar"]
    assert bars
    for pattern in range(3):
        own = bars[2 * pattern : 2 * pattern + 2]
        assert np.sum([trace.y for trace in own], axis=0) == pytest.approx(1.0)
        center = found.barycenter(pattern)
        assert center.series.shape[0] == len(own[0].y)
    medoids = [trace for trace in figure.data if trace.type == "heatmap" and list(trace.y) == ["medoid"]]
    assert len(medoids) == 3
    assert all("medoid: agent-" in trace.text[0][0] for trace in medoids)


def test_patterns_of_numbers_are_lines_in_the_unit_of_the_log(found):
    figure = figures.patterns(found, channel="outcome_valence", barycenters=True)
    medoid = [trace for trace in figure.data if trace.name == "medoid"]
    for pattern, trace in zip(found.patterns, medoid, strict=True):
        values = found.actions_of_window(pattern.medoid)["outcome_valence"]
        assert np.asarray(trace.y) == pytest.approx(values.to_numpy())
    assert sum(trace.name == "barycentre" for trace in figure.data) == 3
    with pytest.raises(gymlab.InputError, match="give action_type or one of impact, outcome_valence"):
        figures.patterns(found, channel="mood")


def test_significance_is_shown_beside_what_chance_does(found):
    figure = figures.significance(found)
    points = [trace for trace in figure.data if trace.name == "this log"]
    tested = found.significance.patterns
    assert list(points[0].x) == [one.stability for one in tested]
    assert list(points[1].x) == [one.compactness for one in tested]
    bars = [trace for trace in figure.data if trace.name == "90 % of surrogates"]
    assert list(bars[0].base) == [one.null_compactness[0] for one in tested]
    ends = np.asarray(bars[0].base) + np.asarray(bars[0].x)
    assert ends == pytest.approx([one.null_compactness[2] for one in tested])
    assert figure.layout.shapes[0].x0 == 0.6


def test_claims_stand_on_axes_of_their_own_with_what_is_promised():
    claims = [judge("dtw_time", [99.0, 98.0, 99.5]), judge("no_leaks", [0.0]), judge("memory", [])]
    figure = figures.claims(claims)
    promised = [(shape.x0, shape.x1) for shape in figure.layout.shapes]
    assert promised[0][0] == 70
    assert promised[1][1] == 0
    assert len(figure.data) == 2
    assert figure.data[0].x == (99.0,)
    assert figure.data[0].error_x.array == (0.5,)
    assert figure.data[0].error_x.arrayminus == (1.0,)


def test_an_alert_is_a_bar_on_the_way_to_its_threshold():
    alerts = evaluate(
        {
            "memory_percent": Measurement(40.0),
            "pool_percent": Measurement(95.0),
            "dtw_seconds_per_pair": Measurement(0.1),
        }
    )
    figure = figures.alert_strip(alerts)
    (bars,) = figure.data
    assert bars.x[:3] == (0.5, 0.02, pytest.approx(95 / 90))
    assert bars.marker.color[2] == figures.PALETTE[4]
    assert bars.text[3] == "no data: 0 of at least 100 samples"


def test_stages_follow_one_another():
    figure = figures.stages({"encode": 0.1, "distances": 2.0})
    assert [(trace.name, trace.x[0]) for trace in figure.data] == [("encode", 0.1), ("distances", 2.0)]


def test_names_are_shortened_and_escaped_in_the_hover():
    table = pd.DataFrame({"session_id": [HOSTILE], "agent_id": ["<i>"], "start": [3], "end": [6]})
    (text,) = figures.whereabouts(table)
    assert text.startswith("&lt;i&gt; in &lt;script&gt;")
    assert text.endswith("steps 3–6")
    assert len(html.unescape(text)) < 100


def test_who_asked_for_more_patterns_than_are_tried_sees_them_on_the_curve(found):
    many = found.cut(n_clusters=23)
    tried = dict(many.quality.silhouette_by_n_clusters)
    assert max(tried) < 23
    (curve,) = figures.choice_of_k(many).data
    assert list(curve.x) == [*sorted(tried), 23]
    assert curve.y[-1] == many.quality.silhouette


def test_on_a_narrow_page_alerts_are_known_by_short_names():
    alerts = evaluate({"memory_percent": Measurement(91.0)})
    figure = figures.alert_strip(alerts)
    narrow = figure.layout.meta["narrow"]
    assert len(narrow["yaxis.ticktext"]) == len(narrow["yaxis.tickvals"]) == len(alerts)
    for short, name in zip(narrow["yaxis.ticktext"], figure.data[0].y, strict=True):
        assert len(short) <= 22
        assert name.startswith(short.removesuffix("…"))


def test_a_reason_that_is_long_stands_on_several_lines():
    (said,) = figures.nothing_to_show("why <this> is so, " * 10).layout.annotations
    lines = said.text.split("<br>")
    assert len(lines) > 2
    assert "&lt;this&gt;" in said.text
    assert max(len(line.replace("&lt;", "<").replace("&gt;", ">")) for line in lines) <= 48


def test_the_former_name_of_the_figures_still_works_and_warns():
    from gymlab.workbench import views

    with pytest.warns(DeprecationWarning, match=r"views\.medoids is now figures\.medoids"):
        assert views.medoids is figures.medoids
    with pytest.raises(AttributeError, match="nothing"):
        views.nothing  # noqa: B018
