"""Claims and alerts: the verdicts at a glance, one row each, and what each rests on."""

from collections.abc import Iterable, Mapping

from gymlab.arguments import instance
from gymlab.errors import InputError
from gymlab.runtime.alerts import Alert
from gymlab.workbench.checked import each
from gymlab.workbench.claims import Claim
from gymlab.workbench.tables.cells import chip, table
from gymlab.workbench.text import as_html, counted, number, with_range

_VERDICTS = {"held": "held", "failed": "failed", "not_measured": "not measured"}
_STATES = {"firing": "failed", "ok": "held", "no_data": "not_measured"}


def headline(claims: Iterable[Claim], alerts: Iterable[Alert] = ()) -> str:
    """Return how many claims held, and which alerts fire, as one line of HTML."""
    verdicts = [claim.verdict for claim in each("claims", claims, Claim, "claims")]
    parts = [f"{verdicts.count('held')} of {len(verdicts)} claims held"]
    parts += [f"{verdicts.count('failed')} failed"] * ("failed" in verdicts)
    parts += [f"{verdicts.count('not_measured')} could not be measured on this log"] * (
        "not_measured" in verdicts
    )
    firing = [alert.id for alert in each("alerts", alerts, Alert, "alerts") if alert.state == "firing"]
    parts.append(f"{counted(len(firing), 'alerts')}: {', '.join(firing)}" if firing else "no alert fires")
    state = "failed" if "failed" in verdicts or firing else "held"
    return f'<p class="headline {state}">{as_html("; ".join(parts), 300)}.</p>'


def measured_on(environment: Mapping[str, object]) -> str:
    """Return when and on what was measured, as one line of HTML."""
    instance("environment", environment, Mapping, "what installed.environment returns")
    if missing := {"measured at", "processors", "system", "gymlab"} - set(environment):
        raise InputError(
            f"environment has no {', '.join(sorted(missing))}; give what installed.environment returns"
        )
    return (
        f"<p><small>Measured {as_html(environment['measured at'])} on {as_html(environment['processors'])} processors, "
        f"{as_html(environment['system'])}, by gymlab {as_html(environment['gymlab'])}.</small></p>"
    )


def tiles(claims: Iterable[Claim]) -> str:
    """Return the verdicts as tiles that fit on one screen: each claim with its figure and what was promised."""
    claims = each("claims", claims, Claim, "claims")
    cells = "".join(
        f'<div class="tile {claim.verdict}"><div>{chip(_VERDICTS[claim.verdict], claim.verdict)} '
        f"<b>{as_html(claim.id)}</b></div>"
        f'<div class="figure">{as_html(figure_of(claim))} <small>{as_html(claim.unit)}</small></div>'
        f"<small>{as_html(claim.statement, 200)}; promised {as_html(claim.expected)}</small></div>"
        for claim in claims
    )
    return f'<div class="tiles">{cells}</div>'


def figure_of(claim: Claim) -> str:
    """Return a claim's figure with its interval, as text."""
    return with_range(claim.measured, claim.low, claim.high)


def evidence(claims: Iterable[Claim]) -> str:
    """Return what each claim was measured on, and how often."""
    claims = each("claims", claims, Claim, "claims")
    return "".join(
        f"<p>{chip(_VERDICTS[claim.verdict], claim.verdict)} {as_html(claim.statement, 200)}: "
        f"<b>{as_html(figure_of(claim))}</b> {as_html(claim.unit)}"
        + (f", {counted(claim.repeats, 'repeats')}" if claim.repeats else "")
        + ".</p><ul>"
        + "".join(f"<li>{as_html(detail, 500)}</li>" for detail in claim.details)
        + "</ul>"
        for claim in claims
    )


def alerts(found: Iterable[Alert]) -> str:
    """Return the alerts, one row each."""
    found = each("found", found, Alert, "alerts")
    rows = [
        (
            chip(alert.state.replace("_", " "), _STATES[alert.state]),
            as_html(alert.statement, 120),
            "–" if alert.value is None else f"{number(alert.value)} {as_html(alert.unit)}",
        )
        for alert in found
    ]
    return table(("state", "alert", "now"), rows, "alerts")
