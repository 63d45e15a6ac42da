"""Results that hold arrays or frames are equal to themselves alone, and can be keys."""

import dataclasses
import inspect
import pkgutil
from importlib import import_module
from typing import get_args, get_origin, get_type_hints

import numpy as np
import pandas as pd
import pytest
from made import rhythms
from scipy.sparse import csr_array

import gymlab
from gymlab.clustering import kmedoids
from gymlab.distance import dtw_neighbors
from gymlab.patterns.barycenters import barycenter

CONFIG = gymlab.ExtractionConfig(window=5, hop=5, n_clusters=2, n_surrogates=9, n_resamples=2)


def results():
    log = rhythms(sessions=2, length=20)
    extraction = gymlab.extract_patterns(log, CONFIG)
    study = gymlab.study_principles(log)
    distances = np.array([1, 2, 9, 1, 9, 9], dtype=np.float32)
    return {
        "extraction": extraction,
        "windows": extraction.windows,
        "quality": extraction.quality,
        "pattern": extraction.patterns[0],
        "placement": extraction.own_placement,
        "assignment": extraction.assign(log),
        "barycentre": barycenter(np.zeros((2, 3, 1))),
        "study": study,
        "profiles": study.profiles,
        "comparison": gymlab.compare_logs(log, log, CONFIG),
        "k-medoids": kmedoids(distances, 2),
        "graph": dtw_neighbors(np.zeros((3, 4, 1)), k=1),
    }


@pytest.fixture(scope="module")
def twice():
    return results(), results()


@pytest.mark.parametrize(
    "name",
    [
        "extraction",
        "windows",
        "quality",
        "pattern",
        "placement",
        "assignment",
        "barycentre",
        "study",
        "profiles",
        "comparison",
        "k-medoids",
        "graph",
    ],
)
def test_a_result_is_equal_to_itself_alone(twice, name):
    one, other = (each[name] for each in twice)
    copy = dataclasses.replace(one)
    assert one == one  # noqa: PLR0124 - it is what is asked
    assert one != other
    assert one != copy
    assert one in [other, one]
    assert {one: "kept"}[one] == "kept"
    assert len({one, other, copy}) == 3


def parts(kind):
    yield get_origin(kind) or kind
    for one in get_args(kind):
        yield from parts(one) if not isinstance(one, list) else ()


def test_every_dataclass_with_an_array_or_frame_compares_by_identity():
    found = [
        kind
        for module in pkgutil.walk_packages(gymlab.__path__, "gymlab.")
        if not module.name.endswith("__main__")
        for kind in vars(import_module(module.name)).values()
        if inspect.isclass(kind) and dataclasses.is_dataclass(kind) and kind.__module__ == module.name
    ]
    arrays = {np.ndarray, pd.DataFrame, pd.Series, csr_array}
    for kind in found:
        try:
            hints = get_type_hints(kind).values()
        except NameError:  # a name that is imported for type checkers alone
            continue
        if any(part in arrays for hint in hints for part in parts(hint) if inspect.isclass(part)):
            assert kind.__eq__ is object.__eq__, f"{kind.__module__}.{kind.__name__}"


def test_every_result_can_be_a_key():
    """What a result is made of holds dictionaries, which have no hash of their own."""
    log = rhythms()
    extraction = gymlab.extract_patterns(log, CONFIG)
    study = gymlab.study_principles(log)
    comparison = gymlab.compare_logs(log, log, CONFIG)
    placed = extraction.assign(log)
    found = [
        *(extraction, extraction.stats, extraction.quality, extraction.significance, *extraction.patterns),
        *(study, *study.principles, comparison, *comparison.patterns, *comparison.principles),
        *(placed, placed.drift),
    ]
    assert len(study.principles) > 0
    assert len({hash(one) for one in found}) > 1
    assert study.principles[0] in set(study.principles)
