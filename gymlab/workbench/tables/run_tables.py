"""Tables of a run: claims, alerts, and the changes since the run before."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gymlab.arguments import instance
from gymlab.errors import InputError
from gymlab.runtime.alerts import Alert
from gymlab.workbench.checked import each
from gymlab.workbench.claims import Claim
from gymlab.workbench.report.history import Changes, ClaimChange, PastRun, PatternPair
from gymlab.workbench.tables.html_cells import chip, shares, table
from gymlab.workbench.text import as_html, counted, number, short_names, with_range

_STATES = {"firing": "failed", "ok": "held", "no_data": "not_measured"}


def headline(claims: Iterable[Claim], alerts: Iterable[Alert] = ()) -> str:
    """Return the number of claims that held, and the alerts that fire, as one line of HTML."""
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
    """Return the time and the machine of the measurements as one line of HTML."""
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
    """Return the verdicts as tiles that fit on one screen; each claim has its measured and its promised value."""
    claims = each("claims", claims, Claim, "claims")
    cells = "".join(
        f'<div class="tile {claim.verdict}"><div>{_verdict_chip(claim.verdict)} '
        f"<b>{as_html(claim.id)}</b></div>"
        f'<div class="figure">{_measured(claim)} <small>{as_html(claim.unit)}</small></div>'
        f"<small>{as_html(claim.statement, 200)}; promised {as_html(claim.expected)}</small></div>"
        for claim in claims
    )
    return f'<div class="tiles">{cells}</div>'


def _measured(claim: Claim) -> str:
    return as_html(with_range(claim.measured, claim.low, claim.high))


def evidence(claims: Iterable[Claim]) -> str:
    """Return the measured value of each claim, with its repeats and details."""
    claims = each("claims", claims, Claim, "claims")
    return "".join(
        f"<p>{_verdict_chip(claim.verdict)} {as_html(claim.statement, 200)}: "
        f"<b>{_measured(claim)}</b> {as_html(claim.unit)}"
        + (f", {counted(claim.repeats, 'repeats')}" if claim.repeats else "")
        + ".</p><ul>"
        + "".join(f"<li>{as_html(detail, 500)}</li>" for detail in claim.details)
        + "</ul>"
        for claim in claims
    )


def alerts(found: Iterable[Alert]) -> str:
    """Return the alerts as a table, one row for each."""
    found = each("found", found, Alert, "alerts")
    rows = [
        (
            chip(alert.state.replace("_", " "), _STATES[alert.state]),
            as_html(alert.statement, 120),
            as_html(alert.note) if alert.value is None else f"{number(alert.value)} {as_html(alert.unit)}",
        )
        for alert in found
    ]
    return table(("state", "alert", "now"), rows, "alerts")


_MOST_SENTENCES = 12
_NO_EARLIER = "<p>This is the first recorded run on this log, so there is nothing to compare with.</p>"


def changes_sentence(before: PastRun | None, changes: Changes | None) -> str:
    """Return the changes since the run before as one line, for the top of the report."""
    _require_both(before, changes)
    if before is None or changes is None:
        return _NO_EARLIER
    flips = [
        f"{one.id} {one.now['verdict'].replace('_', ' ')}" for one in changes.claims if one.kind == "verdict"
    ]
    parts = [f"now {', '.join(flips)}" if flips else "all verdicts as before"]
    parts += [f"alert {name}: {states[1].replace('_', ' ')}" for name, states in changes.alerts.items()]
    counts = (("new", changes.new), ("changed", changes.changed), ("vanished", changes.vanished))
    principles = [f"{len(found)} {what}" for what, found in counts if found]
    parts.append(f"principles: {', '.join(principles)}" if principles else "the principles are the same")
    when = f"{before.created_at:%Y-%m-%d %H:%M} UTC"
    return f"<p>Since the run of {when}: {as_html('; '.join(parts), 400)}.</p>"


def changes(before: PastRun | None, found: Changes | None) -> str:
    """Return the changes since the run before: claims, patterns, principles, parameters."""
    _require_both(before, found)
    if before is None or found is None:
        return _NO_EARLIER
    moved = (
        f"<p>Compared with run {as_html(before.run_id)}: {_moved(found.actions, 'actions')}, "
        f"{_moved(found.windows, 'windows')}. A claim has <i>moved</i> where the ranges of its repeats in the two runs do "
        "not overlap and it differs by more than a tenth, what is left of time or memory where less is promised.</p>"
    )
    lines = [
        moved,
        table(("claim", "before", "now", ""), [_claim_row(one) for one in found.claims], "frame"),
    ]
    if found.patterns:
        header = ("pattern", "before", "now", "what is done")
        known = [pattern for pair in found.patterns for pattern in (pair.now, pair.before) if pattern]
        names = short_names((name for pattern in known for name in pattern["actions"]), 24)
        lines.append(table(header, [_pattern_row(one, names) for one in found.patterns], "frame"))
    for title, sentences in (
        ("New principles", found.new),
        ("Changed principles", found.changed),
        ("Vanished principles", found.vanished),
    ):
        lines.append(_sentences(title, sentences))
    verb = "is as it was" if found.kept == 1 else "are as they were"
    lines.append(f"<p>{counted(found.kept, 'principles')} {verb}.</p>")
    if found.settings:
        rows = [
            (as_html(name), as_html(old, 80), as_html(new, 80)) for name, (old, new) in found.settings.items()
        ]
        lines.append(table(("parameter or version", "before", "now"), rows, "facts"))
    return "".join(lines)


def _require_both(before: object, found: object) -> None:
    if before is not None:
        instance("before", before, PastRun, "an earlier run, or None")
    if found is not None:
        instance("changes", found, Changes, "what history.changes_since returns, or None")


def _claim_row(change: ClaimChange) -> tuple[str, str, str, str]:
    marks = {"verdict": _verdict_chip(change.now["verdict"], "now "), "apart": "moved", "same": ""}
    return (
        as_html(change.id),
        "–" if change.before is None else _figure(change.before),
        f"{_figure(change.now)} <small>{as_html(change.unit)}</small>",
        marks[change.kind],
    )


def _verdict_chip(verdict: str, before: str = "") -> str:
    return chip(before + verdict.replace("_", " "), verdict)


def _figure(claim: Mapping[str, Any]) -> str:
    return "–" if claim["measured"] is None else as_html(number(claim["measured"]))


def _pattern_row(pair: PatternPair, names: Mapping[str, str]) -> tuple[str, str, str, str]:
    known = pair.now or pair.before or {}
    return (
        "gone" if pair.now is None else f"{pair.now['label']}" + (" (new)" if pair.before is None else ""),
        "–" if pair.before is None else f"{pair.before['size']:,}",
        "–" if pair.now is None else f"{pair.now['size']:,}",
        shares(known["actions"], names),
    )


def _sentences(title: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return ""
    items = "".join(f"<li>{as_html(one, 300)}</li>" for one in sentences[:_MOST_SENTENCES])
    more = len(sentences) - _MOST_SENTENCES
    return f"<p>{title}:</p><ul>{items}</ul>" + (f"<p>and {more:,} more</p>" if more > 0 else "")


def _moved(counts: tuple[int, int], noun: str) -> str:
    before, now = counts
    said = counted(now, noun)
    return f"{said} as before" if before == now else f"{said} where there were {before:,}"
