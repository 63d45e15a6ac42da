"""Widgets without a page: what a panel computes, what it uses again, what it shows, and what it says when it cannot."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import plotly.graph_objects as go
import pytest
import yaml
from made import action, rhythms, rules
from naive_page import rows_of
from sharers import Copier

import gymlab
from gymlab import clustering
from gymlab.actions import frame_from_records
from gymlab.actions.windows import cut_windows
from gymlab.errors import InputError, OutputError
from gymlab.gym.training import Training
from gymlab.patterns import pipeline
from gymlab.runtime import background
from gymlab.runtime.alerts import Measurement
from gymlab.runtime.cache import BoundedCache
from gymlab.runtime.cache_manager import cache_manager
from gymlab.workbench import figures
from gymlab.workbench.report.parameters import read_parameters, require_usable
from gymlab.workbench.widgets import (
    AlertStrip,
    CachePanel,
    PatternExplorer,
    TreeExplorer,
    TuningPanel,
    WatchPanel,
)
from gymlab.workbench.widgets.analysis import Analysis, LatestRequestWorker, LogSource, PanelRequest
from gymlab.workbench.widgets.drawing import OLD, figure_widget, redraw
from gymlab.workbench.widgets.live import Ticker, measured_now

QUICK = {"window": 10, "hop": 5, "n_surrogates": 0, "n_resamples": 0}
PATIENCE = 60


@pytest.fixture(scope="module")
def log_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "rhythms.parquet"
    rhythms().to_parquet(path)
    return path


@pytest.fixture(scope="module")
def found():
    return gymlab.extract_patterns(rhythms(), gymlab.ExtractionConfig(**QUICK, n_clusters=3))


# ------------------------------------------------------------------ the last request


class Gate:
    """Work that begins, and goes on when it is let."""

    def __init__(self):
        self.begun, self.go, self.done, self.stopped = threading.Event(), threading.Event(), [], []

    def work(self, request, checkpoint):
        self.begun.set()
        try:
            while not self.go.wait(0.005):
                checkpoint()
            checkpoint()
        except BaseException:
            self.stopped.append(request)
            raise
        self.done.append(request)


def test_of_several_requests_only_the_last_counts():
    gate, failures = Gate(), []
    latest = LatestRequestWorker(gate.work, failed=failures.append)
    latest.submit(1)
    assert gate.begun.wait(PATIENCE)
    for request in (2, 3, 4):
        latest.submit(request)
    gate.go.set()
    latest.wait(PATIENCE)
    assert gate.done == [4]
    assert 1 in gate.stopped
    assert failures == []


def test_a_cancelled_request_ends_and_the_next_works():
    gate = Gate()
    latest = LatestRequestWorker(gate.work, failed=lambda error: pytest.fail(str(error)))
    latest.submit("a")
    assert gate.begun.wait(PATIENCE)
    latest.cancel()
    latest.wait(PATIENCE)
    assert (gate.stopped, gate.done) == (["a"], [])
    gate.go.set()
    latest.submit("b")
    latest.wait(PATIENCE)
    assert gate.done == ["b"]


def test_a_failure_is_told_and_is_not_the_end():
    failures, settled = [], []

    def work(request, _checkpoint):
        if request == "bad":
            raise InputError("no such thing")

    latest = LatestRequestWorker(work, failed=failures.append, settled=lambda: settled.append(True))
    for request in ("bad", "good"):
        latest.submit(request)
        latest.wait(PATIENCE)
    assert [str(error) for error in failures] == ["no such thing"]
    assert len(settled) == 2


def test_no_thread_is_left_when_nothing_is_to_do():
    before = threading.active_count()
    latest = LatestRequestWorker(lambda _request, _checkpoint: None, failed=print)
    for request in range(50):
        latest.submit(request)
    latest.wait(PATIENCE)
    deadline = time.monotonic() + PATIENCE
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.001)
    assert threading.active_count() == before


def test_after_a_callback_that_failed_the_next_request_is_carried_out(monkeypatch):
    done, told, failures = [], [], iter([OSError("the page is gone")])
    monkeypatch.setattr(threading, "excepthook", lambda failed: told.append(str(failed.exc_value)))

    def settled():
        for failure in failures:
            raise failure

    latest = LatestRequestWorker(
        lambda request, _checkpoint: done.append(request), failed=done.append, settled=settled
    )
    latest.submit("first")
    latest.wait(PATIENCE)
    latest.submit("second")
    latest.wait(PATIENCE)
    assert done == ["first", "second"]
    assert told == ["the page is gone"]


def test_what_waits_when_a_callback_fails_is_carried_out(monkeypatch):
    done, failures = [], iter([OSError("the page is gone")])
    monkeypatch.setattr(threading, "excepthook", lambda _failed: None)

    def settled():
        for failure in failures:
            latest.submit("second")
            raise failure

    latest = LatestRequestWorker(
        lambda request, _checkpoint: done.append(request), failed=done.append, settled=settled
    )
    latest.submit("first")
    latest.wait(PATIENCE)
    assert done == ["first", "second"]


def test_waiting_has_an_end():
    gate = Gate()
    latest = LatestRequestWorker(gate.work, failed=print)
    latest.submit(1)
    with pytest.raises(TimeoutError, match=r"still at work after 0\.01 s"):
        latest.wait(0.01)
    latest.cancel()
    latest.wait(PATIENCE)


# ------------------------------------------------------------------ Analysis


class Counted:
    """How often each expensive thing is done."""

    def __init__(self, monkeypatch):
        self.extractions = self.trees = self.matrices = 0
        self._count(monkeypatch, "extractions", "gymlab.workbench.widgets.analysis.run_extraction")
        self._count(monkeypatch, "trees", "gymlab.clustering.build_tree")
        self._count(monkeypatch, "matrices", "gymlab.clustering.pairwise_cache.dtw_pairwise")

    def _count(self, monkeypatch, name, where):
        originals = {
            "extractions": pipeline.run_extraction,
            "trees": clustering.build_tree,
            "matrices": gymlab.distance.dtw_pairwise,
        }

        def counting(*args, **kwargs):
            setattr(self, name, getattr(self, name) + 1)
            return originals[name](*args, **kwargs)

        monkeypatch.setattr(where, counting)

    def take(self):
        taken = (self.extractions, self.trees, self.matrices)
        self.extractions = self.trees = self.matrices = 0
        return taken


def test_what_can_be_used_again_is(log_file, monkeypatch):
    analysis, shown = Analysis(pause_seconds=0), []

    def ask(**fields):
        config = gymlab.ExtractionConfig(**{**QUICK, **fields})
        analysis.answer(PanelRequest(LogSource(str(log_file)), config), show=shown.append)
        return shown[-1]

    counted = Counted(monkeypatch)
    first = ask()
    assert counted.take() == (1, 1, 1)
    # Another cut: neither distances nor a tree; as if it had been asked for at once.
    for cut in ({"n_clusters": 5}, {"cut_height": 2.0}, {"n_clusters": 2}, {}):
        again = ask(**cut)
        assert counted.take() == (0, 0, 0), cut
        at_once = gymlab.extract_patterns(rhythms(), gymlab.ExtractionConfig(**QUICK, **cut))
        assert again.labels.tolist() == at_once.labels.tolist()
        assert again.config == at_once.config
        counted.take()
    # Another budget: the same patterns; trees of surrogates and resamples alone.
    tested = ask(n_surrogates=9, n_resamples=3)
    assert counted.take() == (0, 9 + 3, 0)
    assert tested.significance.n_surrogates == 9
    assert tested.labels.tolist() == first.labels.tolist()
    assert shown[-2].significance is None
    # Another linkage: the distances.
    ask(method="average")
    assert counted.take() == (1, 1, 0)
    # Another window: everything; and back: the distances.
    ask(window=12)
    assert counted.take() == (1, 1, 1)
    ask()
    assert counted.take() == (1, 1, 0)


def test_a_new_tree_is_shown_before_its_patterns(log_file):
    order = []
    Analysis(pause_seconds=0).answer(
        PanelRequest(LogSource(str(log_file)), gymlab.ExtractionConfig(**QUICK)),
        show=order.append,
        show_tree=order.append,
        tell=lambda stage, _fraction: order.append(stage),
    )
    (tree,) = (one for one in order if isinstance(one, figures.LogTree))
    shown = order[-1]
    assert tree.linkage is shown.linkage
    assert tree.distances is shown.distances
    assert order[0] == "read"
    assert order.index("cluster") < order.index(tree)


def test_another_log_is_read_once(tmp_path, monkeypatch):
    for name, log in (("one", rhythms()), ("two", rules())):
        log.to_parquet(tmp_path / f"{name}.parquet")
    reads = []
    original = LogSource.read
    monkeypatch.setattr(LogSource, "read", lambda self: (reads.append(self.source), original(self))[1])
    analysis, shown = Analysis(pause_seconds=0), []
    for name, window in (("one", 10), ("one", 12), ("two", 12), ("two", 10)):
        config = gymlab.ExtractionConfig(**{**QUICK, "window": window})
        analysis.answer(PanelRequest(LogSource(str(tmp_path / f"{name}.parquet")), config), show=shown.append)
    assert [str(read).rpartition("/")[2] for read in reads] == ["one.parquet", "two.parquet"]
    assert len(shown[-1].actions) == len(rules())


def test_an_answer_can_be_stopped_at_any_point(log_file):
    class StoppedError(Exception):
        pass

    config = gymlab.ExtractionConfig(**{**QUICK, "n_surrogates": 9})
    calls = 0

    def count():
        nonlocal calls
        calls += 1

    request = PanelRequest(LogSource(str(log_file)), config)
    Analysis(pause_seconds=0).answer(request, show=lambda _one: None, checkpoint=count)
    for stop_at in range(1, calls, max(1, calls // 12)):
        left = stop_at
        analysis, shown = Analysis(pause_seconds=0), []

        def checkpoint():
            nonlocal left
            left -= 1
            if left < 0:
                raise StoppedError

        with pytest.raises(StoppedError):
            analysis.answer(request, show=shown.append, checkpoint=checkpoint)
        # What was stopped does not spoil what comes after.
        analysis.answer(request, show=shown.append)
        assert shown[-1].significance.n_surrogates == 9


# ------------------------------------------------------------------ the panel


@pytest.fixture
def panel(log_file):
    made = TuningPanel(str(log_file), config=gymlab.ExtractionConfig(**QUICK))
    made.wait(PATIENCE)
    yield made
    made.cancel()
    made.wait(PATIENCE)


def colours(panel):
    """Colours of the joins that are drawn in the panel's tree."""
    return {trace.line.color for trace in panel.tree.figure.data[:9] if trace.x is not None and len(trace.x)}


def test_a_panel_shows_what_an_extraction_finds(panel):
    at_once = gymlab.extract_patterns(rhythms(), gymlab.ExtractionConfig(**QUICK))
    assert panel.extraction.labels.tolist() == at_once.labels.tolist()
    assert f"{len(at_once.patterns)} patterns" in panel._status.value
    assert len(panel.outcome.patterns.data[0].z) == min(12, len(at_once.patterns))
    assert "average silhouette width" in panel.outcome.quality.value
    assert panel.cancel_button.disabled
    assert panel.controls.cut_height.max > at_once.linkage[-1, 2]


def test_a_slider_for_the_number_cuts_the_tree(panel):
    panel.controls.n_clusters.value = 5
    assert panel.controls.by.value == "number"
    panel.wait(PATIENCE)
    assert len(panel.extraction.patterns) == 5
    assert panel.parameters["n_clusters"] == 5
    assert {figures.pattern_colour(label) for label in range(5)} <= colours(panel) | set(
        panel.tree._markers().marker.color
    )


def test_a_cut_is_drawn_at_once_while_the_patterns_are_still_described(panel, monkeypatch):
    go_on = threading.Event()
    original = panel._analysis.answer
    monkeypatch.setattr(
        panel._analysis, "answer", lambda *args, **kwargs: (go_on.wait(PATIENCE), original(*args, **kwargs))
    )
    before = list(panel.tree._markers().marker.color)
    panel.controls.n_clusters.value = 4
    after = list(panel.tree._markers().marker.color)
    assert after != before
    assert len({*after} - {figures.pattern_colour(-1)}) == 4
    (line,) = panel.tree.figure.layout.shapes
    height = figures.height_of_cut(panel.extraction.linkage, 4)
    assert line.y0 == line.y1 == pytest.approx(height)
    assert len(panel.extraction.patterns) != 4
    go_on.set()
    panel.wait(PATIENCE)
    assert len(panel.extraction.patterns) == 4


def test_dragging_the_cut_cuts_there(panel):
    height = float(panel.extraction.linkage[-4, 2]) * 1.0001
    drag_line(panel.tree, height)
    panel.wait(PATIENCE)
    assert panel.controls.by.value == "height"
    assert len(panel.extraction.patterns) == 4
    assert panel.parameters["cut_height"] == pytest.approx(height)
    assert panel.parameters["n_clusters"] == "auto"
    (line,) = panel.tree.figure.layout.shapes
    assert (line.x0, line.x1) == (0, 1)
    assert line.y0 == line.y1 == pytest.approx(height)


def drag_line(explorer, height):
    """Move the line of the cut as a page does, in another thread."""

    def move():
        shape = explorer.figure.layout.shapes[0]
        with explorer.figure.batch_update():
            shape.x0, shape.x1, shape.y0, shape.y1 = 0.1, 1.1, height, height

    thread = threading.Thread(target=move)
    thread.start()
    thread.join(PATIENCE)


def test_back_to_auto_is_the_number_with_the_best_silhouette(panel):
    first = panel.extraction.labels.tolist()
    panel.controls.n_clusters.value = 6
    panel.wait(PATIENCE)
    panel.controls.by.value = "auto"
    panel.wait(PATIENCE)
    assert panel.extraction.labels.tolist() == first
    assert panel.controls.n_clusters.value == len(panel.extraction.patterns)


def test_every_control_changes_the_parameters_and_the_outcome(panel):
    changes = {
        "window": (12, "window", 12),
        "hop": (6, "hop", 6),
        "radius": ("2", "radius", 2),
        "unit": ("series", "unit", "series"),
        "strategy": ("exact", "strategy", "exact"),
        "method": ("average", "method", "average"),
        "budget": ("quick", "n_surrogates", 49),
    }
    for control, (value, name, expected) in changes.items():
        before = panel.extraction
        getattr(panel.controls, control).value = value
        panel.wait(PATIENCE)
        assert panel.parameters[name] == expected, control
        assert panel.extraction is not before, control
        assert getattr(panel.extraction.config, name) == expected, control
    assert panel.extraction.significance is not None


def test_density_methods_have_their_own_controls(panel):
    assert panel.controls._density.layout.display == "none"
    panel.controls.method.value = "dbscan"
    panel.controls.eps.value = 1.0
    panel.controls.min_samples.value = 4
    panel.wait(PATIENCE)
    assert panel.controls._density.layout.display is None
    assert panel.controls._cuts.layout.display == "none"
    assert (panel.extraction.config.eps, panel.extraction.config.min_samples) == (1.0, 4)
    (said,) = panel.tree.figure.layout.annotations
    why = "no tree: too few windows, or a method or strategy without one"
    assert said.text.replace("<br>", " ") == why
    panel.controls.method.value = "ward"
    panel.wait(PATIENCE)
    assert panel.tree._markers() is not None
    assert panel.parameters["eps"] is None


def test_channels_and_weights_can_be_chosen(tmp_path):
    rules().to_parquet(tmp_path / "rules.parquet")
    panel = TuningPanel(str(tmp_path / "rules.parquet"), config=gymlab.ExtractionConfig(**QUICK))
    panel.wait(PATIENCE)
    rows = panel.controls.channels._rows
    assert {name for name, (used, _) in rows.items() if used.value} == {
        fitted.channel.column for fitted in panel.extraction.encoding.channels
    }
    assert all(used.disabled for used, _ in rows.values())
    panel.controls.channels.auto.value = False
    for name, (used, _) in rows.items():
        used.value = name in {"impact", "action_type"}
    rows["impact"][1].value = 2.5
    panel.wait(PATIENCE)
    chosen = {one.channel.column: one.channel.weight for one in panel.extraction.encoding.channels}
    assert chosen == {"action_type": 1.0, "impact": 2.5}
    for used, _ in rows.values():
        used.value = False
    with pytest.raises(InputError, match="no channel is chosen"):
        panel.wait(PATIENCE)
    assert ">no channel is chosen; tick one, or what the log has" in panel._status.value


def test_what_does_not_go_together_is_said_and_the_panel_goes_on(panel):
    panel.controls.source.value = "/no/such/log.jsonl"
    with pytest.raises(InputError, match="there is no such file"):
        panel.wait(PATIENCE)
    assert ">/no/such/log.jsonl: there is no such file" in panel._status.value
    assert panel.cancel_button.disabled
    panel.controls.source.value = ""
    panel.controls.n_clusters.value = 3
    panel.wait(600)
    assert len(panel.extraction.actions) == 83_223


def test_strings_from_a_log_are_escaped_where_the_panel_shows_html(tmp_path):
    log = rules()
    hostile = "<img src=x onerror=alert(1)>" + "x" * 10_000
    for column in ("agent_id", "session_id", "action_type", "decision_context", "target"):
        log[column] = log[column] + hostile
    log.drop(columns="action_id").to_parquet(tmp_path / "hostile.parquet")
    panel = TuningPanel(str(tmp_path / "hostile.parquet"), config=gymlab.ExtractionConfig(**QUICK))
    panel.wait(PATIENCE)
    shown = "".join(
        widget.value
        for widget in (panel.outcome.table, panel.outcome.quality, panel.outcome.notes, panel._status)
    )
    assert "<img" not in shown
    assert len(shown) < 20_000
    explorer = PatternExplorer(panel.extraction)
    assert "<img" not in explorer.actions.value
    figure_json = "".join(
        figure.to_json() for figure in (panel.tree.figure, panel.outcome.patterns, explorer.figure)
    )
    assert "<img" not in figure_json
    assert "\\u003cimg" not in figure_json


def test_the_parameters_are_exported_as_the_report_takes_them(panel, tmp_path, log_file):
    panel.controls.n_clusters.value = 4
    panel.wait(PATIENCE)
    panel.file.value = str(tmp_path / "tuned.yaml")
    panel.export_button.click()
    assert f"written: {tmp_path / 'tuned.yaml'}" in panel._exported.value
    used = read_parameters(tmp_path / "tuned.yaml")
    assert used == panel.parameters
    assert (used["source"], used["window"], used["n_clusters"]) == (str(log_file), 10, 4)
    require_usable(used)
    assert yaml.safe_load((tmp_path / "tuned.yaml").read_text(encoding="utf-8")) == used
    again = gymlab.extract_patterns(
        gymlab.read_actions(used["source"]),
        gymlab.ExtractionConfig(**{name: value for name, value in used.items() if name != "source"}),
    )
    assert again.labels.tolist() == panel.extraction.labels.tolist()


def test_filters_are_exported_with_the_source(log_file, tmp_path):
    panel = TuningPanel(
        str(log_file),
        agent=["repeats", "random"],
        where="session_id=s1",
        config=gymlab.ExtractionConfig(**QUICK),
    )
    panel.wait(PATIENCE)
    assert set(panel.extraction.actions["agent_id"]) == {"repeats", "random"}
    used = read_parameters(panel.export(tmp_path / "tuned.yaml"))
    assert (used["agent"], used["where"]) == (["repeats", "random"], ["session_id=s1"])
    require_usable(used)
    # Another log has other agents.
    panel.controls.source.value = str(tmp_path / "other.parquet")
    assert "agent" not in panel.parameters


def test_an_export_that_cannot_be_written_is_said(panel, tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        panel.export(tmp_path / "absent" / "tuned.yaml")
    panel.file.value = str(tmp_path / "absent" / "tuned.yaml")
    panel.export_button.click()
    assert f">cannot write {panel.file.value}: give a file in a folder that exists<" in panel._exported.value


def test_a_panel_can_be_cancelled(log_file, monkeypatch):
    begun = threading.Event()
    original = pipeline.run_extraction

    def slow(*_args, checkpoint, **_kwargs):
        begun.set()
        while True:
            checkpoint()
            time.sleep(0.001)

    monkeypatch.setattr("gymlab.workbench.widgets.analysis.run_extraction", slow)
    panel = TuningPanel(str(log_file), config=gymlab.ExtractionConfig(**QUICK))
    assert begun.wait(PATIENCE)
    assert not panel.cancel_button.disabled
    panel.cancel_button.click()
    panel.wait(PATIENCE)
    assert panel.extraction is None
    assert panel.cancel_button.disabled
    assert ">stopped<" in panel._status.value
    monkeypatch.setattr("gymlab.workbench.widgets.analysis.run_extraction", original)
    panel.controls.n_clusters.value = 3
    panel.wait(PATIENCE)
    assert len(panel.extraction.patterns) == 3


def test_what_is_asked_for_while_a_computation_ends_can_be_cancelled(panel, monkeypatch):
    begun, seen = threading.Event(), []

    def endless(*_args, checkpoint, **_kwargs):
        seen.append(panel.cancel_button.disabled)
        begun.set()
        while True:
            checkpoint()
            time.sleep(0.001)

    def ask(change):
        # The bar goes back to its beginning when all is done, just before the button is disabled.
        if change["new"] == 0.0:
            panel._bar.unobserve(ask, "value")
            monkeypatch.setattr("gymlab.workbench.widgets.analysis.run_extraction", endless)
            panel.controls.window.value = 12

    panel._bar.value = 0.5
    panel._bar.observe(ask, "value")
    panel.controls.n_clusters.value = 4  # a cut tells of no progress: the bar moves at its end alone
    assert begun.wait(PATIENCE)
    assert seen == [False]
    panel.cancel_button.click()
    panel.wait(PATIENCE)
    assert ">stopped; the results shown are from an earlier request<" in panel._status.value


def test_what_is_no_longer_asked_for_is_pale_and_said_to_be_old(panel, log_file, tmp_path):
    assert OLD not in panel._shown._dom_classes
    panel.controls.source.value = str(tmp_path / "absent.csv")
    with pytest.raises(InputError):
        panel.wait(PATIENCE)
    assert OLD in panel._shown._dom_classes
    assert "; the pale results are from an earlier request<" in panel._status.value
    panel.file.value = str(tmp_path / "tuned.yaml")
    panel.export_button.click()
    assert "once its problem is corrected" in panel._exported.value
    panel.controls.source.value = str(log_file)
    panel.wait(PATIENCE)
    assert OLD not in panel._shown._dom_classes


def test_what_was_written_is_said_until_something_changes(panel, tmp_path):
    panel.file.value = str(tmp_path / "tuned.yaml")
    panel.export_button.click()
    panel._settled()
    file = tmp_path / "tuned.yaml"
    assert f">written: {file}; use it with gymlab report --params {file}<" in panel._exported.value
    panel.controls.n_clusters.value = 3
    assert not panel._exported.value


def test_a_failure_that_nobody_foresaw_is_named_kept_and_raised(log_file, monkeypatch, caplog):
    def fail(*_args, **_kwargs):
        raise ZeroDivisionError("what nobody foresaw")

    monkeypatch.setattr("gymlab.workbench.widgets.analysis.run_extraction", fail)
    panel = TuningPanel(str(log_file), config=gymlab.ExtractionConfig(**QUICK))
    with pytest.raises(ZeroDivisionError):
        panel.wait(PATIENCE)
    assert "ZeroDivisionError: what nobody foresaw" in panel._status.value
    assert [record.getMessage() for record in caplog.records] == ["the panel failed"]


# ------------------------------------------------------------------ explorers


def test_a_branch_opens_and_one_comes_back(found):
    explorer = TreeExplorer(found, n_leaves=5)
    markers = explorer._markers()
    assert len(markers.x) == 5
    biggest = int(np.argmax(markers.marker.size))
    node = int(markers.customdata[biggest])
    explorer._clicked(markers, SimpleNamespace(point_inds=[biggest]), None)
    assert explorer._branch.outline.root == node
    assert explorer._where.value.startswith("1 level down. Drag the dashed line")
    assert not explorer._back.disabled
    explorer._back.click()
    assert explorer._branch.outline.root == len(found.linkage) * 2
    assert explorer._back.disabled
    # A single window has nothing below it.
    explorer.open_branch(0)
    assert explorer._back.disabled


def test_a_branch_stays_open_while_the_cut_moves(found):
    explorer = TreeExplorer(found, n_leaves=5)
    explorer.open_branch(int(found.linkage[-1, 1]))
    root = explorer._branch.outline.root
    drag_line(explorer, 1.0)
    assert explorer._branch.outline.root == root
    assert explorer.extraction.config.cut_height == pytest.approx(1.0)
    explorer.show(gymlab.extract_patterns(rules(), gymlab.ExtractionConfig(**QUICK)))
    assert explorer._back.disabled


def test_ten_thousand_leaves_are_forty_on_the_page():
    n = 10_000
    rng = np.random.default_rng(0)
    points = rng.normal(size=(n, 1)).cumsum(axis=0)
    tree = clustering.single_linkage_tree(points[:, :, None])
    log = frame_from_records(action(step, f"tool {step % 3}") for step in range(n))
    windows = cut_windows(log, points.astype(np.float32), window=1, hop=1)
    whole = figures.LogTree(log, windows, np.arange(n), tree, None, "single")
    branch = figures.drawn_branch(whole, n_leaves=40)
    figure = figures.draw_branch(whole, branch, clustering.cut_tree(tree, n_clusters=3), cut=1.0)
    assert len(figure.to_json()) < 60_000
    assert sum(len(items) for items in branch.outline.members) == n


def test_from_a_pattern_to_its_windows_and_their_actions(found):
    explorer = PatternExplorer(found)
    assert [value for _, value in explorer.pattern.options] == [0, 1, 2]
    explorer.pattern.value = 2
    members = set(np.flatnonzero(found.labels == 2).tolist())
    assert {value for _, value in explorer.window.options} <= members
    typical = found.windows_of(2).index[0]
    assert explorer.window.value == typical
    other = explorer.window.options[-1][1]
    explorer.window.value = other
    for choice in found.actions_of_window(other)["action_type"]:
        assert choice in explorer.actions.value
    # A click into a row of the figure chooses its window.
    shown = figures.shown_windows(found, 2)
    explorer._clicked(None, SimpleNamespace(ys=[f"2. {'x'}"]), None)
    assert explorer.window.value == shown[1]


def test_noise_can_be_walked_through_too():
    config = gymlab.ExtractionConfig(**QUICK, method="dbscan", eps=0.5, min_samples=3)
    found = gymlab.extract_patterns(rhythms(), config)
    assert found.stats.noise
    explorer = PatternExplorer(found)
    explorer.pattern.value = -1
    assert found.labels[explorer.window.value] == -1


# ------------------------------------------------------------------ figures in place


def test_a_figure_becomes_another_in_place():
    first = go.Figure(
        [go.Scatter(x=[1, 2], y=[3, 4], name="a"), go.Bar(x=[1], y=[2])], {"title": {"text": "one"}}
    )
    same = go.Figure([go.Scatter(x=[1], y=[9], mode="markers"), go.Bar(x=[5], y=[6])], {"height": 300})
    other = go.Figure([go.Heatmap(z=[[1]])])
    widget = figure_widget(first)
    uids = [trace.uid for trace in widget.data]
    redraw(widget, same)
    assert [trace.uid for trace in widget.data] == uids
    assert widget.data[0].name is None
    assert widget.layout.title.text is None
    assert list(widget.data[0].y) == [9]
    assert widget.layout.height == 300
    redraw(widget, other)
    assert [trace.type for trace in widget.data] == ["heatmap"]
    assert widget.layout.height is None


def test_a_figure_that_fits_itself_to_the_page_goes_on_to():
    widget = figure_widget(go.Figure(layout={"height": 300}))
    widget.layout.autosize = True  # as the page says when it has fitted the figure
    redraw(widget, go.Figure(layout={"height": 400}))
    assert widget.layout.autosize is True
    assert widget.layout.height == 400


def test_what_has_no_value_travels_as_null():
    """JSON has no NaN, and arrays of two dimensions travel as JSON."""
    holed = go.Figure([go.Heatmap(z=np.array([[1.0, np.nan]]))])
    widget = figure_widget(holed)
    assert widget.data[0].z.tolist() == [[1.0, None]]
    redraw(widget, go.Figure([go.Heatmap(z=np.array([[np.nan, 2.0]]))]))
    assert widget.data[0].z.tolist() == [[None, 2.0]]
    assert np.isnan(holed.data[0].z[0, 1])


# ------------------------------------------------------------------ what keeps up by itself


def test_the_caches_are_shown_with_budget_and_hit_rate():
    cache = BoundedCache(max_size=10, max_bytes=1_000_000, name="<b>answers</b>")
    panel = CachePanel([cache], seconds=3600)
    cache.set("a", b"x" * 250_000)
    for key in ("a", "a", "a", "b"):
        cache.get(key)
    panel.refresh()
    assert ">75%<" in panel.table.value
    assert ">0.25 MB (25%)<" in panel.table.value
    assert "<b>answers" not in panel.table.value
    panel.clear_button.click()
    assert len(cache) == 0
    assert ">0 of 10<" in panel.table.value
    panel.close()


def test_without_arguments_every_cache_pool_and_breaker_is_shown(tmp_path):
    panel = CachePanel(seconds=3600)
    assert "distance matrices" in panel.table.value
    cache = cache_manager().cache("made <later>", max_bytes=2_000_000)
    cache.set("a", b"x" * 500_000)
    cache.get("a")
    breaker = gymlab.CircuitBreaker("of a <service>", failure_threshold=1)
    breaker.open()

    async def use():
        address = f"sqlite:///{tmp_path / 'lab.db'}"
        async with gymlab.Database(address, 2, 1) as database, database.session() as session:
            await session.connection()
            panel.refresh()
            return tables_of(panel.table.value)

    caches, pools, breakers = background.run(use())
    rows = {row["cache"]: row for row in caches}
    assert rows["made <later>"]["held"] == "0.5 MB (25%)"
    assert rows["made <later>"]["hit rate"] == "100%"
    total = cache_manager().total()
    assert rows["all caches"]["look-ups"] == f"{total.hits + total.misses:,}"
    assert rows["all caches"]["entries"] == f"{total.entries:,}"
    pool = next(row for row in pools if row["database"].endswith("lab.db"))
    assert (pool["in use"], pool["most in use"]) == ("1 of 3", "1")
    assert next(row for row in breakers if row["breaker"] == "of a <service>")["state"] == "open"
    panel.clear_button.click()
    assert len(cache) == 0
    assert "lab.db" not in panel.table.value
    panel.close()


def tables_of(page):
    """The rows of every table of a page, each by the names of the columns."""
    return [rows for part in page.split("</table>") if (rows := rows_of(part))]


def test_the_alerts_know_all_caches_and_the_open_pools(tmp_path):
    cache = cache_manager().cache("for the alerts")
    before = cache_manager().total()
    for _ in range(50):
        cache.get("nothing")

    async def use():
        address = f"sqlite:///{tmp_path / 'lab.db'}"
        async with (
            gymlab.Database(address, 1, 0) as single,
            gymlab.Database(address, 1, 1) as double,
            single.session() as first,
        ):
            await first.connection()
            alone = measured_now()["pool_percent"]
            async with double.session() as second:
                await second.connection()
                return alone, measured_now()["pool_percent"]

    alone, both = background.run(use())
    assert measured_now()["cache_hit_percent"].samples == before.hits + before.misses + 50
    # A pool of one connection tells nothing.
    assert (alone.value, both.value) == (0, 50)


def test_the_alerts_follow_what_is_measured():
    values = iter([50.0, 91.0])
    strip = AlertStrip(lambda: {"memory_percent": Measurement(next(values))}, seconds=3600)
    assert strip.alerts[0].state == "ok"
    strip.refresh()
    assert strip.alerts[0].state == "firing"
    assert strip.figure.data[0].marker.color[0] == figures.PALETTE[4]
    strip.close()


def test_without_an_extraction_there_is_no_time_a_pair(found):
    assert "dtw_seconds_per_pair" not in measured_now()
    assert measured_now(found)["dtw_seconds_per_pair"].samples == found.stats.pairs
    assert 0 < measured_now()["memory_percent"].value < 100


def test_a_cell_that_runs_again_does_not_leave_two_tickers():
    ticks = []
    first = Ticker("test", lambda: ticks.append("first"), 0.001)
    second = Ticker("test", lambda: ticks.append("second"), 0.001)
    assert first.stopped
    assert not second.stopped
    deadline = time.monotonic() + PATIENCE
    while ticks.count("second") < 3 and time.monotonic() < deadline:
        time.sleep(0.001)
    second.stop()
    assert ticks.count("second") >= 3
    with pytest.raises(InputError, match="give a number above 0"):
        Ticker("test", ticks.clear, 0)


def test_the_panel_of_a_training_keeps_its_last_state_when_it_stops(tmp_path):
    url = f"sqlite:///{tmp_path / 'gym.db'}"

    async def train(sessions):
        async with gymlab.Database(url) as database:
            await Training([Copier()], database, scenarios=30, sessions=sessions, name=f"{sessions}").run()

    panel = WatchPanel(url, seconds=3600)
    background.run(train(2))
    panel.refresh()
    (row,) = rows_of(panel.table.value)
    assert (row["agent"], row["sessions"], row["actions"], row["missing"]) == ("copier", "2", "60", "0")
    panel.stop()
    background.run(train(1))
    panel.refresh()
    assert rows_of(panel.table.value) == [row]
    panel.close()
