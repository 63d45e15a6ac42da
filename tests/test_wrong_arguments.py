"""Arguments of the wrong kind are refused in one line by the functions of patterns and principles."""

import asyncio

import numpy as np
import pandas as pd
import pytest
from made import rhythms

import gymlab
from gymlab.errors import InputError
from gymlab.patterns.barycenters import barycenter, describe_barycenter
from gymlab.patterns.soft_dtw import soft_dtw_pairwise
from gymlab.principles.lineage import trace_lineage
from gymlab.principles.lineage_store import store_principles, stored_lineage
from gymlab.principles.policies import find_policies
from gymlab.principles.profiles import response_profiles
from gymlab.principles.shifts import principle_shifts

LOG = rhythms(sessions=2, length=20)
CONFIG = gymlab.ExtractionConfig(window=5, hop=5, n_clusters=2, n_surrogates=0, n_resamples=0)
FOUND = gymlab.extract_patterns(LOG, CONFIG)
ZEROS = np.zeros((3, 4, 1))

# None of these is a path, a frame, a number or a name that any of the arguments below can be.
WRONG = [
    b"x",
    -(10**30),
    -7,
    float("nan"),
    1j,
    {"a": 1},
    {1},
    object(),
    [None],
    np.array(-3),
    np.arange(3),
    pd.DataFrame({"a": [1]}),
    pd.Series([1]),
    np.datetime64("NaT"),
]


async def in_database(work, **arguments):
    async with gymlab.Database("sqlite:///:memory:") as database:
        return await work(**{"database": database, **arguments})


def stored(**arguments):
    asyncio.run(in_database(store_principles, **{"rules": [], "run_id": "r", "source": "s", **arguments}))


CALLS = {
    "the actions of an extraction": gymlab.extract_patterns,
    "its configuration": lambda wrong: gymlab.extract_patterns(LOG, wrong),
    "its progress": lambda wrong: gymlab.extract_patterns(LOG, CONFIG, progress=wrong),
    "actions beside a loop": lambda wrong: asyncio.run(gymlab.extract_patterns_async(wrong)),
    "a configuration beside a loop": lambda wrong: asyncio.run(gymlab.extract_patterns_async(LOG, wrong)),
    "progress beside a loop": lambda wrong: asyncio.run(gymlab.extract_patterns_async(LOG, CONFIG, wrong)),
    "a window": FOUND.actions_of_window,
    "a pattern's actions": FOUND.actions_of,
    "a pattern's windows": FOUND.windows_of,
    "a pattern's barycentre": FOUND.barycenter,
    "actions to place": FOUND.assign,
    "a number of patterns": lambda wrong: FOUND.cut(n_clusters=wrong),
    "a height": lambda wrong: FOUND.cut(height=wrong),
    "a folder to load": gymlab.load_extraction,
    "a folder to write": FOUND.save,
    "actions with rules": gymlab.infer_principles,
    "whose rules": lambda wrong: gymlab.infer_principles(LOG, by=wrong),
    "an extraction": lambda wrong: gymlab.infer_principles(LOG, by="cluster", extraction=wrong),
    "a rate": lambda wrong: gymlab.infer_principles(LOG, q=wrong),
    "a seed": lambda wrong: gymlab.infer_principles(LOG, seed=wrong),
    "actions to study": gymlab.study_principles,
    "whom to study": lambda wrong: gymlab.study_principles(LOG, by=wrong),
    "groups": lambda wrong: gymlab.study_principles(LOG, n_clusters=wrong),
    "a study's seed": lambda wrong: gymlab.study_principles(LOG, seed=wrong),
    "the first log": lambda wrong: gymlab.compare_logs(wrong, LOG),
    "the second log": lambda wrong: gymlab.compare_logs(LOG, wrong),
    "a comparison's configuration": lambda wrong: gymlab.compare_logs(LOG, LOG, wrong),
    "whose comparison": lambda wrong: gymlab.compare_logs(LOG, LOG, CONFIG, by=wrong),
    "a shift's log": lambda wrong: principle_shifts(wrong, LOG),
    "iterations": lambda wrong: barycenter(ZEROS, max_iter=wrong),
    "a barycentre's seed": lambda wrong: barycenter(ZEROS, seed=wrong),
    "a barycentre": lambda wrong: describe_barycenter(wrong, FOUND.encoding),
    "an encoding": lambda wrong: describe_barycenter(barycenter(ZEROS), wrong),
    "gamma": lambda wrong: soft_dtw_pairwise(ZEROS, gamma=wrong),
    "a log of policies": find_policies,
    "a level": lambda wrong: find_policies(LOG, level=wrong),
    "the least of a policy": lambda wrong: find_policies(LOG, least=wrong),
    "permutations": lambda wrong: find_policies(LOG, n_permutations=wrong),
    "the seed of policies": lambda wrong: find_policies(LOG, seed=wrong),
    "a log of profiles": response_profiles,
    "subjects": lambda wrong: response_profiles(LOG, wrong),
    "a prior": lambda wrong: response_profiles(LOG, prior=wrong),
    "features": lambda wrong: response_profiles(LOG, max_features=wrong),
    "clusters of profiles": response_profiles(LOG).cluster,
    "a database": lambda wrong: stored(database=wrong),
    "rules": lambda wrong: stored(rules=wrong),
    "a run": lambda wrong: stored(run_id=wrong),
    "a source": lambda wrong: stored(source=wrong),
    "a moment": lambda wrong: stored(created_at=wrong),
    "a source of lineage": lambda wrong: asyncio.run(in_database(stored_lineage, source=wrong)),
    "earlier rules": lambda wrong: trace_lineage(wrong, []),
    "current rules": lambda wrong: trace_lineage([], wrong),
}


@pytest.mark.parametrize("argument", CALLS)
def test_an_argument_of_the_wrong_kind_is_refused_in_one_line(argument):
    for wrong in WRONG:
        with pytest.raises(InputError) as refused:
            CALLS[argument](wrong)
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("index", [True, 0.0, "0", None, [0]])
def test_what_only_looks_like_a_number_is_none(index):
    for call in (FOUND.actions_of_window, FOUND.actions_of, FOUND.windows_of):
        with pytest.raises(InputError, match="there is no"):
            call(index)
    assert FOUND.actions_of_window(np.int64(0)).equals(FOUND.actions_of_window(0))
