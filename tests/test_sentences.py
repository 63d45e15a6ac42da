"""Every sentence and count of tables, figures and listings, held against plain counting on the log."""

import re

import naive_entropy
import numpy as np
import pandas as pd
import pytest
from logs import shared_log
from made import action, rhythms, rules
from naive_page import rows_of, says, whole, words_of
from scipy.spatial.distance import squareform

import gymlab
from gymlab.actions import frame_from_records
from gymlab.workbench import figures, tables
from gymlab.workbench.listings import pattern_listing, principle_listing
from gymlab.workbench.text import decimals, number, short_names

FAST = {"n_surrogates": 0, "n_resamples": 0}
LONG = "a name that is long and says nothing until "
NAMES = [
    "",
    " ",
    "(empty)",
    "other",
    "noise",
    "unknown",
    "nan",
    "None",
    "2 others",
    LONG + "here",
    LONG + "there",
    LONG + "there" + LONG,
    LONG + "thera" + LONG,
    "a b",
    "a  b",
    "a\tb",
    "a\nb",
    "A b",
    "a\u00a0b",
    "caf\u00e9",
    "cafe\u0301",
    "<b>",
    "&lt;b&gt;",
    "$x$",
    "7 more",
    "'a b'",
]


def random_log(agents, actions, *, sessions=3, length=40, seed=0, lengths=None):
    rng = np.random.default_rng(seed)
    return frame_from_records(
        [
            action(
                step,
                actions[int(rng.integers(len(actions)))],
                agent=agent,
                session=f"session {session}",
                decision_context=["start", "later"][int(rng.integers(2))],
            )
            for agent in agents
            for session in range(sessions)
            for step in range(length if lengths is None else int(rng.integers(*lengths)))
        ]
    )


def log_with_rules(n_agents):
    """Many agents that answer to the context, each with more rules than are shown, and one that does not."""
    rng = np.random.default_rng(1)
    records = []
    for agent in range(n_agents):
        for step in range(120):
            k = int(rng.integers(6))
            chosen = k if agent else int(rng.integers(6))
            records.append(action(step, f"does {chosen}", agent=f"agent {agent}", decision_context=f"in {k}"))
    return frame_from_records(records)


AWKWARD = {
    "one agent": (lambda: random_log(["ada"], ["x", "y"], sessions=1), {}),
    "forty agents with rules": (lambda: log_with_rules(40), {"n_clusters": 30}),
    "ties": (lambda: frame_from_records([action(k, "x", agent=a) for a in "abcdefghijklmnopqrstuvwxyz" for k in range(30)]), {}),
    "one pattern": (rhythms, {"n_clusters": 1}),
    "noise alone": (rhythms, {"method": "dbscan", "eps": 0.0, "min_samples": 90}),
    "some noise": (rhythms, {"method": "dbscan", "eps": 0.5, "min_samples": 3}),
    "series of unequal length": (lambda: random_log(["ada", "bob"], list("xyz"), sessions=30, lengths=(1, 90)), {"unit": "series", "n_clusters": 9}),
    "awkward names": (lambda: random_log(NAMES[2:], NAMES[2:], sessions=1, length=30), {"n_clusters": 8}),
    "a sample": (rules, {"strategy": "sampled", "sample_size": 20, "n_clusters": 3, "hop": 3}),
    "no matrix": (rules, {"method": "single", "n_clusters": 3}),
}  # fmt: skip
REAL = {
    "the sample": gymlab.sample_path,
    "tau-bench": lambda: shared_log("tau_bench/actions.jsonl.gz"),
    "the Gym": lambda: shared_log("principles_gym/gym_principles.db"),
}


@pytest.fixture(
    scope="module", params=[*AWKWARD, *(pytest.param(name, marks=pytest.mark.slow) for name in REAL)]
)
def found(request):
    if request.param in REAL:
        log = gymlab.read_actions(REAL[request.param]())
        return gymlab.extract_patterns(log, gymlab.ExtractionConfig(**FAST)), gymlab.study_principles(log)
    make, config = AWKWARD[request.param]
    log = make()
    config = gymlab.ExtractionConfig(**FAST, **{"window": 10, "hop": 5, **config})
    return gymlab.extract_patterns(log, config), gymlab.study_principles(log)


def counted(text, noun):
    """Return the number before a noun, which is singular for one alone."""
    number_, word = re.search(rf"([\d,]+) ({noun.removesuffix('s')}s?)\b", text).groups()
    assert (word == noun) == (whole(number_) != 1) or noun == "series"
    return whole(number_)


def test_the_sentence_about_the_log_counts_what_is_there(found):
    extraction, _ = found
    log, noun = extraction.actions, extraction.windows.noun
    said = words_of(tables.log_sentence(extraction))
    assert counted(said, "actions") == len(log)
    assert counted(said, "agents") == len(set(log["agent_id"]))
    assert counted(said, "sessions") == len(set(log["session_id"]))
    assert counted(said, "patterns") == len(set(extraction.labels) - {-1})
    assert counted(said, noun) == len(extraction.labels)
    covered = np.zeros(len(log), dtype=bool)
    for window in range(len(extraction.windows)):
        covered[extraction.windows.rows(window)] = True
    assert says(re.search(r"\((.*) of the actions\)", said)[1], covered.mean(), 100)
    noise = int((extraction.labels < 0).sum())
    assert (f"{noise:,} {noun if noise != 1 else noun.removesuffix('s')} of noise" in said) == (noise > 0)


def test_a_pattern_is_what_its_row_says(found):
    extraction, _ = found
    log, noun, page = extraction.actions, extraction.windows.noun, tables.patterns(extraction)
    rows = rows_of(page)
    assert len(rows) == min(20, len(extraction.patterns))
    for row in rows:
        windows = np.flatnonzero(extraction.labels == int(row["pattern"]))
        own = log.iloc[sorted({place for window in windows for place in extraction.windows.rows(window)})]
        assert whole(row[noun]) == len(windows)
        assert whole(row["actions"]) == len(own)
        assert whole(row["agents"]) == own["agent_id"].nunique()
        for column, name in (("action_type", "what is done"), ("decision_context", "in what situation")):
            shares = own[column].value_counts(normalize=True)
            parts = re.findall(r"((?:(?<= )[<>] )?[\d.]+ %)(?:, (?=\S)|$)", row[name])
            more = re.search(r", (\d+) more$", row[name])
            assert all(says(part, share, 100) for part, share in zip(parts, shares, strict=False))
            assert len(parts[:3]) + (int(more[1]) if more else 0) == len(shares)
        widths = extraction.quality.silhouettes[windows]
        assert says(
            row["silhouette"], widths[~np.isnan(widths)].mean() if (~np.isnan(widths)).any() else np.nan
        )
    rest = extraction.patterns[20:]
    said = words_of(page)
    assert bool(rest) == ("more pattern" in said)
    if rest:
        assert counted(said, "more patterns") == len(rest)
        assert counted(said, noun) == sum((extraction.labels == one.label).sum() for one in rest)


def test_the_most_typical_is_the_medoid_and_what_is_nearest_to_it(found):
    extraction, _ = found
    for pattern in extraction.patterns:
        listed = extraction.windows_of(pattern.label)
        assert set(listed.index) == set(np.flatnonzero(extraction.labels == pattern.label))
        assert listed.index[0] == pattern.medoid
        assert listed["distance"].iloc[0] == 0
        assert listed["distance"].is_monotonic_increasing
        page = tables.windows(extraction, pattern.label)
        rows = rows_of(page)
        assert int(rows[0]["window"]) == pattern.medoid
        assert all(
            says(row["distance to the medoid"], d) for row, d in zip(rows, listed["distance"], strict=False)
        )
        more = re.search(r"([\d,]+) more", words_of(page))
        assert len(rows) + (whole(more[1]) if more else 0) == pattern.size
        if extraction.distances is not None and extraction.sample is None and pattern.size < 3000:
            square = squareform(extraction.distances)[np.ix_(pattern.members, pattern.members)].astype(float)
            sums = dict(zip(pattern.members, square.sum(axis=0), strict=True))
            assert sums[pattern.medoid] == pytest.approx(min(sums.values()))
            assert listed["distance"].to_numpy() == pytest.approx(
                np.sort(square[list(pattern.members).index(pattern.medoid)])
            )
    noise = extraction.windows_of(-1)
    assert noise.index.tolist() == np.flatnonzero(extraction.labels < 0).tolist()


def situation_of(log, one):
    """Return the rows in a rule's situation; None where it is not told by plain columns."""
    inside = log["agent_id"] == one.subject
    for column, value in one.situation.items():
        if column == "own_last":
            before = log.groupby(["session_id", "agent_id"], sort=False)["action_type"].shift()
            inside &= before == value
        elif column in {"decision_context", "relationship_type"}:
            inside &= log[column].astype(str) == value
        else:
            return None
    return log[inside]


def test_each_agent_with_rules_has_its_best_and_the_others_are_counted(found):
    extraction, study = found
    log, page = extraction.actions, tables.principles(study)
    rows, said = rows_of(page), words_of(page)
    rules_of = {one.sentence.rpartition(": ")[0]: one for one in study.principles}
    # Sentences of names that are long and alike may be alike.
    if len(rules_of) < len(study.principles):
        pytest.skip("two rules have one sentence, so rows cannot be told apart by it")
    shown = [rules_of[row["principle"]] for row in rows]
    by_unit = pd.Series([one.subject for one in shown], dtype=object).value_counts()
    for unit in {one.subject for one in study.principles}:
        general = [one for one in study.principles if one.subject == unit and one.follows_from is None]
        assert min(3, len(general)) <= by_unit.get(unit, 0) <= 5
        worst = max(one.q_value for one in shown if one.subject == unit)
        assert all(one in shown for one in general if one.q_value < worst)
    for row, one in zip(rows, shown, strict=True):
        assert says(row["share"], one.probability, 100)
        assert says(row["q-value"], one.q_value)
        part = situation_of(log, one) if one.policy == 0 else None
        if part is not None:
            assert whole(row["actions"]) == len(part)
            assert says(row["share"], (part["action_type"] == one.action).mean(), 100)
    hidden = [one for one in study.principles if not any(one is other for other in shown)]
    if hidden:
        assert counted(said, "more rules") == len(hidden)
        assert counted(said, "agents") == len({one.subject for one in hidden})
        special = sum(one.follows_from is not None for one in hidden)
        assert (f"{special:,} of them" in said) == (special > 0)
    else:
        assert "more rule" not in said


def test_entropies_are_plain_ones_and_those_left_out_have_no_more(found):
    extraction, _ = found
    log, page = extraction.actions, tables.entropy_of_agents(extraction.actions)
    given = {}
    for agent, own in log.groupby("agent_id", sort=False):
        parts = [part["action_type"].tolist() for _, part in own.groupby("decision_context")]
        given[agent] = sum(len(part) * naive_entropy.entropy_bits(part) for part in parts) / len(own)
    agents = sorted(given, key=lambda agent: -given[agent])
    rows = rows_of(page)
    assert len(rows) == min(20, len(agents))
    assert len({row["agent"] for row in rows}) == len(rows)
    values = sorted(given.values(), reverse=True)
    assert all(says(row["given the situation, bits"], v) for row, v in zip(rows, values, strict=False))
    said = words_of(page)
    assert (said == "") == (len(agents) <= 20)
    if said:
        assert said.startswith(f"20 of {len(agents):,} agents")
        assert values[20] <= values[19] + 1e-12


def note_of(figure):
    return (figure.layout.title.text or "").replace("<br>", " ")


def test_figures_say_how_much_of_what_they_show(found):
    extraction, _ = found
    n, noun, log = len(extraction.patterns), extraction.windows.noun, extraction.actions
    drawn = figures.patterns(extraction)
    members = [trace for trace in drawn.data if trace.type == "heatmap" and list(trace.y) != ["medoid"]]
    assert len(members) == min(6, n)
    assert (f"6 of {n} patterns, the largest" in note_of(drawn)) == (n > 6)
    total, shown = sum(one.size for one in extraction.patterns[:6]), sum(len(trace.z) for trace in members)
    assert (f"{shown:,} of {total:,} {noun}" in note_of(drawn)) == (shown < total)
    medoids = figures.medoids(extraction)
    assert (f"12 of {n} patterns" in note_of(medoids)) == (n > 12)
    if n:
        first = figures.windows_of_pattern(extraction, 0)
        size = extraction.patterns[0].size
        assert (f"{len(first.data[0].z)} of {size:,} {noun}" in note_of(first)) == (size > 60)
        assert first.data[0].y[0].startswith("1. ")
    series = figures.series_of_log(log)
    number_of_series = len(log.groupby(["session_id", "agent_id"]))
    assert (f"40 of {number_of_series:,} series" in note_of(series)) == (number_of_series > 40)
    n_agents = log["agent_id"].nunique()
    assert (f"40 of {n_agents} agents" in note_of(series)) == (n_agents > 40)
    curves = figures.entropy_of_agents(log)
    sizes = log["agent_id"].value_counts()
    window = max(20, int(sizes.median()) // 10)
    enough, few = int((sizes >= window).sum()), int((sizes < window).sum())
    assert (f"8 of {enough} agents" in note_of(curves)) == (enough > 8)
    assert (f"{few} agents with fewer" in note_of(curves).replace("agent ", "agents ")) == (
        few > 0 and enough > 0
    )
    steps = figures.state_distribution(log)
    longest = int(log.groupby(["session_id", "agent_id"]).size().max())
    assert (f"{len(steps.data[0].x)} of {longest} steps" in note_of(steps)) == (
        len(steps.data[0].x) < longest
    )
    widths = figures.silhouettes(extraction)
    if widths.data:
        known = int((~np.isnan(extraction.quality.silhouettes) & (extraction.labels >= 0)).sum())
        bars = sum(len(trace.x) for trace in widths.data)
        assert (f"{bars:,} of {known:,} {noun}" in note_of(widths)) == (bars < known)
        missing = len(extraction.labels) - known
        assert ("without a width" in note_of(widths)) == (missing > 0)


def test_an_action_is_as_wide_on_the_axis_of_the_medoid_as_on_that_of_the_members(found):
    extraction, _ = found
    drawn = figures.patterns(extraction)
    ranges = {tuple(axis.range) for axis in drawn.select_xaxes() if axis.range}
    lengths = extraction.windows.table["length"].to_numpy()
    if drawn.data:
        ((low, high),) = ranges
        assert low == 0.5
        assert high - 0.5 == max(np.shape(t.z)[1] for t in drawn.data if t.type == "heatmap") <= lengths.max()
    for axis in figures.medoids(extraction).select_xaxes():
        assert axis.title.text in {None, f"action of the {noun_of_one(extraction)}"}


def noun_of_one(extraction):
    return {"windows": "window", "series": "series"}[extraction.windows.noun]


def test_no_two_names_are_shown_alike(found):
    extraction, _ = found
    log = extraction.actions
    for figure in (
        figures.state_distribution(log),
        figures.entropy_of_agents(log),
        figures.series_of_log(log),
    ):
        names = [trace.name for trace in figure.data if trace.name]
        assert len(set(names)) == len(names)
    kinds = log["action_type"].nunique()
    entries = [trace.name for trace in figures.state_distribution(log).data]
    if kinds > 8:
        assert entries[-1] == f"{kinds - 7} others"
    ticks = figures.series_of_log(log).layout.yaxis.ticktext
    shown = min(40, len(log.groupby(["session_id", "agent_id"])))
    assert len(ticks) == shown
    if shown == len(log.groupby(["session_id", "agent_id"])):
        assert len(set(ticks)) == log["agent_id"].nunique()


def test_the_terminal_counts_as_the_page_does(found):
    extraction, study = found
    listing = pattern_listing(extraction)
    assert counted(listing.splitlines()[-1], "patterns") == len(extraction.patterns)
    noise = int((extraction.labels < 0).sum())
    assert (" of noise" in listing.splitlines()[-1]) == (noise > 0)
    listed = principle_listing(study)
    assert counted(listed.splitlines()[-1], "principles") == len(study.principles)
    lines = [line for line in listed.splitlines() if "95 % interval" in line]
    more = sum(whole(hit) for hit in re.findall(r"and ([\d,]+) (?:more rules?|principles?)", listed))
    assert len(lines) + more == len(study.principles)


def test_one_name_for_two_things_is_never_shown():
    for limit in (5, 12, 30, 200):
        for taken in ([], ["2 others", "other", "noise"]):
            shown = short_names(NAMES, limit, taken=taken)
            assert list(shown) == NAMES
            assert len({*shown.values(), *taken}) == len(NAMES) + len(taken)
            assert max(map(len, shown.values())) <= limit + 5
            assert all(
                text.isprintable() and text == " ".join(text.split()) and text for text in shown.values()
            )


@pytest.mark.parametrize(
    ("value", "said"),
    [(99.996, "99.996"), (0.9996, "0.9996"), (100.0, "100"), (1.0, "1"), (0.0, "0"), (0.00012, "0.00012"),
     (999.7, "1,000"), (float("nan"), "–"), (-0.25, "−0.25")],
)  # fmt: skip
def test_a_number_is_not_rounded_to_all(value, said):
    assert number(value) == said


@pytest.mark.parametrize(
    "value", [0.0, 1e-9, 0.0004, 0.0049, 0.005, 0.5, 0.994, 0.9951, 0.99999, 1.0, 1.004, -1e-9, -0.9999]
)
def test_decimals_say_nothing_and_all_only_where_it_is(value):
    for places in (2, 3, 4):
        assert says(decimals(value, places), value)
