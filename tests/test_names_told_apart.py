"""Names that are alike where they are cut, or but for what cannot be seen, are shown so that each is another."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made import action, rules
from naive_page import rows_of

import gymlab
from gymlab.actions import frame_from_records
from gymlab.errors import InputError
from gymlab.principles.principle import percent
from gymlab.workbench import figures, tables
from gymlab.workbench.figures.log_figures import entropy_curves
from gymlab.workbench.figures.sequences import NONE, index_plot, legend_of
from gymlab.workbench.widgets import PatternExplorer
from gymlab.workbench.widgets.analysis import LogSource
from gymlab.workbench.widgets.controls import Controls

ALIKE = "transfer the customer to a human agent of "
QUICK = {"window": 10, "hop": 5, "n_surrogates": 0, "n_resamples": 0}


@pytest.mark.parametrize(
    "names",
    [
        ["other", *"abcdefghi"],
        ["2 others", *"abcdefgh"],
        [ALIKE + "sales", ALIKE + "support"],
        [ALIKE + "sales" + ALIKE, ALIKE + "support" + ALIKE],
        ["give", "give ", " give", "give\n", "gi\u200bve", "give\x00"],
        ["Give", "give", "GIVE"],
        ["a b", "a  b", "a   b", "a\tb", "'a b'"],
        ["\u212b", "\u00c5", "A\u030a"],
        ["", " ", "\n", "(empty)", "''"],
        ["<b>", "&lt;b&gt;", "b"],
        ["nan", "None", "noise", "unknown", "other"],
    ],
)
def test_no_two_entries_of_a_legend_are_alike(names):
    legend = legend_of(names)
    assert len(set(legend.labels)) == len(legend.labels) == min(8, len(names))
    assert len(set(legend.texts.values())) == len(names)
    assert legend.codes(names).tolist() == [min(k, 7) for k in range(len(names))]
    if legend.others:
        assert legend.labels[-1] == f"{len(names) - 7} others"
    # What stands in the legend is what stands in the hover of a cell.
    strip = index_plot([names], ["x"], ["x"], legend).data[0]
    assert strip.text[0].tolist() == [legend.texts[name] for name in names]


def test_what_is_missing_is_no_state_and_what_is_not_in_the_legend_is_refused():
    legend = legend_of(["give", None, float("nan"), pd.NA, "nan"])
    assert set(legend.names) == {"give", "nan"}
    assert legend.codes([None, float("nan"), np.float64("nan"), pd.NA]).tolist() == [NONE] * 4
    with pytest.raises(InputError, match="the legend has no state 'steal'"):
        legend.codes(["steal"])


def test_windows_of_agents_that_are_named_alike_are_told_apart():
    agents = [ALIKE + "sales", ALIKE + "support", "a\tb", "a b"]
    table = pd.DataFrame({"session_id": agents[::-1], "agent_id": agents, "start": 0, "end": 4})
    shown = figures.whereabouts(table)
    assert len(set(shown)) == 4
    # They are the same when but one of them is shown.
    assert [figures.whereabouts(table, [k])[0] for k in range(4)] == shown


def test_curves_and_rows_are_told_apart():
    curves = {
        ALIKE + "sales": np.zeros(9),
        ALIKE + "support": np.ones(9),
        "a b": np.ones(9),
        "a\nb": np.ones(9),
    }
    assert len({trace.name for trace in entropy_curves(curves, 3).data}) == 4
    merits = {name: {2: 0.5, 3: 0.25} for name in curves}
    assert len({trace.name for trace in figures.silhouette_curves(merits).data}) == 4
    names = list(curves)
    rows = index_plot([["x"]] * 4, names, names, legend_of(["x"]))
    assert len(set(rows.layout.yaxis.ticktext)) == 4


def test_every_window_that_the_figure_shows_can_be_chosen_and_no_two_read_alike():
    log = rules(n_agents=2, sessions=2, length=700)
    log["session_id"] = log["session_id"].map({"session-0": "a b", "session-1": "a\tb"})
    log["action_id"] = log["session_id"] + "/" + log["agent_id"] + "/" + log["step"].astype(str)
    found = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**QUICK, n_clusters=2))
    explorer = PatternExplorer(found)
    assert found.patterns[0].size > 200
    labels = [label for label, _ in explorer.window.options]
    assert len(set(labels)) == len(labels)
    assert f"{len(labels)} of {found.patterns[0].size} windows" in explorer.listed.value
    assert explorer.window.value == found.patterns[0].medoid
    for row, window in enumerate(figures.shown_windows(found, 0), start=1):
        explorer._clicked(None, SimpleNamespace(ys=[f"{row}. x"]), None)
        assert explorer.window.value == window


def test_a_tree_says_of_its_leaves_what_is_known():
    log = rules()
    found = gymlab.extract_patterns(log, gymlab.ExtractionConfig(**QUICK, n_clusters=3))
    tree = figures.LogTree.of(found)
    unknown = figures.draw_branch(
        tree, figures.drawn_branch(tree, n_leaves=5), np.full(len(found.labels), -1), cut=None
    )
    (dots,) = (trace for trace in unknown.data if trace.name == "leaves")
    assert all("most typical: " in text and "pattern" not in text for text in dots.text)
    without = figures.LogTree(log, found.windows, tree.items, tree.linkage, None, "single")
    drawn = figures.draw_branch(without, figures.drawn_branch(without, n_leaves=5), found.labels, cut=None)
    (dots,) = (trace for trace in drawn.data if trace.name == "leaves")
    assert all("first: " in text and "typical" not in text for text in dots.text)
    assert "the first of the windows below each dot" in drawn.layout.title.text.replace("<br>", " ")


def test_a_colon_in_a_name_does_not_end_the_rule():
    records = [
        action(
            k,
            ["take: all", "give: none"][k % 2],
            agent="model: v1",
            decision_context=["on: me", "off: me"][k % 2],
        )
        for k in range(80)
    ]
    study = gymlab.study_principles(frame_from_records(records))
    rows = rows_of(tables.principles(study))
    assert rows
    for row in rows:
        assert row["principle"] in {one.sentence.rpartition(": ")[0] for one in study.principles}
        assert row["principle"].endswith(("”", "itself", "situation"))


@pytest.mark.parametrize(
    ("share", "said"),
    [(0.0, "0 %"), (1e-9, "< 0.1 %"), (0.0004, "< 0.1 %"), (0.0006, "0.1 %"), (0.5, "50 %"), (0.9994, "99.9 %"),
     (0.9996, "> 99.9 %"), (1 - 1e-9, "> 99.9 %"), (1.0, "100 %")],
)  # fmt: skip
def test_a_share_is_nothing_or_all_only_where_it_is(share, said):
    assert percent(share) == said


def test_the_panel_takes_several_sources_as_the_notebooks_do(tmp_path):
    files = []
    for k, part in enumerate(["agent-0", "agent-1"]):
        files.append(str(tmp_path / f"{k}.parquet"))
        log = rules(n_agents=2)
        log[log["agent_id"] == part].to_parquet(files[-1])
    source = LogSource(tuple(files))
    assert set(source.read()["agent_id"]) == {"agent-0", "agent-1"}
    assert source.parameters() == {"source": files}
    controls = Controls(source, gymlab.ExtractionConfig(), lambda: None)
    assert controls.source.value == ", ".join(files)
    assert controls.read()[0] is source
