"""Whether sessions and caches leave anything behind."""

from dataclasses import dataclass

from gymlab.runtime.memory import measure_in_fresh_process
from gymlab.workbench.claims import Claim, judge
from gymlab.workbench.probes.storage import open_and_close

_ROUNDS, _SESSIONS = 8, 300
# Allocators keep some freed memory; a leak of a session or a cache a cycle would be many times this.
_GROWTH_ALLOWED = 0.03


@dataclass(frozen=True)
class LeakRun:
    """The claim ``no_leaks``."""

    claims: tuple[Claim, ...]


def measure_leaks() -> LeakRun:
    """Open and close thousands of sessions and caches in a process of their own, and count what is left."""
    rounds = measure_in_fresh_process(open_and_close, _ROUNDS, _SESSIONS).value
    first, later = rounds[1], rounds[2:]  # the first round loads what is loaded once
    left = [
        sum(max(0.0, one[name] - first[name]) for name in ("handles", "threads")) + one["connections"]
        for one in later
    ]
    growth = later[-1]["resident"] / first["resident"] - 1
    claim = judge(
        "no_leaks",
        left,
        f"{_ROUNDS * _SESSIONS:,} sessions of {_ROUNDS} databases and {_ROUNDS * _SESSIONS:,} caches: "
        f"{first['handles']:.0f} handles and {first['threads']:.0f} threads after the second round, "
        f"{later[-1]['handles']:.0f} and {later[-1]['threads']:.0f} after the last; resident memory {growth:+.1%}",
        also=growth <= _GROWTH_ALLOWED,
    )
    return LeakRun((claim,))
