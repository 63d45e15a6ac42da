"""JSON as in the standard: reading refuses texts that only Python accepts, and writing takes all values of cells."""

import base64
import json
import math
from collections import Counter
from collections.abc import Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import NoReturn
from uuid import UUID

import numpy as np
import pandas as pd

from gymlab.arguments import shown
from gymlab.errors import InputError

HALF_PAIR = "holds half a surrogate pair, which is no text"
_INVALID = "is no valid JSON"
_DEEP = "is nested too deeply"
_LONG = "holds a number of more than 4,300 digits"
# A decimal with more digits than 128 bits hold is written as text; int() would take minutes for very large ones.
_MOST_DIGITS = 40
_AS_TEXT = (UUID, PurePath, pd.Period, pd.Interval)

_encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


class NotJsonError(InputError):
    """A part of a text is no JSON: ``value`` is the part, and ``problem`` is the reason."""

    def __init__(self, value: str, problem: str) -> None:
        super().__init__(f"holds {shown(value)}, which {problem}")
        self.value, self.problem = value, problem


def strict_json(text: str | bytes) -> object:
    """Return the value of a JSON text, without any loss.

    Parameters
    ----------
    text
        The text; bytes are UTF-8.

    Returns
    -------
    object
        The value, in dicts, lists, texts, numbers, true, false and None.

    Raises
    ------
    InputError
        If the text is no JSON, is nested too deeply, or holds NaN, an infinity, a number too large for a float, or a key
        twice in one object. The message is a predicate; the caller adds the place as its subject. The error is a
        `NotJsonError` if one part of the text is wrong.

    Examples
    --------
    >>> strict_json('{"reward": 1}')
    {'reward': 1}
    >>> strict_json('{"reward": NaN}')
    Traceback (most recent call last):
    ...
    gymlab.actions.json_text.NotJsonError: holds 'NaN', which is no JSON; leave unknown values out
    """
    try:
        return _decoder.decode(text.decode() if isinstance(text, bytes) else text)
    except NotJsonError:
        raise
    except RecursionError as error:
        raise InputError(_DEEP) from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(_INVALID) from error
    except ValueError as error:
        raise InputError(_LONG) from error


def json_text(value: object) -> str:
    """Return a value as JSON text.

    Times and dates are written in ISO 8601, durations in seconds, bytes in base64, sets as sorted lists, and UUIDs,
    paths, periods and intervals as their text. A decimal is written as a number, or as text if a float would lose
    digits. None, NA and NaT are null. A float of 16 or 32 bits is written with the shortest digits that identify it.

    Parameters
    ----------
    value
        A value of JSON, a scalar or an array of numpy or pandas, or a value of the types above; they may be nested.

    Returns
    -------
    str
        The text, which `strict_json` reads.

    Raises
    ------
    InputError
        If JSON has no form for a part of the value, such as NaN or an infinity. The message is a predicate.

    Examples
    --------
    >>> json_text({"when": date(2026, 1, 31), "counts": np.array([1, 2]), "price": Decimal("0.50")})
    '{"when": "2026-01-31", "counts": [1, 2], "price": 0.5}'
    """
    try:
        text = _encoder.encode(_plain(value))
        text.encode()
    except InputError:
        raise
    except RecursionError as error:
        raise InputError(_DEEP) from error
    except UnicodeEncodeError as error:
        raise InputError(HALF_PAIR) from error
    except (ValueError, TypeError, OverflowError) as error:
        # A float that is not finite, a number with too many digits, or a time that does not exist.
        raise InputError(_INVALID) from error
    return text


def _constant(text: str) -> NoReturn:
    raise NotJsonError(text, "is no JSON; leave unknown values out")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise NotJsonError(text, "is too large for a number")
    return number


def unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object, as the ``object_pairs_hook`` of `json` does; refuse a key that occurs twice.

    Raises
    ------
    NotJsonError
        If a key occurs twice.

    Examples
    --------
    >>> unique_keys([("reward", 1)])
    {'reward': 1}
    """
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = next(name for name, count in Counter(name for name, _ in pairs).items() if count > 1)
        raise NotJsonError(twice, "is a key that occurs twice in one object")
    return found


_decoder = json.JSONDecoder(parse_constant=_constant, parse_float=_finite, object_pairs_hook=unique_keys)


def _plain(value: object) -> object:
    """Return a value in the types of JSON."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, Mapping):
        return unique_keys([(_key(key), _plain(held)) for key, held in value.items()])
    if isinstance(value, (list, tuple)):
        return [_plain(held) for held in value]
    if isinstance(value, (set, frozenset)):
        return sorted(map(_plain, value), key=json_text)
    if isinstance(value, np.ndarray):
        # tolist() would turn times in nanoseconds into numbers.
        return [_plain(held) for held in value] if value.ndim else _plain(value[()])
    return _plain_scalar(value)


def _key(key: object) -> str:
    plain = key if isinstance(key, str) else _plain(key)
    if isinstance(plain, (list, dict)):
        raise InputError(f"has the key {shown(key)}, which is no text")
    return plain if isinstance(plain, str) else _encoder.encode(plain)


def _plain_scalar(value: object) -> object:  # noqa: C901, PLR0911 - one line for each type
    if value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, np.datetime64):
        return _plain(pd.Timestamp(value))
    if isinstance(value, np.timedelta64):
        return _plain(pd.Timedelta(value))
    if isinstance(value, np.floating):
        return float(str(value))
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, Decimal):
        return _plain_decimal(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, Enum):
        return _plain(value.value)
    if isinstance(value, _AS_TEXT):
        return str(value)
    raise InputError(f"holds a {type(value).__name__}, which has no form in JSON")


def _plain_decimal(value: Decimal) -> float | int | str:
    if not value.is_finite():
        raise InputError(f"holds {value}, which is no JSON; leave unknown values out")
    if abs(value.adjusted()) >= _MOST_DIGITS:
        return str(value)
    if value == value.to_integral_value():
        return int(value)
    number = float(value)
    return number if Decimal(repr(number)) == value else str(value)
