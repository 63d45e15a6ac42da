"""What makes reports at night: cron, and the jobs that it has."""

import shutil
from collections.abc import Iterator

from gymlab.errors import GymlabError
from gymlab.workbench.doctor.finding import Finding
from gymlab.workbench.schedule.crontab import running_daemon
from gymlab.workbench.schedule.overview import NOTHING, overview
from gymlab.workbench.text import counted


def look_at_cron() -> Iterator[Finding]:
    """Say whether there is a cron that could start reports."""
    program, daemon = shutil.which("crontab"), running_daemon()
    if program is None:
        text = "no program crontab: install cron to use `gymlab schedule`, or a systemd timer"
        yield Finding("cron", "absent", text)
    elif daemon is None:
        text = f"{program}, but no cron runs, so nothing starts: systemctl start cron (or `cron`, as root)"
        yield Finding("cron", "absent", text)
    else:
        yield Finding("cron", "ok", f"{program}, and cron runs (process {daemon})")


def look_at_schedules() -> Iterator[Finding]:
    """Say how many jobs there are, and which of them cron will not start as they say."""
    try:
        jobs = overview()
    except GymlabError as error:
        # Reports by hand go on without.
        yield Finding("schedules", "absent", str(error))
        return
    wrong = [f"{one.name}: {one.cron}" for one in jobs if one.cron != "ok"]
    if not jobs:
        yield Finding("schedules", "absent", NOTHING)
    elif wrong:
        yield Finding(
            "schedules",
            "absent",
            f"{len(wrong)} of {counted(len(jobs), 'jobs')} will not start; {'; '.join(wrong)}",
        )
    else:
        yield Finding(
            "schedules", "ok", f"{counted(len(jobs), 'jobs')}: {', '.join(one.name for one in jobs)}"
        )
