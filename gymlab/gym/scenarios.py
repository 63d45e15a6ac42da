"""Scenarios: templates of situations, gymlab's ten archetypes or those of a user's file, and seeded draws from them."""

import functools
import json
import os
import string
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

import numpy as np
import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from gymlab.arguments import named, shortened, shown, texts, whole_number
from gymlab.errors import InputError
from gymlab.gym.decisions import Actor, Choice, Scenario

_LARGEST_FILE = 1_000_000
# The numbers that are drawn at a time, and for each scenario. The latter is fixed, so that the first n scenarios of a
# seed do not depend on n.
_BLOCK, _DRAWS, _MOST_PARTS = 256, 24, 10


def _pair(value: object) -> object:
    if isinstance(value, list):
        if len(value) != 2 or not all(isinstance(one, (int, float)) for one in value) or value[0] > value[1]:
            raise ValueError("give a number, or a range [low, high]")
        return tuple(value)
    return (value, value)


_Text = Annotated[str, Field(min_length=1, max_length=2000)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Level = Annotated[float, Field(allow_inf_nan=False)]
_Shares = Annotated[tuple[_Share, _Share], BeforeValidator(_pair)]
_Levels = Annotated[tuple[_Level, _Level], BeforeValidator(_pair)]


class _Template(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _ActorTemplate(_Template):
    name: _Text
    relationship: Literal["ally", "adversary", "neutral", "resource", "self", "environment"] = "neutral"
    role: str = ""
    trust: _Shares = (0.5, 0.5)


class _ChoiceTemplate(_Template):
    name: _Text
    description: str = ""
    target: str = ""
    impacts: dict[str, Annotated[float, Field(ge=-1, le=1)]] = {}


AnyChoice = TypeVar("AnyChoice", Choice, _ChoiceTemplate)


class ScenarioTemplate(_Template):
    """A situation from which scenarios are drawn; the fields are those of :class:`~gymlab.gym.decisions.Scenario`.

    `trust`, `stress` and the levels of resources may be ranges ``[low, high]``. One of the descriptions is drawn, and
    ``$name`` in it is replaced by the level of a resource.
    """

    archetype: _Text
    context: _Text
    descriptions: Annotated[list[_Text], Field(min_length=1)]
    actors: Annotated[list[_ActorTemplate], Field(max_length=_MOST_PARTS)] = []
    resources: Annotated[dict[str, _Levels], Field(max_length=_MOST_PARTS)] = {}
    constraints: list[str] = []
    choices: Annotated[list[_ChoiceTemplate], Field(min_length=2, max_length=50)]
    stress: _Shares = (0.0, 0.0)
    time_limit: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None

    @model_validator(mode="after")
    def _names_fit(self) -> Self:
        actors = [actor.name for actor in self.actors]
        names = [choice.name for choice in self.choices]
        for kind, given in (("actors", actors), ("choices", [name.casefold() for name in names])):
            if len(set(given)) < len(given):
                raise ValueError(f"two {kind} have the same name; give each another")
        for choice in self.choices:
            unknown = ({choice.target} - {""} | set(choice.impacts)) - {*actors, "self"}
            if unknown:
                raise ValueError(
                    f"choice {shown(choice.name)} concerns {named(sorted(unknown))}; give actors of the scenario, or self"
                )
        return self

    def draw(self, scenario_id: str, draws: Sequence[float], other_last: str) -> Scenario:
        """Return a scenario with numbers drawn from the ranges.

        Parameters
        ----------
        scenario_id, other_last
            As in the scenario.
        draws
            24 numbers from 0 to 1 that decide what is drawn.
        """
        drawn = iter(draws)
        description = self.descriptions[int(next(drawn) * len(self.descriptions))]
        stress = _within(self.stress, next(drawn), 2)
        levels = {name: _within(levels, next(drawn), 1) for name, levels in self.resources.items()}
        return Scenario(
            id=scenario_id,
            archetype=self.archetype,
            description=_format_of(description, tuple(levels))
            % {name: f"{level:g}" for name, level in levels.items()},
            actors=tuple(
                Actor(one.name, one.relationship, one.role, _within(one.trust, next(drawn), 2))
                for one in self.actors
            ),
            choices=tuple(
                Choice(one.name, one.description, one.target, dict(one.impacts)) for one in self.choices
            ),
            context=self.context,
            resources=levels,
            constraints=tuple(self.constraints),
            stress=stress,
            time_limit=self.time_limit,
            other_last=other_last,
        )


def scenarios(
    n: int,
    seed: int,
    archetypes: str | Sequence[str] | None = None,
    *,
    templates: Sequence[ScenarioTemplate] | None = None,
) -> Iterator[Scenario]:
    """Draw scenarios for a session.

    The counterpart of the agent is a coin: `other_last` is empty in the first scenario, later the most cooperative or the
    most selfish choice of the scenario, each with probability 1/2.

    Parameters
    ----------
    n
        The number of scenarios.
    seed
        The same seed gives the same scenarios, in every process; the first ones do not depend on `n`.
    archetypes
        Names of the archetypes to draw from; None for all.
    templates
        What :func:`read_scenarios` returned; None for the ten archetypes.

    Returns
    -------
    iterator of Scenario
        The scenarios; they are made one after another.

    Raises
    ------
    InputError
        If an argument cannot be used, or an archetype is unknown.

    Examples
    --------
    >>> [scenario.id for scenario in scenarios(2, seed=1, archetypes="loyalty")]
    ['loyalty-1-0', 'loyalty-1-1']
    """
    n = whole_number("n", n, least=0)
    seed = whole_number("seed", seed, least=0)
    known = list(builtin_templates() if templates is None else templates)
    if archetypes is not None:
        wanted = texts("archetypes", archetypes, instead=", or None")
        if unknown := sorted(set(wanted) - {one.archetype for one in known}):
            raise InputError(
                f"there is no archetype {named(unknown)}; the known ones are {named(one.archetype for one in known)}"
            )
        known = [one for one in known if one.archetype in wanted]
    if not known:
        raise InputError("there is no archetype to draw from; give None for all")
    return _drawn(n, seed, known)


def _drawn(n: int, seed: int, templates: list[ScenarioTemplate]) -> Iterator[Scenario]:
    generator = np.random.Generator(np.random.PCG64(seed))
    counterparts = [(cooperative(one.choices).name, selfish(one.choices).name) for one in templates]
    for start in range(0, n, _BLOCK):
        block = generator.random((_BLOCK, 2 + _DRAWS)).tolist()
        for number, (which, coin, *draws) in enumerate(block[: n - start], start):
            at = int(which * len(templates))
            other_last = counterparts[at][coin < 0.5] if number else ""
            yield templates[at].draw(f"{templates[at].archetype}-{seed}-{number}", draws, other_last)


def read_scenarios(path: str | os.PathLike[str]) -> list[ScenarioTemplate]:
    """Read templates of scenarios from a YAML or JSON file, in the form of ``gymlab/gym/archetypes.yaml``.

    Parameters
    ----------
    path
        A file of at most 1 MB with a list of templates. It is JSON if its name ends in ``.json``.

    Returns
    -------
    list of ScenarioTemplate
        For :func:`scenarios`.

    Raises
    ------
    InputError
        If the file cannot be read, or a field does not fit; the message names file, template, field and value.

    Examples
    --------
    >>> from gymlab.gym import scenarios as module
    >>> templates = read_scenarios(Path(module.__file__).with_name("archetypes.yaml"))
    >>> [scenario.archetype for scenario in scenarios(2, seed=1, templates=templates)]
    ['obedience_autonomy', 'obedience_autonomy']
    """
    try:
        text = Path(path).read_bytes()
        if len(text) > _LARGEST_FILE:
            raise InputError(f"{path}: has {len(text):,} bytes; give a file of at most {_LARGEST_FILE:,}")
        if str(path).endswith(".json"):
            value = json.loads(text, object_pairs_hook=_without_repetition)
        else:
            value = yaml.load(text, Loader=_Loader)  # noqa: S506 - it is a SafeLoader
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except TypeError as error:
        raise InputError(f"the file of scenarios is {shown(path)}; give its path") from error
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        mark = getattr(error, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else path
        told = getattr(error, "problem", None) or " ".join(str(error).split())
        raise InputError(f"{where}: {told}") from error
    if not isinstance(value, list) or not value:
        raise InputError(f"{path}: has no list of scenarios; begin each with '- archetype: …'")
    try:
        templates = TypeAdapter(list[ScenarioTemplate]).validate_python(value)
    except ValidationError as error:
        wrong = error.errors()[0]
        number, *fields = wrong["loc"]
        place = ".".join(str(one + 1 if isinstance(one, int) else one) for one in fields)
        problem = wrong["msg"].removeprefix("Value error, ")
        what = f"{place or 'it'} is {shown(wrong['input'])}: " if place else ""
        raise InputError(f"{path}, scenario {int(number) + 1}: {what}{problem}") from error
    return templates


@functools.cache
def builtin_templates() -> tuple[ScenarioTemplate, ...]:
    """Return the templates of the ten archetypes.

    Examples
    --------
    >>> len(builtin_templates())
    10
    """
    return tuple(read_scenarios(Path(__file__).with_name("archetypes.yaml")))


def cooperative(choices: Sequence[AnyChoice]) -> AnyChoice:
    """Return the most cooperative choice: the largest sum of impacts on others; of equal ones the first."""
    return max(choices, key=impact_on_others)


def selfish(choices: Sequence[AnyChoice]) -> AnyChoice:
    """Return the most selfish choice: the largest impact on the agent; of equal ones the one that is worst for others."""
    return max(choices, key=lambda choice: (choice.impacts.get("self", 0.0), -impact_on_others(choice)))


def impact_on_others(choice: "Choice | _ChoiceTemplate") -> float:
    """Return the sum of the impacts of a choice on others."""
    return sum(impact for name, impact in choice.impacts.items() if name != "self")


def _within(bounds: tuple[float, float], share: float, digits: int) -> float:
    low, high = bounds
    return round(low + share * (high - low), digits)


@functools.cache
def _format_of(description: str, names: tuple[str, ...]) -> str:
    """Return a description with ``$name`` as a format for ``%``, which fills it faster than `string.Template` does."""
    fields = {name: f"%({name})s" for name in names}
    return string.Template(description.replace("%", "%%")).safe_substitute(fields)


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if repeated := [key for key, times in Counter(key for key, _ in pairs).items() if times > 1]:
        raise ValueError(f"{named(repeated)} is there twice in one object; leave one out")
    return dict(pairs)


class _Loader(yaml.SafeLoader):
    """Refuses aliases, which can make gigabytes from a few lines, and repeated keys."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            mark = self.get_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases are not read; write the value out", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if str(key.value) in seen:
                raise yaml.MarkedYAMLError(
                    problem=f"{shortened(str(key.value))} is there twice; leave one out",
                    problem_mark=key.start_mark,
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep=deep)
