"""When a subject changed its policy, by binary segmentation of its time.

A change counts where the choices given a situation change, and no other column explains the change: an agent that
meets another counterpart, or other situations, from some day on has not changed its mind.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
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

# Policies whose shares differ by less in total variation are the same in practice.
LEAST_DIFFERENCE = 0.1
# Smaller differences between shares are not worth a word.
LEAST_TOLD = 0.05
# Fewer actions in a situation say nothing of the shares there.
LEAST_MET = 5
# A subject with more than eight segments has no policies, but follows something that no column shows.
_MOST_DEPTH = 3
# A column that gives away the own last choice explains a change only if the two sides overlap at least this much in it.
_LEAST_OVERLAP = 0.2


@dataclass(frozen=True)
class PolicyChange:
    """A change that counts: the column in which it is clearest, and its place in the subject's time."""

    column: str
    change: Change


@dataclass(frozen=True)
class ChangeSearch:
    """How changes are looked for.

    Attributes
    ----------
    level
        The level of each test; it is divided by the number of columns (Bonferroni).
    least
        The least number of actions of a segment.
    n_permutations, seed
        How many permutations each test takes, and the seed that they are drawn with.
    """

    level: float
    least: int
    n_permutations: int
    seed: int

    def places(self, choices: Choices) -> list[tuple[tuple[int, int], Codes]]:
        """Return the stretches in which policies may change: where each begins and ends, and the possible places."""
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


def find_changes(choices: Choices, search: ChangeSearch) -> list[PolicyChange]:
    """Return the changes that count, in the order of time. A segment is divided a limited number of times."""
    found: list[PolicyChange] = []
    open_segments = [(0, len(choices.choice), 0)]
    while open_segments:
        begin, end, depth = open_segments.pop()
        if depth == _MOST_DEPTH:
            continue
        for (first, last), best in _best_in_stretches(choices.between(begin, end), search):
            place = begin + first + best.change.place
            found.append(replace(best, change=replace(best.change, place=place)))
            open_segments += [(begin + first, place, depth + 1), (place, begin + last, depth + 1)]
    return sorted(found, key=lambda one: one.change.place)


def _best_in_stretches(
    choices: Choices, search: ChangeSearch
) -> Iterator[tuple[tuple[int, int], PolicyChange]]:
    """Give the stretches in which something changes, each with the change that counts, and its place within it."""
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
        part = choices.between(begin, end)
        own = {name: found[number] for name, found in changes.items()}
        for name, change in sorted(own.items(), key=lambda one: -one[1].excess):
            place = change.place - begin
            if (
                change.p_value <= search.level / len(changes)
                and _differs(part.columns[name], part.choice, place)
                and not _explained(choices, name, (begin, change.place, end), search)
            ):
                yield (begin, end), PolicyChange(name, replace(change, place=place))
                break


def _explained(choices: Choices, name: str, where: tuple[int, int, int], search: ChangeSearch) -> bool:
    """Return whether nothing changes at the place once one or two other columns are known as well.

    Two, since a rule of two columns, such as win-stay lose-shift, is seen in neither of them alone.

    Parameters
    ----------
    choices, name, search
        The choices, the column of the change, and how changes are looked for.
    where
        Where the stretch begins, where the change is, and where the stretch ends.
    """
    begin, place, end = where
    part = choices.between(begin, end)
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
            # Among sessions in no known order, a session in which the agent goes over to another choice for good is
            # no evidence against an agent that remembers.
            if end - begin < len(choices.choice):
                return True
            continue
        if search.change(part, joint[begin:end], place - begin).p_value > search.level:
            return True
    return False


def _overlap(situation: Codes, place: int) -> float:
    """Return the share of the shorter side in situations that the other side has met as often."""
    left, right = side_counts(situation, np.zeros_like(situation), place)
    return float(np.minimum(left, right).sum() / max(1, min(left.sum(), right.sum())))


def difference(situation: Codes, choice: Codes, place: int) -> float:
    """Return the total variation between the shares on the two sides, 0 to 1, averaged over situations met on both.

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
    """Return whether the shares on the two sides differ enough to be reported: on the whole, and in one situation."""
    left, right = side_counts(situation, choice, place)
    met = np.minimum(left.sum(axis=1), right.sum(axis=1)) >= LEAST_MET
    shares = (side[met] / side[met].sum(axis=1, keepdims=True) for side in (left, right))
    told = float(np.abs(np.subtract(*shares)).max(initial=0.0)) >= LEAST_TOLD
    return told and difference(situation, choice, place) >= LEAST_DIFFERENCE


def number_policies(choices: Choices, found: list[PolicyChange], level: float) -> list[tuple[int, int, int]]:
    """Return begin, end and policy of each segment. A segment like an earlier one gets the number of its policy.

    Policies are compared in the columns in which changes were found: by the deflated likelihood ratio against
    chi-square, and by the total variation. All stretches without a change are one policy, since nothing else is
    known of them.
    """
    borders = [0, *(np.flatnonzero(np.diff(choices.stretch)) + 1), len(choices.choice)]
    places = [one.change.place for one in found]
    changed = [any(begin < place < end for place in places) for begin, end in pairwise(borders)]
    edges = sorted({*borders, *places})
    columns = sorted({one.column for one in found})
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
    rows = np.concatenate([old, new])
    follows = choices.follows[rows] & np.append(False, np.diff(rows) == 1)
    for name in columns:
        situation, choice = choices.columns[name][rows], choices.choice[rows]
        if not _differs(situation, choice, len(old)):
            continue
        inflation = variance_inflation(situation, choice, follows, len(old))
        if difference_p_value(situation, choice, len(old), inflation) <= level / len(columns):
            return False
    return True


def difference_p_value(situation: Codes, choice: Codes, place: int, inflation: float) -> float:
    """Return the p-value of the deflated likelihood ratio at a place, against chi-square."""
    ratio = float(likelihood_ratios(situation, choice)[place]) / inflation
    return float(chi2.sf(ratio, degrees_of_freedom(situation, choice, place)))


def degrees_of_freedom(situation: Codes, choice: Codes, place: int) -> int:
    """Return the degrees of freedom of the ratio at a place: choices less one, over situations met on both sides."""
    left, right = side_counts(situation, choice, place)
    both = (left.sum(axis=1) > 0) & (right.sum(axis=1) > 0)
    n_chosen = ((left + right) > 0).sum(axis=1)
    return max(1, int((n_chosen - 1)[both].sum()))
