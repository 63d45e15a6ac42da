"""Where the real logs lie: beside the checkout, not in it. A test that needs one skips where there is none."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def shared_log(name):
    """Return the path of a real log, or skip the test."""
    path = ROOT / name
    if not path.exists():
        pytest.skip(f"the log {name} is not here (looked in {ROOT})")
    return path


def action(**changes):
    """Return one valid action as a record, with some of its fields changed; None leaves a field out."""
    record = {
        "session_id": "s1",
        "agent_id": "ada",
        "step": 0,
        "timestamp": "2026-01-31T12:00:00Z",
        "actor": "agent",
        "target": "bob",
        "action_type": "share",
        "decision_context": "start",
        "relationship_type": "ally",
        "impact": 0.5,
        "outcome_valence": -0.25,
        "decision_entropy": 0.75,
        "latency_ms": 12.5,
        "metadata": {"note": "ünï 🙂"},
    } | changes
    return {name: value for name, value in record.items() if value is not None}
