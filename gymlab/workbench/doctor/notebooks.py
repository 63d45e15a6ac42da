"""What the notebooks need: their kernel, and the parts of widgets and figures that run in the browser."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from gymlab.workbench.doctor.finding import Finding

_KERNEL = "python3"  # that of the notebooks; a report takes none that Jupyter knows
_SECONDS = 60
_ANY_PYTHON = {"python", "python3", "python{}.{}".format(*sys.version_info)}
# Folders that JupyterLab serves to the browser, by the package that brings them.
_FRONT_ENDS = {"jupyterlab_widgets": "@jupyter-widgets/jupyterlab-manager", "anywidget": "anywidget"}


def look_at_notebooks() -> Iterator[Finding]:
    """Say whether reports have a kernel, and whether that of the notebooks in JupyterLab is one with gymlab."""
    if find_spec("ipykernel") is None:
        text = f"{sys.executable} has no ipykernel, so no report can be made: pip install ipykernel"
        yield Finding("report kernel", "problem", text)
    else:
        yield Finding("report kernel", "ok", f"that of {sys.executable}, whichever kernels Jupyter knows")
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel  # noqa: PLC0415 - absent, it is a finding
    from traitlets import TraitError  # noqa: PLC0415 - as above

    try:
        spec = KernelSpecManager().get_kernel_spec(_KERNEL)
    except NoSuchKernel:
        problem = f"Jupyter knows no kernel {_KERNEL!r}"
    except (ValueError, TypeError, TraitError) as error:
        problem = f"the file of kernel {_KERNEL!r} cannot be used ({error})"
    else:
        problem = _problem(spec.argv)
    if problem:
        text = f"{problem}; for the notebooks: {sys.executable} -m ipykernel install --sys-prefix"
        yield Finding("jupyter kernel", "problem", text)
    else:
        yield Finding("jupyter kernel", "ok", f"{_KERNEL}, {_program(spec.argv)}")


def _program(argv: list[str]) -> str | None:
    # Jupyter runs a kernel that asks for any Python by the one that runs Jupyter.
    return sys.executable if argv[0] in _ANY_PYTHON else shutil.which(argv[0])


def _problem(argv: list[str]) -> str:
    """Return why notebooks cannot use gymlab in the kernel that this command starts; empty if they can."""
    if not argv:
        return f"kernel {_KERNEL!r} starts nothing"
    program = _program(argv)
    if program is None:
        return f"kernel {_KERNEL!r} starts {argv[0]}, which is not there"
    # Environments share the Python that their programs link to, so the folders are compared and not where they lead.
    if Path(program).parent == Path(sys.executable).parent:
        return ""
    try:
        done = subprocess.run(  # noqa: S603 - what JupyterLab would start too
            [program, "-c", "import gymlab, ipykernel"],
            cwd="/",
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"kernel {_KERNEL!r} starts {program}, which does not run ({error})"
    return "" if done.returncode == 0 else f"kernel {_KERNEL!r} starts {program}, which does not have gymlab"


def look_at_widgets() -> Iterator[Finding]:
    """Say whether JupyterLab has what shows sliders and figures."""
    from jupyter_core.paths import jupyter_path  # noqa: PLC0415 - absent, it is a finding

    folders = [Path(folder) for folder in jupyter_path("labextensions")]
    there = {
        package: next((folder for folder in folders if (folder / name / "package.json").is_file()), None)
        for package, name in _FRONT_ENDS.items()
    }
    missing = [package for package, folder in there.items() if folder is None]
    if missing:
        text = f"JupyterLab has no front end of {', '.join(missing)}, so nothing moves in the notebooks: "
        command = f"{sys.executable} -m pip install --force-reinstall {' '.join(missing)}"
        yield Finding("widgets", "absent", text + command)
    else:
        held = ", ".join(there)
        yield Finding("widgets", "ok", f"front ends of {held} in {next(iter(there.values()))}")
