"""Every figure can be had from plain arrays, and is that of the extraction or the log that has the same arrays."""

import numpy as np
import pytest
from made import action
from scipy.cluster import hierarchy

import gymlab
from gymlab.actions import frame_from_records
from gymlab.errors import InputError
from gymlab.patterns.significance import PatternSignificance
from gymlab.workbench import figures, tables
from gymlab.workbench.widgets import PatternExplorer, TreeExplorer


@pytest.fixture(scope="module")
def states():
    rng = np.random.default_rng(0)
    return [
        list(rng.choice(["give", "take", "wait"], size=length, p=[0.8, 0.1, 0.1] if number % 2 else [0.1, 0.8, 0.1]))
        for number, length in enumerate(rng.integers(5, 40, size=14))
    ]  # fmt: skip


@pytest.fixture(scope="module")
def found(states):
    """An extraction from a log with these states."""
    records = [
        action(step, str(state), agent=str(number), session=f"series {number}", relationship_type="neutral")
        for number, series in enumerate(states)
        for step, state in enumerate(series)
    ]
    quick = {"n_surrogates": 0, "n_resamples": 0}
    config = gymlab.ExtractionConfig(unit="series", channels=["action_type"], n_clusters=3, **quick)
    return gymlab.extract_patterns(frame_from_records(records), config)


@pytest.fixture(scope="module")
def made(found, states):
    plain = [[str(state) for state in series] for series in states]
    return figures.from_arrays(
        found.labels.tolist(),
        states=plain,
        distances=found.distances.tolist(),
        linkage=found.linkage.tolist(),
    )


OF_EXTRACTIONS = {
    "dendrogram": figures.dendrogram,
    "heat map": figures.distance_heat_map,
    "medoids": figures.medoids,
    "patterns": figures.patterns,
    "patterns with barycentres": lambda one: figures.patterns(one, barycenters=True),
    "silhouettes": figures.silhouettes,
    "sizes": figures.cluster_sizes,
    "choice of k": figures.choice_of_k,
    "windows of a pattern": lambda one: figures.windows_of_pattern(one, 0),
    "warping path": lambda one: figures.warping_path(one, 0, 5),
    "series of the log": lambda one: figures.series_of_log(one.actions),
    "state distribution": lambda one: figures.state_distribution(one.actions),
    "entropy": lambda one: figures.entropy_of_agents(one.actions),
}


@pytest.mark.parametrize("name", OF_EXTRACTIONS)
def test_a_figure_from_arrays_is_that_of_the_extraction(name, found, made):
    draw = OF_EXTRACTIONS[name]
    figure = draw(made)
    assert figure.data
    assert figure.to_json() == draw(found).to_json()


def test_distances_and_tree_are_those_of_the_series_where_they_are_not_given(found, states):
    made = figures.from_arrays(states=[[str(state) for state in series] for series in states])
    np.testing.assert_array_equal(made.distances, found.distances)
    np.testing.assert_array_equal(made.linkage, found.linkage)
    np.testing.assert_array_equal(made.cut(n_clusters=3).labels, found.labels)


def test_a_linkage_alone_makes_a_dendrogram_with_its_heights():
    tree = hierarchy.linkage(np.random.default_rng(1).normal(size=(9, 2)), "average")
    labels = hierarchy.fcluster(tree, 3, "maxclust") - 1
    made = figures.from_arrays(labels, linkage=tree, method="average", names=list("abcdefghi"))
    figure = figures.dendrogram(made)
    drawn = {y for trace in figure.data[:9] for y in (trace.y or ()) if y}
    np.testing.assert_allclose(sorted(drawn), np.unique(tree[:, 2]))
    assert figure.layout.yaxis.title.text == "height of the join (average linkage)"
    leaves = next(trace for trace in figure.data if trace.name == "leaves")
    order = hierarchy.leaves_list(tree)
    assert [figures.pattern_colour(int(labels[leaf])) for leaf in order] == list(leaves.marker.color)
    assert ["abcdefghi"[leaf] in text for leaf, text in zip(order, leaves.text, strict=True)] == [True] * 9


def test_numbers_are_drawn_as_lines():
    values = np.random.default_rng(2).normal(size=(10, 6, 2))
    made = figures.from_arrays([0, 1] * 5, values=values)
    np.testing.assert_allclose(
        made.distances, gymlab.distance.dtw_pairwise(values.astype(np.float32)), rtol=1e-6
    )
    figure = figures.patterns(made, channel="channel 1", barycenters=True)
    medoid = next(trace for trace in figure.data if trace.name == "medoid")
    np.testing.assert_allclose(medoid.y, values[made.patterns[0].medoid, :, 1])
    assert sum(trace.name == "barycentre" for trace in figure.data) == 2
    path = figures.warping_path(made, 3, 8).data[1]
    expected, _ = gymlab.distance.dtw_path(values[3].astype(np.float32), values[8].astype(np.float32))
    assert list(zip(path.y, path.x, strict=True)) == [(i + 1, j + 1) for i, j in expected]


def test_silhouette_widths_curves_and_significance_are_taken_as_they_are():
    bars = figures.silhouette_bars([0.5, -0.25, float("nan"), 0.75], [0, 1, -1, 0]).data
    assert [bar.x.tolist() for bar in bars] == [[0.75, 0.5], [-0.25]]
    assert bars[0].text == ("window 3", "window 0")
    assert figures.silhouette_curves({"mine": {2: 0.5, 3: 0.25}}, 2).data[0].y == (0.5, 0.25)
    line = figures.entropy_curves({"ada": [0.5, 0.75, 1.0], "nobody": []}, 20).data
    assert [one.name for one in line] == ["ada"]
    assert line[0].x.tolist() == [20, 21, 22]
    tested = PatternSignificance(
        label=0,
        n_tested=99,
        stability=0.9,
        dissolved=0.0,
        compactness=0.5,
        null_compactness=(0.6, 0.7, 0.8),
        silhouette=0.4,
        null_silhouette=(0.1, 0.2, 0.3),
        p_value=0.01,
        q_value=0.02,
    )
    points = [one for one in figures.significance([tested]).data if one.name == "this log"]
    assert [one.x for one in points] == [(0.9,), (0.5,), (0.4,)]


def test_tables_and_widgets_take_it_too(made):
    assert "pattern" in tables.patterns(made)
    assert TreeExplorer(made).extraction is made
    explorer = PatternExplorer(made)
    explorer.pattern.value = 1
    assert made.labels[explorer.window.value] == 1


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "no array is given; give states, values, distances or a linkage"),
        (
            {"states": ["ab", "ba"], "distances": [1, 2, 3]},
            "different numbers of series.*distances 3, states 2",
        ),
        ({"states": ["ab"]}, "fewer than two: states 1"),
        ({"states": ["ab", ""]}, "states has a series without steps"),
        ({"values": [[1, 2], [float("nan"), 1]]}, "give finite numbers"),
        ({"values": [[1, 2], [[1, 2], [3, 4]]]}, "different numbers of channels"),
        ({"states": ["ab", "ba"], "values": [[1, 2], [1]]}, "different numbers of steps"),
        ({"states": ["ab", "ba"], "names": ["x"]}, "names has 1 texts; give one for each of the 2 series"),
        ({"states": ["ab", "ba"], "labels": [0, 2]}, "labels have to count from 0"),
        ({"states": ["ab", "ba"], "method": "dbscan"}, "method is 'dbscan'; give one of"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arguments, problem):
    with pytest.raises(InputError, match=problem):
        figures.from_arrays(**arguments)
    with pytest.raises(InputError, match="give one of each per window"):
        figures.silhouette_bars([0.5], [0, 1])
