"""What changed since the run before."""

from collections.abc import Mapping, Sequence
from typing import Any

from gymlab.arguments import instance
from gymlab.workbench.report.changes import Changes, ClaimChange, PatternPair
from gymlab.workbench.report.history import PastRun
from gymlab.workbench.tables.cells import chip, shares, table
from gymlab.workbench.text import as_html, counted, number, short_names

_KINDS = {"held": "held", "failed": "failed", "not_measured": "not_measured"}
_MOST_SENTENCES = 12
_NO_EARLIER = "<p>This is the first recorded run on this log, so there is nothing to compare with.</p>"


def changes_sentence(before: PastRun | None, changes: Changes | None) -> str:
    """Return in a line what changed since the run before, for the top of the report."""
    _require_both(before, changes)
    if before is None or changes is None:
        return _NO_EARLIER
    flips = [f"{one.id} {_verdict(one.now)}" for one in changes.claims if one.kind == "verdict"]
    parts = [f"now {', '.join(flips)}" if flips else "all verdicts as before"]
    parts += [f"alert {name}: {states[1].replace('_', ' ')}" for name, states in changes.alerts.items()]
    counts = (("new", changes.new), ("changed", changes.changed), ("vanished", changes.vanished))
    principles = [f"{len(found)} {what}" for what, found in counts if found]
    parts.append(f"principles: {', '.join(principles)}" if principles else "the principles are the same")
    when = f"{before.created_at:%Y-%m-%d %H:%M} UTC"
    return f"<p>Since the run of {when}: {as_html('; '.join(parts), 400)}.</p>"


def changes(before: PastRun | None, found: Changes | None) -> str:
    """Return what changed since the run before: claims, patterns, principles, parameters."""
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
    marks = {
        "verdict": chip(f"now {_verdict(change.now)}", _KINDS[change.now["verdict"]]),
        "apart": "moved",
        "same": "",
    }
    return (
        as_html(change.id),
        "–" if change.before is None else _figure(change.before),
        f"{_figure(change.now)} <small>{as_html(change.unit)}</small>",
        marks[change.kind],
    )


def _verdict(claim: Mapping[str, Any]) -> str:
    return str(claim["verdict"]).replace("_", " ")


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
