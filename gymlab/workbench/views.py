"""The former name of :mod:`gymlab.workbench.figures`, for notebooks that still use it."""

import warnings

from gymlab.workbench import figures


def __getattr__(name: str) -> object:
    value: object = getattr(figures, name)
    warnings.warn(
        f"views.{name} is now figures.{name}, of gymlab.workbench", DeprecationWarning, stacklevel=2
    )
    return value
