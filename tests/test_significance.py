"""Stability and the null test: against plain loops, on noise that holds no pattern, and on motifs that are one."""

import dataclasses
import itertools

import naive
import naive_significance
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform
from scipy.stats import binom

from gymlab.clustering import build_tree, cut_tree
from gymlab.distance import dtw_pairwise
from gymlab.errors import InputError
from gymlab.patterns.significance import WindowedLog, assess_significance, sample_sessions
from gymlab.patterns.significance.null_test import (
    ClusterStatistics,
    cluster_statistics,
    compare_clusters,
    corrected_p_values,
)
from gymlab.patterns.significance.pattern_significance import PatternSignificance
from gymlab.patterns.significance.resampling import best_jaccard, resampling_groups
from gymlab.patterns.significance.surrogates import fit_chains, states_of


def codes_distance(windows, n_threads=1):
    return dtw_pairwise(windows, mismatch_weights=(1.0,), n_threads=n_threads)


def transition_probabilities(chains, series, state):
    """The probability of each state after one in a series, as the fitted chains have it."""
    probabilities = np.bincount(chains.states, minlength=chains.n_states) / len(chains.states)
    weight_of_agent, weight_of_log = chains.weights
    for followers, group, weight in (
        (chains.pooled, 0, 0.0),
        (chains.agents, int(chains.log.agents[series]), weight_of_log),
        (chains.series, series, weight_of_agent),
    ):
        at = int(np.searchsorted(followers.keys, group * chains.n_states + state))
        if at < len(followers.keys) and followers.keys[at] == group * chains.n_states + state:
            rows = followers.rows[followers.starts[at] : followers.starts[at + 1]]
            counts = np.bincount(chains.states[rows], minlength=chains.n_states)
            probabilities = (counts + weight * probabilities) / (len(rows) + weight)
    return probabilities


def by_ward(condensed, n_clusters):
    return cut_tree(build_tree(condensed), n_clusters=n_clusters)


def windowed(series, *, window=10, hop=5, agents=None, sessions=None, n_clusters=None):
    """A log of series of codes, cut into windows; labelled by Ward when a number of clusters is given."""
    rows = np.concatenate(series).astype(np.float32)[:, None]
    length = np.array([len(one) for one in series])
    first = np.cumsum(length) - length
    cut = [
        (start, k)
        for k, (at, n) in enumerate(zip(first, length, strict=True))
        for start in range(at, at + n - window + 1, hop)
    ]
    log = WindowedLog(
        rows=rows,
        n_codes=1,
        first=first,
        length=length,
        agents=np.zeros(len(series), dtype=np.int64) if agents is None else np.asarray(agents),
        sessions=np.arange(len(series)) if sessions is None else np.asarray(sessions),
        window_row=np.array([start for start, _ in cut]),
        window_length=np.full(len(cut), window),
        window_series=np.array([k for _, k in cut]),
        labels=np.zeros(len(cut), dtype=np.int64),
    )
    if n_clusters is None:
        return log
    return dataclasses.replace(log, labels=by_ward(codes_distance(log.window_values()), n_clusters))


def markov(rng, transitions, length):
    states = [int(rng.integers(len(transitions)))]
    while len(states) < length:
        states.append(int(rng.choice(len(transitions), p=transitions[states[-1]])))
    return np.array(states)


labellings = st.integers(1, 30).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(-1, 4), min_size=n, max_size=n)] * 2)
)


@given(labellings)
@settings(max_examples=150, deadline=None)
def test_jaccard_by_best_match_agrees_with_sets(both):
    labels, others = both
    found = best_jaccard(np.array(labels), np.array(others), 5)
    expected = naive_significance.best_jaccard(labels, others)
    for label in range(5):
        if label in expected:
            assert found[label] == pytest.approx(expected[label])
        else:
            assert np.isnan(found[label])


@given(
    series=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=6),
    seed=st.integers(0, 5),
)
@settings(max_examples=80, deadline=None)
def test_fitted_transition_probabilities_agree_with_plain_loops(series, seed):
    agents = np.random.default_rng(seed).integers(0, 2, size=len(series))
    states = sorted({state for one in series for state in one})
    series = [[states.index(state) for state in one] for one in series]
    chains = fit_chains(windowed([np.array(one) for one in series], window=1, hop=1, agents=agents))
    expected = naive_significance.transition_probabilities(
        series, agents.tolist(), len(states), *chains.weights
    )
    for (k, state), probabilities in expected.items():
        np.testing.assert_allclose(transition_probabilities(chains, k, state), probabilities, atol=1e-12)
        assert sum(probabilities) == pytest.approx(1)


def test_how_far_to_shrink_is_the_likeliest():
    rng = np.random.default_rng(3)
    chains_of_agents = [rng.dirichlet(np.ones(3), size=3) for _ in range(3)]
    agents = [k % 3 for k in range(12)]
    series = [markov(rng, chains_of_agents[a], 40).tolist() for a in agents]
    chains = fit_chains(windowed([np.array(one) for one in series], agents=agents))
    weight_of_agent, weight_of_log = chains.weights
    assert weight_of_agent > 50 > weight_of_log  # series of an agent are alike, agents are not
    groups = [[s for s, a in zip(series, agents, strict=True) if a == agent] for agent in range(3)]
    pooled = naive_significance.transition_probabilities(series, [0] * 12, 3, 1e12, 0.0)
    of_agent = naive_significance.transition_probabilities(series, agents, 3, 1e12, weight_of_log)

    def likelihood_of_log(weight):
        return naive_significance.log_likelihood(groups, 3, weight, lambda _, now: pooled[0, now])

    def likelihood_of_agent(weight):
        each = [[one] for one in series]
        return naive_significance.log_likelihood(each, 3, weight, lambda k, now: of_agent[k, now])

    for weight, likelihood in (
        (weight_of_log, likelihood_of_log),
        (weight_of_agent, likelihood_of_agent),
    ):
        assert likelihood(weight) >= max(likelihood(weight * 2), likelihood(weight / 2)) or weight == 2.0**14


def test_surrogates_go_on_as_the_chain_does():
    rng = np.random.default_rng(0)
    series = [markov(rng, rng.dirichlet(np.ones(3), size=3), 30) for _ in range(4)]
    log = windowed(series)
    chains = fit_chains(log)
    drawn = [chains.surrogate(np.random.default_rng(seed))[:, 0] for seed in range(3000)]
    for k, one in enumerate(series):
        at = log.first[k]
        assert {float(rows[at]) for rows in drawn} == {float(one[0])}
        second = np.bincount([int(rows[at + 1]) for rows in drawn], minlength=3) / len(drawn)
        expected = transition_probabilities(chains, k, int(chains.states[at]))
        np.testing.assert_allclose(second, expected, atol=0.05)
    assert not np.array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[5], chains.surrogate(np.random.default_rng(5))[:, 0])


@given(
    st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=8), min_size=1, max_size=5), st.integers(0, 99)
)
@settings(max_examples=60, deadline=None)
def test_a_surrogate_makes_only_moves_of_the_log(series, seed):
    log = windowed([np.array(one) for one in series], window=1, hop=1)
    surrogate = fit_chains(log).surrogate(np.random.default_rng(seed))[:, 0]
    moves = {move for one in series for move in itertools.pairwise(one)}
    left = {now for now, _ in moves}
    for at, n in zip(log.first, log.length, strict=True):
        for now, then in itertools.pairwise(surrogate[at : at + n]):
            assert (now, then) in moves or now not in left


def test_surrogates_are_drawn_where_windows_are():
    rng = np.random.default_rng(0)
    series = [rng.integers(0, 9, size=100), rng.integers(0, 9, size=45)]
    log = windowed(series, window=10, hop=50)
    surrogate = fit_chains(log).surrogate(rng)[:, 0]
    moves = {move for one in series for move in itertools.pairwise(one)}
    for start in log.window_row:
        window = surrogate[start : start + 10]
        assert window[0] == log.rows[start, 0]
        assert all(move in moves for move in itertools.pairwise(window))
        assert not np.array_equal(window, log.rows[start : start + 10, 0])
    between = np.r_[20:50, 70:100, 120:145]
    np.testing.assert_array_equal(surrogate[between], log.rows[between, 0])
    near = windowed(series, window=10, hop=15)
    surrogate = fit_chains(near).surrogate(rng)[:, 0]
    assert (surrogate[near.window_row] != near.rows[near.window_row, 0]).any()


def test_numbers_are_drawn_with_their_category_and_as_they_follow_on_each_other():
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 2, size=2000)
    number = np.zeros(2000)
    for t in range(1, 2000):
        number[t] = 0.9 * number[t - 1] + rng.normal()
    rows = np.column_stack([number + 100 * kind, kind]).astype(np.float32)
    zero, n = np.zeros(1, dtype=np.int64), np.array([2000])
    log = WindowedLog(rows, 0, zero, n, zero, zero, zero, n, zero, zero)
    surrogate = fit_chains(log).surrogate(rng)
    assert {tuple(row) for row in surrogate.tolist()} <= {tuple(row) for row in rows.tolist()}
    values = surrogate[:, 0] - 100 * surrogate[:, 1]
    assert 0.5 < np.corrcoef(values[1:], values[:-1])[0, 1] < 0.98


def test_states_are_distinct_rows_or_cells_of_numbers_beside_categories():
    few = np.array([[0.5, 1], [0.25, 1], [0.5, 1], [0.5, 0]], dtype=np.float32)
    assert len(set(states_of(few).tolist())) == 3
    assert states_of(few)[0] == states_of(few)[2]
    rng = np.random.default_rng(0)
    kind = rng.integers(0, 3, size=600)
    many = np.column_stack([rng.normal(size=600), kind]).astype(np.float32)
    states = states_of(many, n_codes=1)
    assert 600 / 8 <= len(set(states.tolist())) <= 600 / 3
    for state in set(states.tolist()):
        assert len(set(kind[states == state].tolist())) == 1
        # A cell is all of its kind between two numbers.
        cell, same_kind = many[states == state, 0], many[kind == kind[states == state][0], 0]
        assert len(cell) == ((same_kind >= cell.min()) & (same_kind <= cell.max())).sum() <= 8
    mostly_zero = np.where(rng.uniform(size=600) < 0.9, 0, rng.normal(size=600)).astype(np.float32)[:, None]
    assert (
        mostly_zero[states_of(mostly_zero) == states_of(mostly_zero)[mostly_zero[:, 0] == 0][0]] == 0
    ).all()
    codes = np.arange(600, dtype=np.float32)[:, None]
    assert len(set(states_of(codes, n_codes=1).tolist())) == 600


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.integers(0, 20))
def test_corrected_p_values_agree_with_counting(null, observed):
    found = corrected_p_values(np.array(null, dtype=float), np.array(float(observed)))
    assert found == pytest.approx(naive_significance.corrected_p_value(null, observed))


@given(n=st.integers(2, 20), seed=st.integers(0, 500))
@settings(max_examples=60, deadline=None)
def test_cluster_statistics_agree_with_plain_loops(n, seed):
    rng = np.random.default_rng(seed)
    distances = pdist(rng.normal(size=(n, 2))).astype(np.float32)
    labels = rng.integers(-1, 3, size=n)
    found = cluster_statistics(distances, labels, 3)
    kept = [i for i in range(n) if labels[i] >= 0]
    square = squareform(distances).astype(float)
    inner = square[np.ix_(kept, kept)].tolist()
    inner_labels = [int(labels[i]) for i in kept]
    for label in range(3):
        members = [i for i, one in enumerate(inner_labels) if one == label]
        assert found.sizes[label] == len(members)
        if len(members) > 1:
            expected = naive_significance.compactness(inner, members)
            assert found.compactness[label] == pytest.approx(expected, rel=1e-5)
        else:
            assert np.isnan(found.compactness[label])
    if len(set(inner_labels)) > 1:
        assert found.silhouette == pytest.approx(naive.silhouette(inner, inner_labels), abs=1e-5)
        weighted = np.nansum(found.silhouettes * found.sizes) / len(kept)
        assert weighted == pytest.approx(found.silhouette, abs=1e-9)
    else:
        assert np.isnan(found.silhouette)


def statistics(sizes, compactness, silhouettes):
    return ClusterStatistics(
        np.array(sizes), np.array(compactness, dtype=float), np.array(silhouettes, dtype=float), 0.0
    )


def test_clusters_are_matched_by_size():
    # Compactness grows with the square root of the size, in the log as in the surrogates: nothing is remarkable.
    observed = statistics([100, 4], [10.0, 2.0], [0.5, 0.5])
    alike = [statistics([81, 25, 9], [9.0, 5.0, 3.0], [0.5, 0.5, 0.5]) for _ in range(19)]
    assert compare_clusters(observed, alike).p_values.tolist() == [1.0, 1.0]
    np.testing.assert_allclose(compare_clusters(observed, alike).compactness, [[10, 2]] * 19)
    # The large one is tighter than size explains, although the surrogates' small ones are tighter still.
    tight = statistics([100, 4], [6.0, 2.0], [0.5, 0.5])
    assert compare_clusters(tight, alike).p_values.tolist() == [0.05, 1.0]


def test_identical_windows_are_no_evidence_where_surrogates_have_them_too():
    observed = statistics([30, 12], [0.0, 0.0], [1.0, 1.0])
    surrogates = [statistics([25, 14], [0.0, 0.0], [1.0, 1.0]) for _ in range(39)]
    assert compare_clusters(observed, surrogates).p_values.tolist() == [1.0, 1.0]


def test_a_single_window_is_no_evidence():
    observed = statistics([9, 1], [0.1, np.nan], [0.9, 0.0])
    surrogates = [statistics([9, 1], [1.0, np.nan], [0.1, 0.0]) for _ in range(19)]
    assert compare_clusters(observed, surrogates).p_values.tolist() == [0.05, 1.0]


def smooth(rng, length):
    """Numbers that go on as they were but for noise: a first-order Markov process without states."""
    values = rng.normal(size=length)
    for t in range(1, length):
        values[t] = 0.9 * values[t - 1] + np.sqrt(1 - 0.9**2) * values[t]
    return values


def noise(mode, seed):
    rng = np.random.default_rng(seed)
    if mode == "smooth numbers":
        log = dataclasses.replace(windowed([smooth(rng, 40) for _ in range(12)]), n_codes=0)
        return dataclasses.replace(log, labels=by_ward(dtw_pairwise(log.window_values()), 3)), dtw_pairwise
    n_chains = 1 if mode == "one chain" else 3
    chains = [rng.dirichlet(np.ones(3), size=3) for _ in range(n_chains)]
    agents = [k % n_chains for k in range(10)]
    series = [markov(rng, chains[agent], 30) for agent in agents]
    return windowed(series, agents=agents, n_clusters=3), codes_distance


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["one chain", "a chain for each agent", "smooth numbers"])
def test_markov_noise_is_not_taken_for_patterns(mode):
    p_values, overall = [], []
    for seed in range(44):
        log, distances = noise(mode, seed)
        found = assess_significance(
            log, distances=distances, cluster=by_ward, n_surrogates=39, n_resamples=0, seed=seed
        )
        p_values += [pattern.p_value for pattern in found.patterns if pattern.n_tested > 1]
        overall.append(found.silhouette_p_value)
    for found in (np.array(p_values), np.array(overall)):
        n = len(found)
        assert (found <= 0.05).sum() <= binom.ppf(0.999, n, 0.05)
        # Not only never small: about half of them below a half.
        assert binom.ppf(0.0005, n, 0.5) <= (found <= 0.5).sum() <= binom.ppf(0.9995, n, 0.5)


def planted(seed=0):
    """Nine sessions of noise, and five that repeat a fixed sequence of 20 actions from either of two places."""
    rng = np.random.default_rng(seed)
    motif = rng.integers(0, 3, size=20)
    noise = [rng.integers(0, 3, size=60) for _ in range(9)]
    log = windowed([np.tile(motif, 3) for _ in range(5)] + noise, window=20, hop=10)
    place = (log.window_row - log.first[log.window_series]) % 20
    return dataclasses.replace(log, labels=np.where(log.window_series < 5, 1 + place // 10, 0))


def assessed(log, **options):
    options = {"n_surrogates": 99, "n_resamples": 40, "distances": codes_distance, **options}
    return assess_significance(log, cluster=by_ward, **options)


def test_a_planted_motif_is_found_and_the_noise_beside_it_is_not():
    found = assessed(planted())
    assert [pattern.n_tested for pattern in found.patterns] == [45, 15, 10]
    assert found.patterns[0].verdict.startswith("may be chance")
    for motif in found.patterns[1:]:
        assert motif.p_value == 0.01
        assert motif.q_value == pytest.approx(0.015)
        assert motif.verdict == ""
        assert motif.compactness == 0 < motif.null_compactness[0]
        assert motif.silhouette == 1 > motif.null_silhouette[2]
        assert motif.stability > 0.75
        assert motif.dissolved <= 0.4
    assert found.silhouette_p_value == 0.01
    assert found.silhouette > found.null_silhouette[2]


def test_results_depend_on_the_seed_alone():
    log = planted()
    once = assessed(log, seed=4)
    with_threads = assessed(log, seed=4, distances=lambda windows: codes_distance(windows, 2))
    assert [pattern.as_dict() for pattern in once.patterns] == [
        pattern.as_dict() for pattern in with_threads.patterns
    ]
    assert once.as_dict() == with_threads.as_dict()
    other = assessed(log, seed=5)
    assert once.patterns[0].null_compactness != other.patterns[0].null_compactness


def test_zero_leaves_a_part_out():
    log = planted()
    stability = assessed(log, n_surrogates=0, n_resamples=10)
    test = assessed(log, n_surrogates=19, n_resamples=0)
    assert np.isnan(stability.patterns[0].p_value)
    assert np.isnan(stability.silhouette_p_value)
    assert np.isnan(test.patterns[0].stability)
    whole = assessed(log, n_surrogates=19, n_resamples=10)
    assert [one.stability for one in whole.patterns] == [one.stability for one in stability.patterns]
    assert [one.p_value for one in whole.patterns] == [one.p_value for one in test.patterns]


class CancelledError(Exception):
    pass


@pytest.mark.parametrize("after", [0, 1, 15, 60])
def test_a_checkpoint_stops_the_work(after):
    left = iter(range(after))

    def checkpoint():
        if next(left, None) is None:
            raise CancelledError

    with pytest.raises(CancelledError):
        assessed(planted(), n_surrogates=19, n_resamples=40, checkpoint=checkpoint)


def test_a_sample_takes_sessions_whole_series_and_windows_as_they_are():
    rng = np.random.default_rng(0)
    series = [rng.integers(0, 50, size=rng.integers(12, 60)) for _ in range(60)]
    log = windowed(series, sessions=np.arange(60) // 2, hop=1)
    log = dataclasses.replace(log, labels=np.arange(len(log)) % 7)
    assert sample_sessions(log, len(log), np.random.default_rng(0)) is log
    sample = sample_sessions(log, 200, np.random.default_rng(0))
    assert 100 < len(sample) <= 200
    windows = {
        (label, window.tobytes()) for label, window in zip(log.labels, log.window_values(), strict=True)
    }
    assert {
        (label, window.tobytes()) for label, window in zip(sample.labels, sample.window_values(), strict=True)
    } <= (windows)
    for first, length, session in zip(sample.first, sample.length, sample.sessions, strict=True):
        same = [series[2 * session], series[2 * session + 1]]
        assert any(np.array_equal(sample.rows[first : first + length, 0], one) for one in same)
    assert (sample.window_row >= sample.first[sample.window_series]).all()
    again = sample_sessions(log, 200, np.random.default_rng(0))
    np.testing.assert_array_equal(sample.window_row, again.window_row)
    assert (np.diff(np.bincount(sample.window_sessions)[np.unique(sample.window_sessions)]) >= -200).all()


@pytest.mark.parametrize("sessions", [1, 3, 200])
def test_a_sample_is_never_larger_than_asked_for(sessions):
    series = [np.arange(400) % 7] * sessions
    log = windowed(series, hop=1)
    for most in (2, 10, 99):
        assert 1 <= len(sample_sessions(log, most, np.random.default_rng(1))) <= most


def test_sessions_are_resampled_and_blocks_where_these_are_few():
    units, note = resampling_groups(windowed([np.arange(40)] * 12, sessions=np.arange(12)))
    np.testing.assert_array_equal(units, np.repeat(np.arange(12), 7))
    assert "12 sessions" in note
    log = windowed([np.arange(100), np.arange(50)])
    units, note = resampling_groups(log)
    assert "7 blocks of 20 actions" in note.replace("8 blocks", "7 blocks")
    for unit in set(units.tolist()):
        of_it = units == unit
        assert len(set(log.window_series[of_it].tolist())) == 1
        rows = log.window_row[of_it]
        assert rows.max() - rows.min() < 20


def test_one_short_session_cannot_be_resampled():
    log = windowed([np.array([0, 1] * 8)], window=10, hop=2)
    found = assessed(dataclasses.replace(log, labels=np.array([0, 0, 1, 1])), n_surrogates=9, n_resamples=5)
    assert np.isnan(found.patterns[0].stability)
    assert any("one session only" in note for note in found.notes)


def test_too_large_a_log_is_tested_in_part_and_says_so():
    found = assessed(planted(), n_surrogates=19, n_resamples=10, most_windows=30)
    assert found.n_windows <= 30
    assert sum(pattern.n_tested for pattern in found.patterns) == found.n_windows
    assert "of the 70 windows" in found.notes[0]


def test_whole_series_are_tested_too():
    rng = np.random.default_rng(2)
    log = windowed([rng.integers(0, 3, size=10 + k) for k in range(20)], window=10, hop=100)
    log = dataclasses.replace(log, window_length=log.length, labels=np.arange(20) % 2)
    found = assessed(log, n_surrogates=9, n_resamples=5)
    assert found.n_windows == 20
    assert all(0 < pattern.p_value <= 1 for pattern in found.patterns)


def test_noise_is_no_pattern():
    log = planted()
    labels = np.where(log.window_series < 5, 0, -1)
    found = assessed(dataclasses.replace(log, labels=labels), n_surrogates=19, n_resamples=10)
    assert [pattern.n_tested for pattern in found.patterns] == [25]
    assert assessed(dataclasses.replace(log, labels=np.full(len(log), -1))).patterns == ()


def test_verdicts_in_words():
    def verdict(n, stability, q):
        nan = (float("nan"),) * 3
        return PatternSignificance(0, n, stability, 0.0, 1.0, nan, 0.5, nan, q, q).verdict

    assert verdict(9, 0.9, 0.01) == ""
    assert verdict(9, 0.9, 0.2) == "may be chance"
    assert verdict(9, 0.5, 0.01) == "does not come again"
    assert verdict(9, 0.5, 0.2) == "may be chance, and does not come again"
    assert verdict(1, 0.9, 0.01) == "too few windows to tell"
    assert verdict(9, float("nan"), float("nan")) == ""


def test_numbers_out_of_range_are_refused():
    with pytest.raises(InputError, match="0 or more"):
        assessed(planted(), n_surrogates=-1)
    with pytest.raises(InputError, match="no window"):
        assessed(windowed([np.arange(3)], window=2).subset(np.array([], dtype=np.int64)))
