"""The use of the caches, for the alert on their hit rate."""

import itertools

from gymlab.clustering import LINKAGES, build_tree, cached_pairwise, cut_tree
from gymlab.patterns.pipeline import extract_patterns
from gymlab.patterns.result import Extraction
from gymlab.runtime.alerts import Measurement
from gymlab.runtime.cache_manager import cache_manager
from gymlab.workbench.measure.sublog import dense_config, first_windows, require_measurable

_WINDOWS = 40
_NUMBERS = range(2, 22)


def measure_cache(extraction: Extraction, *, seed: int = 0) -> Measurement:
    """Return the share of hits among all look-ups of this process's caches, after the work for which they exist.

    A report asks the caches a few times, nearly always for distances that nobody has computed before. So a few windows
    of the log are clustered by every linkage into 2 to 21 patterns, as somebody does who looks for parameters. Only
    the first of these clusterings has to compute distances. The rate is lower if the keys of equal windows differ, or
    if values are evicted, for example because the memory of the machine is full.

    Call it before :func:`measure_speed`, which empties the cache before each timing.

    Parameters
    ----------
    extraction, seed
        As for :func:`measure_speed`.

    Returns
    -------
    Measurement
        In percent. The look-ups of this process so far count, too.
    """
    require_measurable(extraction, seed)
    part = extract_patterns(first_windows(extraction, _WINDOWS, seed), dense_config(extraction))
    weights, radius = part.encoding.mismatch_weights, part.config.radius
    if len(part.windows) >= _NUMBERS.stop:
        for linkage, number in itertools.product(LINKAGES, _NUMBERS):
            distances = cached_pairwise(part.windows.values, radius=radius, mismatch_weights=weights)
            cut_tree(build_tree(distances, linkage), n_clusters=number)
    total = cache_manager().total()
    return Measurement(100 * total.hit_rate, total.hits + total.misses)
