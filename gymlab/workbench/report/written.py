"""YAML for people, in files of parameters and of jobs.

YAML 1.1 reads 010 as 8, 1:30 as 90, 2026-01-31 as a date and 1e-05 as text. This module reads all numbers as decimal
numbers, and dates as text. If a parameter is text, a number or a truth value is refused, since 007 would be read as 7.
Tags and aliases are refused too: a tag can make any object, and aliases can make gigabytes from a few lines.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from gymlab.arguments import shortened, shown
from gymlab.errors import InputError

# The names whose values are texts or lists of texts: parameters of a report, fields of a job and of a channel.
TEXTS = frozenset({"source", "format", "agent", "session", "since", "where", "channels", "column"})

_NULL, _BOOL, _INT, _FLOAT = (f"tag:yaml.org,2002:{kind}" for kind in ("null", "bool", "int", "float"))
_PLAIN = {
    _NULL: r"~|null|Null|NULL|",
    _BOOL: r"(?i:yes|no|true|false|on|off)",
    # A longer number is read as text. It is refused later if a number is needed.
    _INT: r"[-+]?[0-9]{1,300}",
    _FLOAT: r"[-+]?(([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.(?i:inf))|\.(?i:nan)",
}
# The values of a text option that are read as YAML: a list, a quoted text, null.
_IS_YAML = re.compile(r"""\s*(\[.*\]|'.*'|".*"|null)?\s*""", re.DOTALL)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012 - as yaml has it


class _Dumper(yaml.SafeDumper):
    """Quotes each text that YAML 1.1 or this module would not read as text."""


for _kind in (_Loader, _Dumper):
    for _tag, _pattern in _PLAIN.items():
        _kind.add_implicit_resolver(_tag, re.compile(rf"(?:{_pattern})\Z"), None)
_Loader.add_constructor(_INT, lambda _, node: int(node.value))


def parsed(text: str, place: str, name: str = "") -> Any:  # noqa: ANN401 - any value of YAML
    """Return the value of a YAML text.

    Parameters
    ----------
    text
        The YAML.
    place
        Origin of the text, for error messages.
    name
        The name of the parameter, if the text is the value of a parameter.

    Raises
    ------
    InputError
        If the text is no YAML, has a tag, an alias or a repeated key, or has another value where text is needed.

    Examples
    --------
    >>> parsed("{window: 010, session: '007', since: 2026-01-31, eps: 1e-3}", "here")
    {'window': 10, 'session': '007', 'since': '2026-01-31', 'eps': 0.001}
    """
    try:
        _refuse_tags_and_aliases(text)
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _require_texts(node, name)
        return loader.construct_document(node)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{place}, line {mark.line + 1}" if mark else place
        raise InputError(
            f"{where}: {error.problem if isinstance(error, _Refused) else 'is no YAML'}"
        ) from error


def parsed_file(path: str | os.PathLike[str]) -> Any:  # noqa: ANN401 - any value of YAML
    """Return the value in a YAML file.

    Raises
    ------
    InputError
        If the file cannot be read, or as :func:`parsed`.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is no YAML in UTF-8") from error
    except (TypeError, ValueError) as error:
        raise InputError(f"the file of parameters is {shown(path)}; give its path") from error
    return parsed(text, str(path))


def setting(name: str, text: str) -> Any:  # noqa: ANN401 - any value of YAML
    """Return the value of a parameter that an option gives.

    The value of a text parameter is the text itself; it may contain numbers, # and colons. Only a list in brackets, a
    text in quotes and null are read as YAML.

    Raises
    ------
    InputError
        As :func:`parsed`.

    Examples
    --------
    >>> setting("agent", "bot #1"), setting("agent", "['1', bot]"), setting("agent", "007"), setting("window", "20")
    ('bot #1', ['1', 'bot'], '007', 20)
    """
    if name in TEXTS and not _IS_YAML.fullmatch(text):
        return text
    return parsed(text, f"--set {shortened(f'{name}={text}')}", name)


def dumped(fields: Mapping[str, Any]) -> str:
    r"""Return YAML that :func:`parsed` reads as the same values.

    Examples
    --------
    >>> dumped({"session": "007", "eps": 1e-05})
    "session: '007'\neps: 1.0e-05\n"
    """
    return yaml.dump(dict(fields), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)


class _Refused(yaml.MarkedYAMLError):
    """YAML that this module refuses."""

    def __init__(self, problem: str, at: Any) -> None:  # noqa: ANN401 - an event or a node of YAML
        super().__init__(problem=problem, problem_mark=at.start_mark)


def _refuse_tags_and_aliases(text: str) -> None:
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.AliasEvent):
            raise _Refused(
                f"the alias *{shortened(str(event.anchor))} is not read; write the value out", event
            )
        tag = getattr(event, "tag", None)
        if tag not in {None, "!"}:
            raise _Refused(f"the tag {shortened(str(tag))} is not read; write a plain value", event)


def _require_texts(node: yaml.Node, name: object) -> None:
    """Refuse a repeated key, and a number or a truth value where text is needed."""
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, value in node.value:
            if (key.tag, str(key.value)) in seen:
                raise _Refused(f"{shortened(str(key.value))} is there twice; leave one out", key)
            seen.add((key.tag, str(key.value)))
            _require_texts(value, str(key.value))
    elif isinstance(node, yaml.SequenceNode):
        for one in node.value:
            _require_texts(one, name)
    elif name in TEXTS and node.tag in {_BOOL, _INT, _FLOAT}:
        raise _Refused(
            f"{name} is {shortened(node.value)}; give text, in quotes if it looks like a number", node
        )
