"""The findings of a report for other programs: ``results.json``, schema 1."""

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

# The ids of actions are left out, since there may be thousands; `gymlab principles --json` has them.
_EVIDENCE = {"action_ids", "contradiction_ids"}
# The packages whose versions affect the figures most.
_MEASURED_WITH = ("gymlab", "numpy", "scipy", "numba", "pandas", "tslearn", "plotly", "papermill", "sqlmodel")


def build_results(
    extraction: Extraction,
    study: Study,
    claims: Iterable[Claim],
    alerts: Iterable[Alert],
    *,
    filters: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the findings of a report as values of JSON.

    Parameters
    ----------
    extraction, study, claims, alerts
        The findings and measurements.
    filters
        The parameters of the report that select a part of the log; those that are not set are left out.

    Returns
    -------
    dict
        ``schema``, ``source``, ``filters``, ``actions``, ``windows``, ``coverage``, ``config``, ``patterns``, ``quality``,
        ``significance``, ``principles`` (without the ids of their actions), ``policies``, ``claims``, ``alerts``,
        ``stats``, ``notes`` and ``environment``.

    Raises
    ------
    InputError
        If an argument has another type.
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
    """Return JSON text; numbers and arrays of numpy and paths are converted.

    Raises
    ------
    InputError
        If a value has no form in JSON, such as NaN.
    """
    try:
        text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False, default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise InputError(f"the values cannot be written as JSON: {error}") from error
    # The name of a file may have bytes that are no UTF-8; Python's escapes for them are valid JSON.
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
    """Return the versions and the facts of the machine that figures depend on.

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
