"""The parameters of an extraction. They are checked when the configuration is made."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from gymlab.actions.channels import Channel, checked_channel
from gymlab.actions.windows import Unit
from gymlab.arguments import finite_number, instance, one_of, shown, whole_number
from gymlab.clustering import LINKAGES, Linkage
from gymlab.distance.series import checked_radius
from gymlab.errors import InputError

Strategy = Literal["auto", "exact", "selective", "sampled", "baseline"]

ClusteringMethod = Literal[Linkage, "dbscan", "hdbscan", "kmedoids"]

Distance = Literal["dtw", "soft-dtw"]

# These methods find the number of patterns themselves. Windows in no pattern are noise, with label −1.
DENSITY_METHODS: tuple[ClusteringMethod, ...] = ("dbscan", "hdbscan")


@dataclass(frozen=True)
class ExtractionConfig:
    """How patterns are extracted.

    Attributes
    ----------
    window, hop
        Length of a window, and the distance from the start of one window to the start of the next, in actions.
    radius
        Sakoe-Chiba radius in cells; None for no band.
    distance
        ``dtw``; or ``soft-dtw``: the divergence of :func:`gymlab.patterns.soft_dtw.soft_dtw_pairwise` with a gamma
        of 1, in squared units. ``soft-dtw`` works for the exact clustering of at most 1,500 windows.
    channels
        ``"auto"``, or a sequence of channels. A channel is a name, a :class:`gymlab.Channel`, or a mapping with a
        name and the values to change: ``{"column": "impact", "weight": 2}``.
    strategy
        - ``exact``: compute DTW for every pair, in one matrix.
        - ``sampled``: cluster ``sample_size`` random windows exactly, and give each other window the pattern of its
          nearest representative. The notes say how well the labels are expected to agree with those of ``exact``.
        - ``selective``: compute DTW for the ``top_fraction`` of the pairs with the smallest Euclidean distance. For the
          other pairs, take the Euclidean distance, an upper bound of DTW. The optimization document proposes this
          approximation.
        - ``baseline``: the algorithm that the optimization document calls current, for comparison on small logs.
        - ``auto``: ``exact`` if memory and time allow it. Otherwise ``single`` and ``hdbscan`` stream the distances and
          ``dbscan`` computes the pairs within ``eps`` only, with the same labels as the full matrix. With every other
          method, ``sampled`` is used. The notes name the strategy that ran, and the reason.
    top_fraction
        For ``selective``: the share of pairs for which DTW is computed, above 0 and at most 1.
    sample_size
        For ``sampled``: the number of windows; None for as many as memory and time allow, at most 10,000.
    method
        A linkage (``ward``, ``average``, ``complete``, ``single``, ``weighted``), ``kmedoids`` (FasterPAM), or a
        density method (``dbscan``, ``hdbscan``). A density method gives windows in no pattern the label −1: noise.
        The default is ``ward``. Its update is the variance criterion for Euclidean distances, but not for DTW
        distances. Still, it separated logs of known strategies best: adjusted Rand index 0.67, complete linkage 0.48,
        average linkage 0.21.
    n_clusters
        Number of patterns, or ``"auto"``: the number from 2 to 20 with the largest average silhouette width.
        Density methods find the number themselves.
    cut_height
        The distance at which the tree of a linkage is cut; None to cut it into ``n_clusters`` patterns.
    eps
        For ``dbscan``: windows within this distance are neighbours; None for a distance that the log suggests.
    min_samples
        For density methods: the neighbourhood of a window is dense if it holds at least this many windows, the window
        itself included. For ``hdbscan`` also the smallest size of a pattern.
    unit
        ``window``, ``series`` (whole series of unequal length), or ``auto``: windows if most actions are in series
        that are long enough for a window, series otherwise.
    n_surrogates
        Number of surrogate logs that the patterns are tested against; 0 for no test. The smallest possible p-value
        is 1 / (1 + ``n_surrogates``).
    n_resamples
        Number of resamples of the sessions, which measure the stability of the patterns; 0 for no measurement.
    seed
        Seed of all random draws: samples, surrogates, resamples, the start of ``kmedoids``, the KMeans of ``baseline``.
    n_threads
        Number of threads; None for every processor.

    Raises
    ------
    InputError
        If a value is out of range, or two values contradict each other. The message names them and says what to give.

    Examples
    --------
    >>> ExtractionConfig(window=30).hop
    10
    """

    window: int = 20
    hop: int = 10
    radius: int | None = None
    distance: Distance = "dtw"
    channels: str | Sequence[str | Channel | Mapping[str, Any]] = "auto"
    strategy: Strategy = "auto"
    top_fraction: float = 0.2
    method: ClusteringMethod = "ward"
    n_clusters: int | Literal["auto"] = "auto"
    eps: float | None = None
    min_samples: int = 5
    sample_size: int | None = None
    cut_height: float | None = None
    unit: Unit = "auto"
    n_surrogates: int = 199
    n_resamples: int = 100
    seed: int = 0
    n_threads: int | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        whole_number("window", self.window, least=1)
        whole_number("hop", self.hop, least=1)
        checked_radius(self.radius)
        one_of("distance", self.distance, get_args(Distance))
        one_of("strategy", self.strategy, get_args(Strategy))
        one_of("method", self.method, get_args(ClusteringMethod))
        one_of("unit", self.unit, get_args(Unit))
        if not isinstance(self.channels, str):
            object.__setattr__(self, "channels", _channels(self.channels))
        elif self.channels != "auto":
            raise InputError(
                f"channels is {shown(self.channels)}; give 'auto' or a sequence of names or channels"
            )
        if not isinstance(self.n_clusters, str) or self.n_clusters != "auto":
            whole_number("n_clusters", self.n_clusters, least=1, instead=", or 'auto'")
        whole_number("n_surrogates", self.n_surrogates, least=0)
        whole_number("n_resamples", self.n_resamples, least=0)
        whole_number("seed", self.seed, least=0, most=2**32 - 1)
        if self.n_threads is not None:
            whole_number("n_threads", self.n_threads, least=1, instead=", or None for every processor")
        finite_number("top_fraction", self.top_fraction, above=0, most=1, noun="a share")
        for name in ("cut_height", "eps"):
            if getattr(self, name) is not None:
                finite_number(name, getattr(self, name), least=0, noun="a distance", instead=", or None")
        whole_number("min_samples", self.min_samples, least=2)
        if self.sample_size is not None:
            whole_number("sample_size", self.sample_size, least=2, instead=", or None")
        for sentence in _clashes(self):
            raise InputError(sentence)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON-serialisable values."""
        return {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in asdict(self).items()
        }


def checked_config(config: ExtractionConfig | None) -> ExtractionConfig:
    """Check an argument that has to be a configuration, and return it; return the defaults for None.

    Raises
    ------
    InputError
        If it is something else.
    """
    if config is None:
        return ExtractionConfig()
    instance("config", config, ExtractionConfig, "an ExtractionConfig")
    return config


def _clashes(config: ExtractionConfig) -> Iterator[str]:  # noqa: C901, PLR0912 - a sentence for each clash
    """Give a sentence for each pair of values that contradict each other."""
    method, strategy = config.method, config.strategy
    density, tree = method in DENSITY_METHODS, method in LINKAGES
    fixed, size = config.n_clusters != "auto", config.sample_size
    if config.distance == "soft-dtw":
        if strategy not in {"auto", "exact"}:
            yield f"distance 'soft-dtw' needs all pairs, and strategy {strategy!r} does not compute them; choose 'exact'"
        if config.radius is not None:
            yield "distance 'soft-dtw' uses every warping path and has no band; leave radius out"
    if config.cut_height is not None:
        if fixed:
            yield "give n_clusters or cut_height, not both"
        if not tree:
            yield f"cut_height cuts a tree, and method {method!r} builds none; choose a linkage ({', '.join(LINKAGES)})"
        if strategy == "baseline":
            yield "cut_height cuts a tree, and strategy 'baseline' builds none; give n_clusters"
    if config.eps is not None and method != "dbscan":
        yield f"eps is for method 'dbscan', and method is {method!r}; leave it out"
    if fixed and density:
        yield f"method {method!r} finds the number of patterns itself; leave n_clusters 'auto' or choose a linkage"
    if strategy == "baseline" and not tree:
        yield f"strategy 'baseline' clusters by KMeans, not by {method!r}; choose strategy 'auto' or 'exact'"
    if strategy == "sampled" and density:
        yield f"a sample is less dense than the log, so {method!r} cannot use one; choose strategy 'auto'"
    if size is not None:
        if strategy not in {"auto", "sampled"}:
            yield f"sample_size is for strategy 'sampled', and strategy is {strategy!r}; leave it out"
        if density:
            yield f"sample_size is for a linkage or 'kmedoids', and method is {method!r}; leave it out"
        if fixed and int(config.n_clusters) > size:
            yield f"n_clusters is {config.n_clusters}, more than the sample_size of {size}"


def _channels(value: object) -> tuple[str | Channel, ...]:
    """Return the names, and the channels that objects and mappings describe."""
    known = (str, Channel, Mapping)
    if not isinstance(value, Sequence) or not all(isinstance(one, known) for one in value):
        raise InputError(f"channels is {shown(value)}; give 'auto' or a sequence of names or channels")
    return tuple(one if isinstance(one, str) else checked_channel(one) for one in value)
