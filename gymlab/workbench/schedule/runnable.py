"""Whether a job can run: what would be refused at night is refused when it is made."""

import subprocess
import sys
from dataclasses import replace

from gymlab.errors import InputError
from gymlab.settings import notebook_path
from gymlab.workbench.files import require_apart, unwritable
from gymlab.workbench.report.execute import NOTEBOOK
from gymlab.workbench.report.folders import checked_keep, own_files
from gymlab.workbench.report.parameters import all_parameters, checked_parameters, require_usable
from gymlab.workbench.report.sources import absolute_source
from gymlab.workbench.schedule.jobs import Job, checked_name
from gymlab.workbench.schedule.log import log_file
from gymlab.workbench.schedule.stored import job_file


def require_runnable(job: Job) -> Job:
    """Return the job with its parameters as the report will take them; refuse now what would be refused at night.

    Raises
    ------
    InputError
        If the name, a parameter, the log or the folder of the reports cannot be used, or a run would write to the log.
    """
    checked_name(job.name)
    _require_importable()
    notebook = notebook_path(NOTEBOOK)
    parameters = checked_parameters(job.parameters, notebook)
    everything = all_parameters(parameters, notebook)
    source = absolute_source(list(job.source) or everything.get("source"))
    written = {"the job's own log": log_file(job.name), "the job's own file": job_file(job.name)}
    require_apart(own_files(job.reports) | written, source)
    require_usable({**everything, "source": source})
    checked_keep(job.keep)
    if problem := unwritable(job.reports):
        raise InputError(f"{job.reports}: {problem}; choose another folder for the reports with --out")
    return replace(job, parameters=parameters)


def _require_importable() -> None:
    """Refuse a gymlab that Python finds by the working directory or PYTHONPATH alone, neither of which cron has."""
    done = subprocess.run(
        [sys.executable, "-P", "-c", "import gymlab"], env={}, cwd="/", capture_output=True, check=False
    )
    if done.returncode:
        raise InputError(
            f"{sys.executable} does not find gymlab outside of this folder or without this environment; install gymlab for it"
        )
