"""Tables as HTML, every string escaped: for the notebooks and the report."""

import html
import math
import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

import pandas as pd

from gymlab.budget import available_bytes
from gymlab.distance.blocks import available_threads
from gymlab.patterns.entropy import conditional_entropy_bits, entropy_bits
from gymlab.patterns.principles.principle import percent
from gymlab.patterns.principles.study import Study
from gymlab.patterns.result import Extraction
from gymlab.runtime.alerts import Alert
from gymlab.workbench.claims import Claim

_VERDICTS = {"held": "held", "failed": "failed", "not_measured": "not measured"}
_LIBRARIES = ("gymlab", "numpy", "scipy", "numba", "pandas", "tslearn", "plotly", "papermill", "sqlmodel")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], kind: str) -> str:
    """Return a table of cells that are HTML already; it scrolls sideways by itself on a narrow page."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in header)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _text(value: object, limit: int = 60) -> str:
    line = str(value)
    short = line if len(line) <= limit else line[: limit - 1] + "…"
    return html.escape(short)


def _number(value: float) -> str:
    magnitude = abs(value)
    if magnitude >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if magnitude >= 10 else f"{value:.3g}"


def figure_of(claim: Claim) -> str:
    """Return a claim's figure with its interval, as text."""
    if claim.measured is None or claim.low is None or claim.high is None:
        return "–"
    mark = " (extrapolated)" if claim.extrapolated else ""
    if claim.low == claim.high:
        return f"{_number(claim.measured)}{mark}"
    return f"{_number(claim.measured)} [{_number(claim.low)}, {_number(claim.high)}]{mark}"


def summary_sentence(claims: Iterable[Claim]) -> str:
    """Return how many claims held, as one line of HTML."""
    verdicts = [claim.verdict for claim in claims]
    parts = [f"{verdicts.count('held')} of {len(verdicts)} claims held"]
    parts += [f"{verdicts.count('failed')} failed"] * ("failed" in verdicts)
    parts += [f"{verdicts.count('not_measured')} could not be measured on this log"] * (
        "not_measured" in verdicts
    )
    state = "failed" if "failed" in verdicts else "held"
    return f'<p class="headline {state}">{", ".join(parts)}.</p>'


def log_sentence(extraction: Extraction) -> str:
    """Return what the log is and what was found in it, as one line of HTML."""
    stats, log = extraction.stats, extraction.actions
    source = str(log.attrs.get("source", ""))
    return (
        f"<p><b>{_text(source.rpartition('/')[2], 60)}</b>: {stats.actions:,} actions of "
        f"{log['agent_id'].nunique():,} agents in {log['session_id'].nunique():,} sessions; "
        f"{len(extraction.patterns)} patterns in {stats.windows:,} "
        f"{extraction.windows.noun} ({stats.coverage:.0%} of the "
        f"actions), from {stats.pairs - stats.pruned:,} pairs in {stats.seconds:.1f} s"
        + (f"; {stats.noise:,} {extraction.windows.noun} are noise" if stats.noise else "")
        + (
            ""
            if stats.agreement is None
            else f"; found in a sample, with an expected agreement (adjusted Rand index) of {stats.agreement:.2f}"
        )
        + ".</p>"
    )


def claims(found: Iterable[Claim]) -> str:
    """Return the verdicts, one row a claim."""
    rows = [
        (
            f'<span class="chip {claim.verdict}">{_VERDICTS[claim.verdict]}</span>',
            f"<b>{_text(claim.id)}</b><br>{_text(claim.statement, 200)}"
            + "".join(f"<br><small>{_text(detail, 300)}</small>" for detail in claim.details[:1]),
            _text(claim.expected),
            f'<span class="figure">{_text(figure_of(claim))}</span><br>{_text(claim.unit)}',
            str(claim.repeats),
        )
        for claim in found
    ]
    return _table(("verdict", "claim", "expected", "measured [least, largest]", "repeats"), rows, "claims")


def details(claim: Claim) -> str:
    """Return what a claim was measured on, as a list."""
    return (
        f'<p><span class="chip {claim.verdict}">{_VERDICTS[claim.verdict]}</span> '
        f"{_text(claim.statement, 200)}: <b>{_text(figure_of(claim))}</b> {_text(claim.unit)}.</p>"
        "<ul>" + "".join(f"<li>{_text(detail, 500)}</li>" for detail in claim.details) + "</ul>"
    )


def patterns(extraction: Extraction, most: int = 20) -> str:
    """Return the patterns, the largest first."""
    rows = [
        (
            str(pattern.label),
            f"{pattern.size:,}",
            f"{pattern.support:,}",
            str(pattern.agents),
            _shares(pattern.actions),
            _shares(pattern.contexts),
            f"{pattern.consistency:.2f}",
            _decimals(pattern.silhouette),
            *_significance(extraction, pattern.label),
            f"{_text(pattern.medoid_agent, 20)} in {_text(pattern.medoid_session, 24)}, step {pattern.medoid_start}",
        )
        for pattern in extraction.patterns[:most]
    ]
    header = (
        "pattern",
        extraction.windows.noun,
        "actions",
        "agents",
        "what is done",
        "in what situation",
        "consistency",
        "silhouette",
        *(["stability", "q-value"] if extraction.significance else []),
        "most typical",
    )
    more = len(extraction.patterns) - most
    return _table(header, rows, "patterns") + (f"<p>and {more} smaller ones</p>" if more > 0 else "")


def _significance(extraction: Extraction, label: int) -> tuple[str, ...]:
    if extraction.significance is None:
        return ()
    found = extraction.significance.patterns[label]
    kind = "not_measured" if found.verdict else "held"
    return (
        _decimals(found.stability),
        f'{_decimals(found.q_value, 3)}<br><span class="chip {kind}">{_text(found.verdict or "passes")}</span>',
    )


def _decimals(value: float, places: int = 2) -> str:
    return "–" if math.isnan(value) else f"{value:.{places}f}"


def _shares(shares: Mapping[str, float], most: int = 3) -> str:
    first = [f"{_text(name or 'none', 24)} {_percent(share)}" for name, share in list(shares.items())[:most]]
    return ", ".join(first) + (" …" if len(shares) > most else "")


def principles(study: Study, most: int = 40) -> str:
    """Return the principles that do not follow from others, in the order of the log, with their figures."""
    general = [one for one in study.principles if one.follows_from is None]
    rows = [
        (
            _text(one.sentence.partition(":")[0], 200),
            _share(one.probability),
            f"{_share(one.low)} to {_share(one.high)}",
            f"{one.n:,}",
            _share(one.base_rate),
            "&lt; 0.0001" if one.q_value < 1e-4 else f"{one.q_value:.4f}",
            _share(one.stability),
        )
        for one in general[:most]
    ]
    header = ("principle", "share", "95 % interval", "actions", "overall", "q-value", "shows again")
    changed = "".join(
        f"<p><b>{_text(unit)}</b> changed its policy: {_text('; '.join(one.sentence for one in policies), 400)}.</p>"
        for unit, policies in list(study.policies.items())[:most]
    )
    rest = len(study.principles) - len(rows)
    more = f"<p>and {rest:,} more, most of which follow from these</p>" if rest else ""
    return (_table(header, rows, "principles") if rows else "<p>none</p>") + more + changed


def _share(share: float) -> str:
    """Return a share in percent that no line break can part."""
    return percent(share).replace(" ", "&nbsp;")


def entropy_of_agents(extraction: Extraction, most: int = 20) -> str:
    """Return each agent's entropies: of its choices, normalised both ways, and given the situation."""
    log = extraction.actions
    n_types = int(log["action_type"].nunique())
    rows = []
    for agent, actions in log.groupby("agent_id", sort=False):
        bits = entropy_bits(actions["action_type"])
        given = conditional_entropy_bits(actions["decision_context"], actions["action_type"])
        shares = [
            0.0 if count < 2 else min(1.0, bits / math.log2(count))
            for count in (n_types, actions["action_type"].nunique())
        ]
        rows.append((given, str(agent), len(actions), bits, shares))
    rows.sort(reverse=True)
    header = (
        "agent",
        "actions",
        "entropy, bits",
        f"of {n_types} possible",
        "of those observed",
        "given the situation, bits",
    )
    cells = [
        (
            _text(agent, 40),
            f"{count:,}",
            f"{bits:.3f}",
            f"{shares[0]:.3f}",
            f"{shares[1]:.3f}",
            f"{given:.3f}",
        )
        for given, agent, count, bits, shares in rows[:most]
    ]
    more = len(rows) - most
    return _table(header, cells, "frame") + (f"<p>and {more} agents with less</p>" if more > 0 else "")


def _percent(share: float) -> str:
    return "&lt;1%" if 0 < share < 0.005 else f"{share:.0%}"


def notes(extraction: Extraction) -> str:
    """Return what was chosen, left out or assumed on the way from the log to the patterns."""
    return "<ul>" + "".join(f"<li>{_text(note, 300)}</li>" for note in extraction.notes) + "</ul>"


def frame(values: pd.DataFrame) -> str:
    """Return a small frame of numbers; for an empty one, why there are none."""
    if values.empty:
        return "<p>Not compared: this needs windows of one length, and enough of them.</p>"
    rows = [
        [_number(cell) if isinstance(cell, float) else _text(cell) for cell in row]
        for row in values.to_numpy()
    ]
    return _table([str(name).replace("_", " ") for name in values.columns], rows, "frame")


def alerts(found: Iterable[Alert]) -> str:
    """Return the alerts, one row each."""
    chips = {"firing": "failed", "ok": "held", "no_data": "not_measured"}
    rows = [
        (
            f'<span class="chip {chips[alert.state]}">{alert.state.replace("_", " ")}</span>',
            _text(alert.statement, 120),
            "–" if alert.value is None else f"{_number(alert.value)} {_text(alert.unit)}",
        )
        for alert in found
    ]
    return _table(("state", "alert", "now"), rows, "alerts")


def environment() -> dict[str, str]:
    """Return what the figures depend on: versions and the machine's kind."""
    return {
        "measured at": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        **{name: version(name) for name in _LIBRARIES},
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": str(available_threads()),
        "memory available": f"{available_bytes() / 1e9:.1f} GB",
    }


def facts(values: Mapping[str, object]) -> str:
    """Return names and values, one row each."""
    return _table(
        ("what", "value"), [(_text(name), _text(value, 300)) for name, value in values.items()], "facts"
    )
