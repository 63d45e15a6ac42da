"""The parameters of an extraction, checked when they are made."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

from gymlab.actions.channels import Channel
from gymlab.actions.windows import Unit
from gymlab.distance.series import checked_radius
from gymlab.errors import InputError

Strategy = Literal["auto", "exact", "selective", "baseline"]
Method = Literal["ward", "average", "complete", "single", "weighted"]


@dataclass(frozen=True)
class ExtractionConfig:
    """How patterns are extracted.

    Attributes
    ----------
    window, hop
        Length of a window, and from one to the next, in actions.
    radius
        Sakoe-Chiba radius in cells; None for no band.
    channels
        ``"auto"``, or names of channels or :class:`gymlab.Channel` objects.
    strategy
        ``exact``: DTW of every pair. ``selective``: the document's approximation, DTW for the ``top_fraction`` of
        pairs closest by Euclidean distance, the others filled with that (which is an upper bound of DTW).
        ``baseline``: the algorithm that the document calls current, for comparison on small logs. ``auto``:
        ``exact`` if its memory is there, else a refusal that names what to change.
    top_fraction
        For ``selective``: the share of pairs that get DTW, above 0 and at most 1.
    method
        Linkage. Ward's update on DTW distances is not the variance criterion that it is on Euclidean ones, yet on
        logs of known strategies it separated best (adjusted Rand index 0.67, against 0.48 for complete and 0.21
        for average linkage), so it is the default.
    n_clusters
        Number of patterns, or ``"auto"``: the number from 2 to 20 with the largest average silhouette width.
    cut_height
        Cut the tree at this distance instead, when given.
    unit
        ``window``, ``series`` (whole series of unequal length), or ``auto``: windows when they cover most actions.
    seed
        For what draws at random (the baseline's KMeans).
    n_threads
        None for every processor.

    Raises
    ------
    InputError
        If a value is out of range; the message names the field and what it may be.

    Examples
    --------
    >>> ExtractionConfig(window=30).hop
    10
    """

    window: int = 20
    hop: int = 10
    radius: int | None = None
    channels: str | Sequence[str | Channel] = "auto"
    strategy: Strategy = "auto"
    top_fraction: float = 0.2
    method: Method = "ward"
    n_clusters: int | Literal["auto"] = "auto"
    cut_height: float | None = None
    unit: Unit = "auto"
    seed: int = 0
    n_threads: int | None = None

    def __post_init__(self) -> None:
        """Check every field."""
        _whole_number("window", self.window, least=1)
        _whole_number("hop", self.hop, least=1)
        checked_radius(self.radius)
        _one_of("strategy", self.strategy, get_args(Strategy))
        _one_of("method", self.method, get_args(Method))
        _one_of("unit", self.unit, get_args(Unit))
        if self.channels != "auto" and not _is_channels(self.channels):
            raise InputError(f"channels is {self.channels!r}; give 'auto' or a sequence of names or channels")
        if self.n_clusters != "auto":
            _whole_number("n_clusters", self.n_clusters, least=1, instead=", or 'auto'")
        _whole_number("seed", self.seed, least=0)
        if self.seed >= 2**32:
            raise InputError(f"seed is {self.seed!r}; give less than 2**32")
        if self.n_threads is not None:
            _whole_number("n_threads", self.n_threads, least=1, instead=", or None for every processor")
        if not _is_number(self.top_fraction) or not 0 < self.top_fraction <= 1:
            raise InputError(f"top_fraction is {self.top_fraction!r}; give a share above 0 and at most 1")
        if self.cut_height is not None and (not _is_number(self.cut_height) or not self.cut_height >= 0):
            raise InputError(f"cut_height is {self.cut_height!r}; give a distance of 0 or more, or None")
        if self.cut_height is not None and self.n_clusters != "auto":
            raise InputError("give n_clusters or cut_height, not both")

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, JSON-able."""
        fields = {
            name: value.item() if isinstance(value, np.generic) else value
            for name, value in asdict(self).items()
        }
        if not isinstance(self.channels, str):
            fields["channels"] = [c if isinstance(c, str) else asdict(c) for c in self.channels]
        return fields


def _is_channels(value: object) -> bool:
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and all(isinstance(channel, (str, Channel)) for channel in value)
    )


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _whole_number(name: str, value: object, *, least: int, instead: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise InputError(f"{name} is {value!r}; give a whole number of {least} or more{instead}")


def _one_of(name: str, value: object, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InputError(f"{name} is {value!r}; give one of {', '.join(known)}")
