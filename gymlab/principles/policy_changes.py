"""The times at which a subject changed its policy, by binary segmentation.

A change counts if the choices given a situation change, and no other column explains the change. An agent has not
changed its policy if, from some day on, it meets another counterpart or other situations.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, combinations, pairwise

import numpy as np
from scipy.stats import chi2

from gymlab.principles.change_points import (
    Change,
    find_change,
    find_change_in_each,
    likelihood_ratios,
)
from gymlab.principles.choices import Choices, side_counts
from gymlab.principles.inflation import variance_inflation
from gymlab.principles.situations import Codes

# Policies count as equal if the total variation between their shares is smaller than this.
LEAST_DIFFERENCE = 0.1
# Smaller differences between shares are not reported.
LEAST_TOLD = 0.05
# Shares are not compared in a situation with fewer actions than this.
LEAST_MET = 5
# A segment is divided at most this often, so there are at most eight segments. A subject with more
# segments has no policies; its choices depend on something that no column shows.
_MOST_DEPTH = 3
# A column that fixes the own last choice explains a change only if the two sides overlap at least this much in it.
_LEAST_OVERLAP = 0.2


@dataclass(frozen=True)
class ChangeSearch:
    """The parameters of the search for changes.

    Attributes
    ----------
    level
        The level of each test; it is divided by the number of columns (Bonferroni).
    least
        The smallest number of actions in a segment.
    n_permutations, seed
        The number of permutations of each test, and their seed.
    """

    level: float
    least: int
    n_permutations: int
    seed: int

    def places(self, choices: Choices) -> list[tuple[tuple[int, int], Codes]]:
        """Return the stretches in which a policy may change: begin and end, and the possible places of a change."""
        edges = [0, *(np.flatnonzero(np.diff(choices.stretch)) + 1), len(choices.choice)]
        found = []
        for begin, end in pairwise(edges):
            places = np.arange(begin + self.least, end - self.least + 1)
            places = places[choices.later[places]]
            if len(places):
                found.append(((int(begin), int(end)), places))
        return found

    def change(self, choices: Choices, situation: Codes, at: int) -> Change:
        """Return the change of the choices given a situation at a place."""
        return find_change(
            situation,
            choices.choice,
            choices.follows,
            places=(self.least, len(choices.choice) - self.least),
            at=at,
            n_permutations=self.n_permutations,
            seed=self.seed,
        )


def find_changes(choices: Choices, search: ChangeSearch) -> dict[int, str]:
    """Return the places of the changes that count, in the order of time, each with the column that shows it best."""
    found: dict[int, str] = {}
    open_segments = [(0, len(choices.choice), 0)]
    while open_segments:
        begin, end, depth = open_segments.pop()
        if depth == _MOST_DEPTH:
            continue
        for first, place, last, column in _best_in_stretches(choices.at(slice(begin, end)), search):
            found[begin + place] = column
            open_segments += [
                (begin + first, begin + place, depth + 1),
                (begin + place, begin + last, depth + 1),
            ]
    return dict(sorted(found.items()))


def _best_in_stretches(choices: Choices, search: ChangeSearch) -> Iterator[tuple[int, int, int, str]]:
    """Yield the stretches with a change that counts: begin, place of the change, end, and its best column."""
    stretches = search.places(choices)
    if not stretches:
        return
    bounds, places = zip(*stretches, strict=True)
    changes = {
        name: find_change_in_each(
            codes,
            choices.choice,
            choices.follows,
            places,
            bounds,
            n_permutations=search.n_permutations,
            seed=search.seed,
        )
        for name, codes in choices.columns.items()
    }
    for number, (begin, end) in enumerate(bounds):
        part = choices.at(slice(begin, end))
        own = {name: found[number] for name, found in changes.items()}
        for name, change in sorted(own.items(), key=lambda one: -one[1].excess):
            if (
                change.p_value <= search.level / len(changes)
                and _differs(part.columns[name], part.choice, change.place - begin)
                and not _explained(choices, name, (begin, change.place, end), search)
            ):
                yield begin, change.place, end, name
                break


def _explained(choices: Choices, name: str, where: tuple[int, int, int], search: ChangeSearch) -> bool:
    """Return whether one or two other columns explain the change: given them, it disappears.

    Two columns are needed for a rule such as win-stay lose-shift, which no single column shows.

    Parameters
    ----------
    choices, name, search
        The choices, the column of the change, and the parameters of the search.
    where
        The begin of the stretch, the place of the change, and the end of the stretch.
    """
    begin, place, end = where
    part = choices.at(slice(begin, end))
    rivals = {other: codes for other, codes in (choices.external | choices.internal).items() if other != name}
    for others in chain(combinations(rivals, 1), combinations(rivals, 2)):
        joint = choices.columns[name]
        for other in others:
            both = np.where(joint < 0, -1, joint * (rivals[other].max() + 2) + rivals[other] + 1)
            joint = np.unique(both, return_inverse=True)[1].astype(np.int64) - int((both < 0).any())
        if (
            choices.internal.keys() & set(others)
            and _overlap(joint[begin:end], place - begin) < _LEAST_OVERLAP
        ):
            # The order of the sessions is unknown, and the agent switches to another choice for good in one session.
            # An agent that depends on its last choice would do the same.
            if end - begin < len(choices.choice):
                return True
            continue
        if search.change(part, joint[begin:end], place - begin).p_value > search.level:
            return True
    return False


def _overlap(situation: Codes, place: int) -> float:
    """Return the share of the shorter side's actions whose situations occur as often on the other side."""
    left, right = side_counts(situation, np.zeros_like(situation), place)
    return float(np.minimum(left, right).sum() / max(1, min(left.sum(), right.sum())))


def difference(situation: Codes, choice: Codes, place: int) -> float:
    """Return the total variation between the shares on the two sides, 0 to 1: the average over their common situations.

    Examples
    --------
    >>> difference(np.zeros(4, dtype=np.int64), np.array([0, 0, 0, 1]), 2)
    0.5
    """
    left, right = side_counts(situation, choice, place)
    n_left, n_right = left.sum(axis=1), right.sum(axis=1)
    weight = np.minimum(n_left, n_right)
    if not weight.any():
        return 0.0
    apart = np.abs(left / np.maximum(n_left, 1)[:, None] - right / np.maximum(n_right, 1)[:, None]).sum(
        axis=1
    )
    return float((weight * apart).sum() / (2 * weight.sum()))


def _differs(situation: Codes, choice: Codes, place: int) -> bool:
    """Return whether the shares on the two sides differ enough to be reported, on average and in one situation."""
    left, right = side_counts(situation, choice, place)
    met = np.minimum(left.sum(axis=1), right.sum(axis=1)) >= LEAST_MET
    shares = (side[met] / side[met].sum(axis=1, keepdims=True) for side in (left, right))
    told = float(np.abs(np.subtract(*shares)).max(initial=0.0)) >= LEAST_TOLD
    return told and difference(situation, choice, place) >= LEAST_DIFFERENCE


def number_policies(choices: Choices, changes: dict[int, str], level: float) -> list[tuple[int, int, int]]:
    """Return the begin, end and policy of each segment. Segments that do not differ get the same policy.

    Segments are compared in the columns of the changes: by the deflated likelihood ratio against chi-square, and by the
    total variation. All stretches without a change have the same policy, since no difference is known.
    """
    borders = [0, *(np.flatnonzero(np.diff(choices.stretch)) + 1), len(choices.choice)]
    changed = [any(begin < place < end for place in changes) for begin, end in pairwise(borders)]
    edges = sorted({*borders, *changes})
    columns = sorted(set(changes.values()))
    stretch_of_segment = np.searchsorted(borders, edges[:-1], side="right") - 1
    steady = [i for i, stretch in enumerate(stretch_of_segment) if not changed[stretch]]
    groups = [steady] if steady else []
    groups += [[i] for i, stretch in enumerate(stretch_of_segment) if changed[stretch]]
    members: list[Codes] = []
    numbers: dict[int, int] = {}
    for group in sorted(groups):
        rows = np.concatenate([np.arange(edges[i], edges[i + 1]) for i in group])
        same = [i for i, old in enumerate(members) if _is_same_policy(choices, columns, old, rows, level)]
        number = same[0] if same else len(members)
        if same:
            members[number] = np.sort(np.concatenate([members[number], rows]))
        else:
            members.append(rows)
        numbers |= dict.fromkeys(group, number)
    segments: list[tuple[int, int, int]] = []
    for i, (begin, end) in enumerate(pairwise(edges)):
        goes_on = bool(segments) and segments[-1][2] == numbers[i]
        segments.append((segments.pop()[0] if goes_on else begin, end, numbers[i]))
    return segments


def _is_same_policy(choices: Choices, columns: list[str], old: Codes, new: Codes, level: float) -> bool:
    both, place = choices.at(np.concatenate([old, new])), len(old)
    for name in columns:
        situation = both.columns[name]
        if _differs(situation, both.choice, place):
            inflation = variance_inflation(situation, both.choice, both.follows, place)
            if difference_p_value(situation, both.choice, place, inflation) <= level / len(columns):
                return False
    return True


def difference_p_value(situation: Codes, choice: Codes, place: int, inflation: float) -> float:
    """Return the p-value of the deflated likelihood ratio at a place, against chi-square."""
    ratio = float(likelihood_ratios(situation, choice)[place]) / inflation
    return float(chi2.sf(ratio, degrees_of_freedom(situation, choice, place)))


def degrees_of_freedom(situation: Codes, choice: Codes, place: int) -> int:
    """Return the degrees of freedom of the ratio at a place: the sum of choices − 1 over the common situations."""
    left, right = side_counts(situation, choice, place)
    both = (left.sum(axis=1) > 0) & (right.sum(axis=1) > 0)
    n_chosen = ((left + right) > 0).sum(axis=1)
    return max(1, int((n_chosen - 1)[both].sum()))
