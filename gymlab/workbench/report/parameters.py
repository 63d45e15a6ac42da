"""The parameters of a report: known, checked, read from a file, before anything is written."""

import ast
import dataclasses
import math
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import papermill
import yaml

from gymlab.actions import read_actions, select_actions
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.extraction import require_extractable

# What a run sets itself.
_OWN = {"results_path"}


def read_parameters(path: str | os.PathLike[str]) -> dict[str, Any]:
    r"""Return the parameters in a YAML file, as the tuning panel exports them; ``params.json`` of a run is one too.

    Raises
    ------
    InputError
        If it cannot be read, or holds something else than names and values.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "tuned.yaml")
    ...     _ = file.write_text("window: 30\nmethod: average\n")
    ...     read_parameters(file)
    {'window': 30, 'method': 'average'}
    """
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise InputError(f"{path}{where}: is no YAML") from error
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise InputError(f"{path}: holds no parameters; write one a line, as in 'window: 30'")
    return found


def checked_parameters(parameters: Mapping[str, Any], notebook: Path) -> dict[str, Any]:
    """Return the parameters for a notebook, each of which it has.

    Raises
    ------
    InputError
        If one is unknown.
    """
    known = set(papermill.inspect_notebook(str(notebook))) - _OWN
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise InputError(f"unknown parameter {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    # YAML takes 2026-01-31 for a date, which no notebook can be given as a literal.
    return {
        name: value.isoformat() if isinstance(value, date) else value for name, value in parameters.items()
    }


def default_parameters(notebook: Path) -> dict[str, Any]:
    """Return the values that the parameters cell has, without those that a run sets."""
    found = papermill.inspect_notebook(str(notebook))
    return {name: ast.literal_eval(found[name]["default"]) for name in found if name not in _OWN}


def require_usable(parameters: Mapping[str, Any]) -> None:
    """Check values, read the log and cut it as the notebook will, so that what cannot be used is said beforehand.

    Raises
    ------
    InputError
        If a value or the log cannot be used, or not together.
    """
    budget = parameters.get("budget_seconds", 1)
    if isinstance(budget, bool) or not isinstance(budget, (int, float)) or not 0 < budget < math.inf:
        raise InputError(f"budget_seconds is {budget!r}; give a number of seconds above 0")
    for name in ("agent", "session", "where"):
        value = parameters.get(name) or []
        if not isinstance(value, (str, list)) or not all(isinstance(one, str) for one in value):
            raise InputError(f"{name} is {value!r}; give text or a list of texts")
    fields = {field.name for field in dataclasses.fields(ExtractionConfig)}
    config = ExtractionConfig(**{name: value for name, value in parameters.items() if name in fields})
    log = read_actions(parameters["source"], parameters.get("format"))
    filters = {name: parameters.get(name) or None for name in ("agent", "session", "since")}
    require_extractable(select_actions(log, **filters, where=parameters.get("where") or ()), config)
