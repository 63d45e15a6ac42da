"""What is no extraction, table, array, number or text is refused by figures, tables and widgets in one way."""

import inspect

import numpy as np
import pandas as pd
import pytest
from made import rules

import gymlab
from gymlab import clustering
from gymlab.errors import InputError
from gymlab.runtime.alerts import evaluate
from gymlab.workbench import figures, tables
from gymlab.workbench.claims import judge, reduction
from gymlab.workbench.widgets import AlertStrip, CachePanel, PatternExplorer, TreeExplorer, TuningPanel

WRONG = {
    "None": None,
    "True": True,
    "a whole number": 7,
    "a huge number": 10**40,
    "a negative number": -5,
    "a fraction": 2.5,
    "NaN": float("nan"),
    "a text": "wrong",
    "bytes": b"wrong",
    "a list": [1, "a", None],
    "a ragged list": [[1], [1, 2]],
    "a dictionary": {"a": 1},
    "an array": np.zeros((2, 3, 4)),
    "a frame": pd.DataFrame({"x": [1]}),
    "an object": object(),
    "a class": dict,
}


@pytest.fixture(scope="module")
def extraction():
    config = gymlab.ExtractionConfig(window=10, hop=5, n_clusters=3, n_surrogates=9, n_resamples=3)
    return gymlab.extract_patterns(rules(), config)


@pytest.fixture(scope="module")
def right(extraction):
    """Arguments that each function can be called with, by its name."""
    log, tree = extraction.actions, figures.LogTree.of(extraction)
    labels = extraction.labels
    table = extraction.windows.table
    branch = figures.drawn_branch(tree)
    claims = [judge("memory", [60.0])]
    compared = clustering.compare_linkages(extraction.distances, ("ward", "single"))
    alerts = evaluate({})
    return {
        figures.medoids: {"extraction": extraction, "most": 3},
        figures.patterns: {"extraction": extraction, "channel": "action_type", "most": 2, "members": 3},
        figures.windows_of_pattern: {"extraction": extraction, "label": 0, "most": 3},
        figures.shown_windows: {"extraction": extraction, "label": 0, "most": 3},
        figures.silhouettes: {"extraction": extraction},
        figures.cluster_sizes: {"extraction": extraction},
        figures.choice_of_k: {"extraction": extraction, "others": None},
        figures.significance: {"extraction": extraction},
        figures.dendrogram: {"extraction": extraction, "n_leaves": 5, "root": None},
        figures.draw_branch: {"tree": tree, "branch": branch, "labels": labels, "cut": None},
        figures.drawn_branch: {"tree": tree, "n_leaves": 5, "root": None},
        figures.cut_height: {"extraction": extraction},
        figures.distance_heat_map: {"extraction": extraction, "most": 9},
        figures.warping_path: {"extraction": extraction, "first": 0, "second": 1},
        figures.state_distribution: {"actions": log},
        figures.series_of_log: {"actions": log, "most": 3},
        figures.entropy_of_agents: {"actions": log, "most": 3},
        tables.log_sentence: {"extraction": extraction},
        tables.patterns: {"extraction": extraction, "most": 3},
        tables.notes: {"extraction": extraction},
        tables.windows: {"extraction": extraction, "label": 0, "most": 3},
        tables.actions: {"extraction": extraction, "window": 0},
        tables.linkages: {"compared": compared},
        tables.principles: {"study": gymlab.study_principles(log), "rest": "x"},
        tables.entropy_of_agents: {"actions": log, "most": 3},
        tables.frame: {"values": pd.DataFrame({"x": [1.0]})},
        tables.facts: {"values": {"a": 1}},
        tables.changes: {"before": None, "found": None},
        tables.changes_sentence: {"before": None, "changes": None},
        tables.headline: {"claims": claims, "alerts": alerts},
        tables.tiles: {"claims": claims},
        tables.evidence: {"claims": claims},
        tables.alerts: {"found": alerts},
        tables.measured_on: {"environment": {"measured at": "", "processors": 2, "system": "", "gymlab": ""}},
        figures.alert_strip: {"alerts": alerts},
        figures.from_arrays: {"labels": [0, 0, 1], "states": ["ab", "aa", "bb"], "values": [[1, 2], [1, 1], [2, 2]], "distances": [1, 2, 2], "linkage": [[0, 1, 1, 2], [2, 3, 2, 3]], "method": "average", "names": ["x", "y", "z"]},
        figures.entropy_curves: {"curves": {"ada": [0.5, 0.25]}, "window": 20},
        figures.silhouette_bars: {"widths": [0.5, 0.25, 0.1], "labels": [0, 0, 1], "table": None, "noun": "windows"},
        figures.silhouette_curves: {"curves": {"ward": {2: 0.5}}, "chosen": 2},
        figures.claims: {"found": claims},
        figures.height_of_cut: {"tree": extraction.linkage, "n_clusters": 3},
        figures.memory_of_processes: {"table": pd.DataFrame({"what": ["a"], "side": ["b"], "start": [1.0], "peak": [2.0]})},
        figures.nothing_to_show: {"why": "so", "height": 100},
        figures.pattern_colour: {"label": 0},
        figures.pattern_name: {"label": 0},
        figures.stages: {"seconds": {"encode": 0.1}},
        figures.time_against_size: {"times": pd.DataFrame({"windows": [1], "side": ["gymlab"], "stage": ["dtw"], "seconds": [1.0]})},
        figures.trend: {"runs": pd.DataFrame()},
        figures.whereabouts: {"table": table, "indices": [0]},
        judge: {"claim_id": "memory", "repeats": [60.0]},
        reduction: {"before": 2.0, "after": 1.0},
        PatternExplorer: {"extraction": extraction},
        TreeExplorer: {"extraction": extraction, "on_cut": None, "n_leaves": 5},
        CachePanel: {"caches": None, "seconds": 60},
        AlertStrip: {"measure": dict, "seconds": 60},
        TuningPanel: {"source": "no-such-log", "format": None, "agent": None, "session": None, "since": None, "where": (), "config": None},
    }  # fmt: skip


def test_every_public_function_is_swept(right):
    public = {getattr(room, name) for room in (tables, figures) for name in room.__all__}
    # Classes hold what functions check.
    free = {one for one in public if inspect.isclass(one) or not callable(one)}
    assert {one for one in public if callable(one)} - set(right) - free == set()


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_of_the_wrong_kind_is_refused_or_of_use_and_never_a_traceback(right, wrong):
    refused, faults = [], []
    for function, arguments in right.items():
        for name in arguments:
            try:
                made = function(**{**arguments, name: WRONG[wrong]})
            except InputError as error:
                refused.append(str(error))
            except Exception as error:  # noqa: BLE001 - whatever else is the fault that is looked for
                faults.append(f"{function.__qualname__}({name}): {type(error).__name__}: {error}")
            else:
                if hasattr(made, "stop"):
                    made.stop()
    assert faults == []
    assert len(refused) > len(right) / 2
    assert not [message for message in refused if "\n" in message]


def test_a_call_with_what_is_right_works(right):
    for function, arguments in right.items():
        made = function(**arguments)
        if hasattr(made, "stop"):
            made.stop()


@pytest.mark.parametrize("height", [None, "3", True, float("nan"), [1]])
def test_a_tree_is_not_cut_at_what_is_no_height(extraction, height):
    explorer = TreeExplorer(extraction)
    with pytest.raises(InputError, match="height is"):
        explorer.cut_at(height)
    with pytest.raises(InputError, match="node is"):
        explorer.open_branch(height)


@pytest.mark.parametrize("label", [None, "0", True, 1.0, [0], 99, -2])
def test_there_are_no_windows_of_what_is_no_pattern(extraction, label):
    with pytest.raises(InputError):
        extraction.windows_of(label)


@pytest.mark.parametrize("wrong", [None, 1, "yes", []])
def test_barycentres_are_wanted_or_not(extraction, wrong):
    with pytest.raises(InputError, match="give True or False"):
        figures.patterns(extraction, barycenters=wrong)
