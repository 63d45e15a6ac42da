"""The column `metadata`: it keeps the columns that the action table does not have, with access to values by name."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from gymlab.actions.json_text import json_text
from gymlab.actions.values import Problems, is_missing
from gymlab.errors import InputError

Codes = np.ndarray[tuple[int], np.dtype[np.intp]]


class ExtendedMetadata(NamedTuple):
    """Metadata with further columns.

    ``texts`` is the metadata. ``wrong`` has the values that JSON cannot hold, by column and position. ``outvoted`` has
    the names of the columns that the metadata of an action contradicts.
    """

    texts: pd.Series
    wrong: dict[str, Problems]
    outvoted: list[str]


def with_columns(metadata: pd.Series, columns: Mapping[str, pd.Series]) -> ExtendedMetadata:
    """Return metadata that also holds columns which the action table does not have.

    Parameters
    ----------
    metadata
        JSON texts, "" for no metadata; shape (n_actions,). If an object has a key with the name of a column,
        its value is kept. A list is put under the key "metadata" if a column also has a value.
    columns
        By name the values of each column, shape (n_actions,); missing values are left out.

    Returns
    -------
    ExtendedMetadata
        The texts, shape (n_actions,), and the values that could not be kept.

    Examples
    --------
    >>> with_columns(pd.Series(['{"turn": 3}', ""]), {"model": pd.Series(["gpt", None])}).texts.tolist()
    ['{"model": "gpt", "turn": 3}', '']
    """
    wrong: dict[str, Problems] = {name: {} for name in columns}
    outvoted: dict[str, None] = {}
    parts: list[tuple[Codes, Any]] = [pd.factorize(metadata)]
    parts += [_members(name, values, wrong[name]) for name, values in columns.items()]
    # Equal rows are written once, since most rows are equal to others.
    alike = np.zeros(len(metadata), dtype=np.int64)
    for codes, texts in parts:
        alike = pd.factorize(alike * len(texts) + codes)[0]
    first = np.unique(alike, return_index=True)[1]
    rows = zip(*(np.asarray(texts)[codes[first]] for codes, texts in parts), strict=True)
    written = [_merged(own, ", ".join(filter(None, members)), outvoted) for own, *members in rows]
    return ExtendedMetadata(
        pd.Series(written, dtype="str").take(alike).reset_index(drop=True), wrong, list(outvoted)
    )


def _members(name: str, values: pd.Series, wrong: Problems) -> tuple[Codes, Sequence[str]]:
    """Return each value as a member of a JSON object, ``"name": value``, or "" if it is missing, as codes and texts."""
    # Most columns of one type have few distinct values; an object column may hold 1 and True, which are equal.
    is_mixed = values.dtype == object
    codes, distinct = (
        (np.arange(len(values)), values) if is_mixed else pd.factorize(values, use_na_sentinel=False)
    )
    texts = np.full(len(distinct), "", dtype=object)
    bad: Problems = {}
    # The scalars of the array know how many bits they have.
    for code, value in enumerate(distinct.array):
        try:
            texts[code] = "" if is_missing(value) else json_text({name: value})[1:-1]
        except InputError as error:
            bad[code] = str(error)
    if bad:
        wrong.update({at: bad[code] for at, code in enumerate(codes.tolist()) if code in bad})
    kept, written = pd.factorize(texts[codes])
    return kept, written.tolist()


def _merged(own: str, members: str, outvoted: dict[str, None]) -> str:
    if not members:
        return own
    if not own:
        return f"{{{members}}}"
    held, more = json.loads(own), json.loads(f"{{{members}}}")
    if not isinstance(held, dict):
        return f'{{{members}, "metadata": {own}}}'
    outvoted.update({name: None for name in more if held.get(name, more[name]) != more[name]})
    others = json_text({name: value for name, value in more.items() if name not in held})
    # The text of the source is not changed.
    return f"{{{', '.join(filter(None, [others[1:-1], own.strip()[1:-1].strip()]))}}}"


def values_under(metadata: pd.Series, name: str) -> tuple[Codes, list[object]]:
    """Return the distinct values under a name in the metadata, and the code of the value of each action.

    Parameters
    ----------
    metadata
        JSON texts, shape (n_actions,).
    name
        The key, or the keys from the outermost to the innermost, joined by dots.

    Returns
    -------
    (codes, values)
        Action i has ``values[codes[i]]``; None for an unknown value.

    Examples
    --------
    >>> values_under(pd.Series(['{"user": {"mood": "fine"}}', ""]), "user.mood")[1]
    ['fine', None]
    """
    codes, texts = pd.factorize(metadata)
    return codes, [_under(json.loads(text), name) if text else None for text in texts]


def _under(held: object, name: str) -> object:
    if not isinstance(held, dict):
        return None
    if name in held:
        return held[name]
    # A key may contain a dot, so the name is split at each dot in turn.
    dots = (at for at, letter in enumerate(name) if letter == ".")
    inner = (_under(held.get(name[:at]), name[at + 1 :]) for at in dots)
    return next((value for value in inner if value is not None), None)


def names_in(metadata: pd.Series) -> list[str]:
    """Return the names for which `values_under` finds a value, in the order in which they first appear.

    Examples
    --------
    >>> names_in(pd.Series(['{"user": {"mood": "fine"}, "turn": 3}', ""]))
    ['user.mood', 'turn']
    """
    objects = (json.loads(text) for text in metadata.unique() if text)
    return list(dict.fromkeys(name for held in objects for name in _names(held, "")))


def _names(held: object, before: str) -> Iterator[str]:
    if isinstance(held, dict):
        for name, value in held.items():
            yield from _names(value, f"{before}{name}.")
    elif held is not None and before:
        yield before.removesuffix(".")
