"""What a run of the report comes to on the command line: its verdicts as text, and the exit code."""

from typing import TYPE_CHECKING

from gymlab.errors import BusyError, GymlabError, ReportError
from gymlab.workbench.text import with_range

if TYPE_CHECKING:
    from gymlab.workbench.report.execute import Report

INTERRUPTED = 130


def verdict_listing(report: "Report") -> str:
    """Return what each claim came to, one line each, then the alerts that fire and where the report is.

    A figure is the median of the repeats; the least and the largest stand behind it, since the worst one counts.
    """
    lines = [
        f"{claim['verdict']:>12}  {claim['id']:<15} "
        f"{with_range(claim['measured'], claim['low'], claim['high'])} {claim['unit']} (expected {claim['expected']})"
        for claim in report.results["claims"]
    ]
    for alert in report.results["alerts"]:
        if alert["state"] == "firing":
            value = f"{alert['value']:.4g} {alert['unit']}"
            lines.append(f"{alert['state']:>12}  {alert['id']:<15} {value} ({alert['statement']})")
    return "\n".join([*lines, f"report: {report.folder / 'report.html'}"])


def exit_code_of(report: "Report", *, strict: bool) -> int:
    """Return the exit code of a report that was written: 1 if it is strict and a claim or an alert failed."""
    return 1 if strict and report.failed else 0


def exit_code_for(error: BaseException) -> int:
    """Return the exit code that an error ends a command with.

    Examples
    --------
    >>> from gymlab.errors import InputError
    >>> [exit_code_for(error) for error in (InputError(), BusyError(), ReportError(), OSError(), KeyError())]
    [2, 3, 1, 2, 1]
    """
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else int(error.code is not None)
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, BusyError):
        return 3
    if isinstance(error, GymlabError) and not isinstance(error, ReportError):
        return 2
    return 2 if isinstance(error, OSError) else 1
