"""What the notebooks need: their kernel, and the parts of widgets and figures that run in the browser."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from gymlab.workbench.doctor.finding import Finding

_KERNEL = "python3"  # that of the reports
_ANY_PYTHON = {"python", "python3", "python{}.{}".format(*sys.version_info)}
# Folders that JupyterLab serves to the browser, by the package that brings them.
_FRONT_ENDS = {"jupyterlab_widgets": "@jupyter-widgets/jupyterlab-manager", "anywidget": "anywidget"}


def look_at_notebooks() -> Iterator[Finding]:
    """Say whether the kernel of the notebooks is there."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel  # noqa: PLC0415 - absent, it is a finding

    try:
        spec = KernelSpecManager().get_kernel_spec(_KERNEL)
    except NoSuchKernel:
        text = f"Jupyter knows no kernel {_KERNEL!r}: {sys.executable} -m ipykernel install --sys-prefix"
        yield Finding("jupyter kernel", "problem", text)
        return
    # Jupyter runs a kernel that asks for any Python by the one that runs Jupyter.
    program = sys.executable if spec.argv[0] in _ANY_PYTHON else shutil.which(spec.argv[0])
    if program is None:
        text = f"kernel {_KERNEL!r} starts {spec.argv[0]}, which is not there"
        yield Finding(
            "jupyter kernel", "problem", f"{text}: {sys.executable} -m ipykernel install --sys-prefix"
        )
    else:
        yield Finding("jupyter kernel", "ok", f"{_KERNEL}, {program}")


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
