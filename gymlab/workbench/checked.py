"""Checks of the arguments of figures, tables and widgets: tables, arrays, collections, extractions."""

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gymlab.arguments import instance, named, shown
from gymlab.errors import InputError
from gymlab.patterns.result import Extraction

Item = TypeVar("Item")


def an_extraction(value: object) -> None:
    """Refuse a value that is no extraction.

    Raises
    ------
    InputError
        If the value is something else.
    """
    instance("extraction", value, Extraction, "what gymlab.extract_patterns returns")


def a_table(name: str, value: object, *columns: str, may_be_empty: bool = False) -> None:
    """Refuse a value that is no table with these columns; with `may_be_empty`, an empty table needs no columns.

    Raises
    ------
    InputError
        If the value is no frame, or lacks a column.

    Examples
    --------
    >>> a_table("actions", pd.DataFrame({"step": [0]}), "step", "target")
    Traceback (most recent call last):
    ...
    gymlab.errors.InputError: actions has no column target; it has step
    """
    instance(name, value, pd.DataFrame, "a table (pandas.DataFrame)")
    there = list(value.columns)  # type: ignore[attr-defined] # checked above
    missing = [column for column in columns if column not in there]
    if missing and not (may_be_empty and value.empty):  # type: ignore[attr-defined] # as above
        raise InputError(f"{name} has no column {', '.join(missing)}; it has {named(there)}")


def numbers(name: str, value: object, n_dimensions: int = 1) -> NDArray[Any]:
    """Return an array or a collection of numbers as an array.

    Raises
    ------
    InputError
        If the value is something else, or has another number of dimensions.

    Examples
    --------
    >>> numbers("widths", [0.5, 1.0]).tolist()
    [0.5, 1.0]
    >>> numbers("widths", "wide")
    Traceback (most recent call last):
    ...
    gymlab.errors.InputError: widths is 'wide'; give numbers in an array of 1 dimension
    """
    words = f"give numbers in an array of {n_dimensions} dimension{'s' * (n_dimensions > 1)}"
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} is {shown(value)}; {words}") from error
    if array.size == 0 and array.dtype.kind not in "US" and not isinstance(value, np.ndarray):
        array = array.reshape((0,) * n_dimensions).astype(float)
    if array.dtype.kind not in "iuf" or array.ndim != n_dimensions:
        raise InputError(f"{name} is {shown(value)}; {words}")
    return array


def whole_numbers(name: str, value: object, n_dimensions: int = 1) -> NDArray[Any]:
    """Return whole numbers as an array, in the same way as :func:`numbers`.

    Raises
    ------
    InputError
        If the value is something else.
    """
    array = numbers(name, value, n_dimensions)
    if array.size and array.dtype.kind not in "iu":
        raise InputError(f"{name} is {shown(value)}; give whole numbers")
    return array


def each(name: str, value: object, kind: type[Item] | tuple[type[Item], ...], noun: str) -> list[Item]:
    """Return a collection of objects of a class as a list. The message describes the class by `noun`.

    Raises
    ------
    InputError
        If the value is no collection, or an object has another class.

    Examples
    --------
    >>> each("names", ["ada", 5], str, "names")
    Traceback (most recent call last):
    ...
    gymlab.errors.InputError: names holds 5; give names
    """
    if not isinstance(value, Iterable) or isinstance(value, (str, bytes, Mapping)):
        raise InputError(f"{name} is {shown(value)}; give {noun}")
    items = list(value)
    for item in items:
        if not isinstance(item, kind):
            raise InputError(f"{name} holds {shown(item)}; give {noun}")
    return items
