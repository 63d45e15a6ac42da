"""The report's figures for machines: ``results.json``, schema 1."""

import json
import platform
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from gymlab.arguments import instance
from gymlab.budget import available_bytes
from gymlab.distance.blocks import available_threads
from gymlab.errors import InputError
from gymlab.patterns.result import Extraction
from gymlab.principles.inference import Study
from gymlab.runtime.alerts import Alert
from gymlab.workbench.checked import each
from gymlab.workbench.claims import Claim

# Thousands of ids would bury the figures; `gymlab principles --json` has them.
_EVIDENCE = {"action_ids", "contradiction_ids"}
# The figures of a report depend on these most.
_MEASURED_WITH = ("gymlab", "numpy", "scipy", "numba", "pandas", "tslearn", "plotly", "papermill", "sqlmodel")


def build_results(
    extraction: Extraction,
    study: Study,
    claims: Iterable[Claim],
    alerts: Iterable[Alert],
    *,
    filters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return what a report found, JSON-able.

    Parameters
    ----------
    extraction, study, claims, alerts
        What was found and measured.
    filters
        Which part of the source it was on, as parameters of the report: those that are not set are left out.

    Returns
    -------
    dict
        ``schema``, ``source``, ``filters``, ``actions``, ``windows``, ``coverage``, ``config``, ``patterns``, ``quality``,
        ``significance``, ``principles`` (without the ids of their actions), ``policies``, ``claims``, ``alerts``, ``stats``, ``notes`` and ``environment``.

    Raises
    ------
    InputError
        If one of them is something else.
    """
    instance("extraction", extraction, Extraction, "an Extraction")
    instance("study", study, Study, "a Study")
    claims = each("claims", claims, Claim, "claims")
    alerts = each("alerts", alerts, Alert, "alerts")
    instance("filters", {} if filters is None else filters, Mapping, "parameters by name, or None")
    found = extraction.as_dict()
    return {
        "schema": 1,
        "source": extraction.actions.attrs.get("source", ""),
        "filters": {name: value for name, value in (filters or {}).items() if value},
        "actions": len(extraction.actions),
        "windows": len(extraction.windows),
        "coverage": extraction.windows.coverage,
        "config": found["config"],
        "patterns": found["patterns"],
        "quality": found["quality"],
        "significance": found["significance"],
        "principles": [
            {name: value for name, value in one.as_dict().items() if name not in _EVIDENCE}
            for one in study.principles
        ],
        "policies": study.policies_as_dicts(),
        "claims": [claim.as_dict() for claim in claims],
        "alerts": [alert.as_dict() for alert in alerts],
        "stats": found["stats"],
        "notes": found["notes"],
        "environment": environment(),
    }


def to_json(values: object) -> str:
    """Return JSON text, numpy's numbers and paths included; bytes of a file's name that are no text are escaped.

    Raises
    ------
    InputError
        If a value has no form in JSON, as NaN has none.
    """
    try:
        text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the values cannot be written as JSON: {error}") from error
    # Bytes of a file's name that are no UTF-8 stand in a text as what UTF-8 cannot write; JSON escapes them as Python does.
    return text.encode("utf-8", "backslashreplace").decode()


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def environment() -> dict[str, str]:
    """Return what figures depend on: versions and the machine's kind.

    Examples
    --------
    >>> environment()["python"] == platform.python_version()
    True
    """
    return {
        "measured at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        **{name: version(name) for name in _MEASURED_WITH},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": str(available_threads()),
        "memory available": f"{available_bytes() / 1e9:.1f} GB",
    }
