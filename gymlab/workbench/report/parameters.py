"""The parameters of a report, checked before anything is written."""

import dataclasses
import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from gymlab.actions import read_actions, select_actions
from gymlab.arguments import finite_number, named, shown, texts
from gymlab.distance.kernels.vectors import kernel_path
from gymlab.errors import InputError
from gymlab.patterns.config import ExtractionConfig
from gymlab.patterns.pipeline import require_extractable
from gymlab.workbench.report.parameters_cell import parameters_cell
from gymlab.workbench.report.sources import absolute_source
from gymlab.workbench.report.written import parsed_file
from gymlab.workbench.results import to_json

# The parameters of the notebook that the run sets, not the user.
_OWN = {"results_path": None}


def read_parameters(path: str | os.PathLike[str]) -> dict[str, Any]:
    r"""Return the parameters in a YAML file: one that the tuning panel exported, or ``params.json`` of a run.

    Raises
    ------
    InputError
        If the file cannot be read, or is no mapping from names to values.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "tuned.yaml")
    ...     _ = file.write_text("window: 30\nmethod: average\n")
    ...     read_parameters(file)
    {'window': 30, 'method': 'average'}
    """
    found = parsed_file(path)
    if not isinstance(found, dict) or not all(isinstance(name, str) for name in found):
        raise InputError(f"{path}: holds no parameters; write one a line, as in 'window: 30'")
    return found


def checked_parameters(parameters: Mapping[str, Any], notebook: Path) -> dict[str, Any]:
    """Return the parameters for a notebook as values of JSON.

    Raises
    ------
    InputError
        If a parameter is not one of the notebook, or a value has no form in JSON.
    """
    if not isinstance(parameters, Mapping) or not all(isinstance(name, str) for name in parameters):
        raise InputError(f"parameters is {shown(parameters)}; give a mapping from names to values")
    known = parameters_cell(notebook).names - set(_OWN)
    unknown = sorted(set(parameters) - known)
    if unknown:
        raise InputError(f"unknown parameter {named(unknown)}; known are {', '.join(sorted(known))}")
    return {name: _plain(name, value) for name, value in parameters.items()}


def all_parameters(parameters: Mapping[str, Any], notebook: Path) -> dict[str, Any]:
    """Return all parameters of a notebook; a parameter that is not given has the value of the parameters cell.

    Raises
    ------
    InputError
        If a value of the cell cannot be read.
    """
    everything = parameters_cell(notebook).with_values({**parameters, **_OWN})
    return {name: _plain(name, value) for name, value in everything.items() if name not in _OWN}


def require_usable(parameters: Mapping[str, Any]) -> None:
    """Read the log and cut it into windows as the notebook will do, so that unusable values are refused before the run.

    Kernels that cannot be compiled are refused too.

    Raises
    ------
    InputError
        If a value or the log cannot be used.
    """
    finite_number("budget_seconds", parameters.get("budget_seconds", 1), above=0, noun="a number of seconds")
    fields = {field.name for field in dataclasses.fields(ExtractionConfig)}
    config = ExtractionConfig(**{name: value for name, value in parameters.items() if name in fields})
    log = read_actions(parameters["source"], parameters.get("format"))
    filters = {name: parameters.get(name) or None for name in ("agent", "session", "since")}
    require_extractable(select_actions(log, **filters, where=parameters.get("where") or ()), config)
    kernel_path()


def _plain(name: str, value: object) -> Any:  # noqa: ANN401 - any value of JSON
    """Return a value as JSON reads it back (no tuples, no numpy), so that ``params.json`` and the notebook agree."""
    if name == "source":
        return value if value is None else absolute_source(value)
    if name in {"agent", "session", "where"} and value is not None:
        return value if isinstance(value, str) else texts(name, value)
    if name == "since" and isinstance(value, date):
        value = value.isoformat()
    if name in {"format", "since"} and not isinstance(value, str | None):
        raise InputError(f"{name} is {shown(value)}; give text or None")
    try:
        return json.loads(to_json(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{name} is {shown(value)}; give a finite number, text, a list of these, or None"
        ) from error
