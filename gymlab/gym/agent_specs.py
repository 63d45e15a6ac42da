"""From the text that names an agent, such as ``scripted:tit_for_tat`` or ``openai:MODEL``, to the agent."""

import importlib
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import httpx

from gymlab.actions import read_actions
from gymlab.arguments import instance, named, shown, whole_number
from gymlab.errors import InputError
from gymlab.gym.decisions import Agent
from gymlab.gym.remote import CallLimits, RemoteAgent, Service
from gymlab.gym.scripted import RULES, AxelrodPlayer, ReplayAgent, ScriptedAgent
from gymlab.gym.services import (
    AnthropicService,
    FunctionService,
    HttpService,
    LangChainService,
    OpenAIService,
    extra,
)

FORMS = (
    *(f"scripted:{rule}" for rule in RULES),
    "python:MODULE:FUNCTION",
    "http:URL",
    "openai:MODEL",
    "anthropic:MODEL",
    "langchain:MODULE:RUNNABLE",
    "axelrod:STRATEGY",
    "replay:FILE",
)


def agent_from_spec(spec: str, *, seed: int, limits: CallLimits | None = None) -> Agent:
    """Return the agent that a text names.

    Parameters
    ----------
    spec
        One of the forms in ``FORMS``. Options follow a question mark: ``scripted:random?p=0.7``,
        ``scripted:switch?step=50``, ``openai:MODEL?base_url=URL``, ``anthropic:MODEL?base_url=URL``.
    seed
        The seed of agents that draw; for a replay the number of the series.
    limits
        The limits of decisions by services and functions; None for the defaults.

    Returns
    -------
    Agent
        The agent. Its name is the text without users, passwords, addresses of models and query of a URL.

    Raises
    ------
    InputError
        If there is no such agent, a package or a key is absent, or a file or a module cannot be read.

    Examples
    --------
    >>> agent_from_spec("scripted:random?p=0.7", seed=1).name
    'scripted:random?p=0.7'
    """
    instance("agent", spec, str, "a text such as scripted:tit_for_tat")
    seed = whole_number("seed", seed, least=0)
    kind, _, rest = spec.partition(":")
    if kind in ("http", "https"):
        url = spec if rest.startswith("//") else rest
        return RemoteAgent(_named_url(url), HttpService(url), limits)
    if kind == "replay":
        return ReplayAgent(spec, read_actions(rest), seed=seed)
    what, _, query = rest.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=True))
    if kind not in _MAKERS or not what:
        raise InputError(f"there is no agent {shown(spec)}; the known ones are {', '.join(FORMS)}")
    if "base_url" in options and "@" in _checked_url(options["base_url"]):
        raise InputError("base_url has a user or a password; the key is read from the environment")
    maker, known = _MAKERS[kind]
    if unknown := sorted(set(options) - set(known)):
        raise InputError(f"{kind} has no option {named(unknown)}; it has {named(known)}")
    made = maker(what, options, seed)
    return made if isinstance(made, ScriptedAgent) else RemoteAgent(f"{kind}:{what}", made, limits)


def _scripted(rule: str, options: Mapping[str, str], seed: int) -> ScriptedAgent:
    numbers: dict[str, Any] = {}
    for name, convert in {"p": float, "step": int}.items():
        if name in options:
            try:
                numbers[name] = convert(options[name])
            except ValueError as error:
                raise InputError(
                    f"{name} of scripted:{rule} is {shown(options[name])}; give a number"
                ) from error
    return ScriptedAgent(rule, seed=seed, **numbers)


def _axelrod(strategy: str, _: Mapping[str, str], seed: int) -> FunctionService:
    library = extra("axelrod", "axelrod")
    known = {one.__name__: one for one in library.strategies}
    if strategy not in known:
        raise InputError(f"axelrod has no strategy {shown(strategy)}; give a class such as TitForTat")
    return FunctionService(AxelrodPlayer(known[strategy], seed))


def _attribute(kind: str, place: str) -> Any:  # noqa: ANN401 - an object of the user
    """Return an object of a module of the user, which may lie in the working folder."""
    module, _, name = place.partition(":")
    if not name:
        raise InputError(f"{kind}:{place} names no object; give {kind}:MODULE:NAME")
    if (folder := os.getcwd()) not in sys.path:  # noqa: PTH109 - an entry of sys.path is a text
        sys.path.append(folder)
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError as error:
        raise InputError(f"{kind}:{place}: the module {module} has no {name}") from error
    except Exception as error:
        raise InputError(
            f"{kind}:{place}: the module cannot be imported: {type(error).__name__}: {error}"
        ) from error


def _python(place: str, _: Mapping[str, str], __: int) -> FunctionService:
    function = _attribute("python", place)
    if not callable(function):
        raise InputError(f"python:{place} is a {type(function).__name__}; give a function")
    return FunctionService(function)


_MAKERS: dict[
    str, tuple[Callable[[str, Mapping[str, str], int], ScriptedAgent | Service], tuple[str, ...]]
] = {
    "scripted": (_scripted, ("p", "step")),
    "python": (_python, ()),
    "openai": (lambda model, options, _: OpenAIService(model, options.get("base_url")), ("base_url",)),
    "anthropic": (lambda model, options, _: AnthropicService(model, options.get("base_url")), ("base_url",)),
    "langchain": (lambda place, _, __: LangChainService(_attribute("langchain", place)), ()),
    "axelrod": (_axelrod, ()),
}


def _checked_url(url: str) -> str:
    """Return a URL of HTTP, or refuse it without showing it, since it may have a password."""
    try:
        whole = httpx.URL(url)
        usable = whole.scheme in ("http", "https") and whole.host
    except (httpx.InvalidURL, ValueError):
        usable = False
    if not usable:
        raise InputError(
            "the URL of the agent is none of HTTP; give one such as http://127.0.0.1:8000/decide"
        )
    return url


def _named_url(url: str) -> str:
    whole = httpx.URL(_checked_url(url))
    return f"http:{whole.host}{f':{whole.port}' if whole.port else ''}{whole.path}"
