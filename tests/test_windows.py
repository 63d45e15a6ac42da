"""Windows: none crosses a series, every one knows its actions, and coverage is what is counted."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made import action

import gymlab
from gymlab.actions import frame_from_records
from gymlab.actions.windows import cut_windows
from gymlab.errors import InputError
from gymlab.workbench.figures import whereabouts


def log_of(lengths, first_step=0):
    return frame_from_records(
        {
            "session_id": f"s{index // 2}",
            "agent_id": f"a{index % 2}",
            "step": first_step + step,
            "actor": "a",
            "target": "b",
            "relationship_type": "neutral",
            "action_type": "wait",
            "decision_context": "",
        }
        for index, length in enumerate(lengths)
        for step in range(length)
    )


def numbered(log):
    return np.arange(len(log), dtype=np.float32)[:, None]


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=8),
    window=st.integers(1, 12),
    hop=st.integers(1, 15),
)
@settings(max_examples=150, deadline=None)
def test_windows_are_what_a_plain_loop_cuts(lengths, window, hop):
    log = log_of(lengths)
    expected, covered, first = [], set(), 0
    for length in lengths:
        for start in range(0, length - window + 1, hop):
            rows = list(range(first + start, first + start + window))
            expected.append(rows)
            covered.update(rows)
        first += length
    if not expected:
        with pytest.raises(InputError, match=r"fewer than one window|longest has"):
            cut_windows(log, numbered(log), window=window, hop=hop, unit="window")
        return
    windows = cut_windows(log, numbered(log), window=window, hop=hop, unit="window")
    assert [windows.rows(k).tolist() for k in range(len(windows))] == expected
    np.testing.assert_array_equal(windows.values[:, :, 0], expected)
    assert windows.coverage == pytest.approx(len(covered) / len(log))
    assert windows.rows_of(np.arange(len(windows))).tolist() == sorted(covered)
    for k, rows in enumerate(expected):
        inside = log.iloc[rows]
        assert inside["session_id"].nunique() == inside["agent_id"].nunique() == 1
        assert windows.table["start"].iloc[k] == inside["step"].iloc[0]


def test_auto_takes_windows_when_they_cover_most_and_whole_series_otherwise():
    log = log_of([40, 5])
    assert cut_windows(log, numbered(log)).unit == "window"
    log = log_of([20, 9, 9, 9])
    whole = cut_windows(log, numbered(log))
    assert whole.unit == "series"
    assert [len(one) for one in whole.values] == [20, 9, 9, 9]
    assert whole.coverage == 1.0
    assert "because windows of 20 would cover only 42.6%" in whole.notes[0]


def test_two_agents_of_one_session_are_two_series():
    log = log_of([25, 25])
    assert log["session_id"].nunique() == 1
    windows = cut_windows(log, numbered(log), window=20, hop=5)
    assert windows.table["agent_id"].tolist() == ["a0", "a0", "a1", "a1"]


def test_start_is_the_step_of_the_log():
    log = log_of([30], first_step=100)
    assert cut_windows(log, numbered(log)).table["start"].tolist() == [100, 110]


def test_short_series_are_said_to_be_left_out():
    log = log_of([40, 5, 6])
    windows = cut_windows(log, numbered(log))
    assert "2 of 3 series are shorter than a window and are left out" in windows.notes


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"window": 0}, "window is 0"),
        ({"hop": 0}, "hop is 0"),
        ({"unit": "day"}, "unit is 'day'"),
        ({"window": 100}, "the log has 30 actions, fewer than one window of 100"),
        ({"window": 20, "unit": "window"}, "no series has 20 actions, the longest has 15"),
    ],
)
def test_unusable_parameters_are_named(options, message):
    log = log_of([15, 15])
    with pytest.raises(InputError) as caught:
        cut_windows(log, numbered(log), **options)
    assert message in str(caught.value)


def test_a_hop_beyond_the_window_leaves_gaps_and_still_takes_windows():
    log = frame_from_records([action(step, "ab"[step % 2]) for step in range(100)])
    windows = cut_windows(log, np.zeros((100, 1), dtype=np.float32), window=3, hop=10)
    assert windows.unit == "window"
    assert windows.coverage == 0.3


def test_a_window_ends_where_its_last_action_stands():
    """A filter leaves gaps between the steps."""
    log = gymlab.select_actions(gymlab.read_actions(gymlab.sample_path()), where="action_type=defect")
    extraction = gymlab.extract_patterns(log, gymlab.ExtractionConfig(n_surrogates=0, n_resamples=0))
    table = extraction.windows.table
    for index in (0, len(table) // 2, len(table) - 1):
        steps = extraction.actions_of_window(index)["step"]
        assert (table["start"][index], table["end"][index]) == (steps.iloc[0], steps.iloc[-1])
        assert whereabouts(table, [index])[0].endswith(f"steps {steps.iloc[0]}–{steps.iloc[-1]}")
