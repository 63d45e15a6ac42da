"""Checks of the arguments of public functions: an unusable value raises an `InputError` that names the usable values."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from gymlab.errors import InputError

_WIDTH, _MOST_NAMED = 80, 10
_MOST_WHOLE = 2**63 - 1

# A bool is a number for Python, and a timedelta64 is a number for numpy.
_NO_NUMBERS = (bool, np.timedelta64)


def shown(value: object) -> str:
    """Return a value as one short line for an error message.

    Examples
    --------
    >>> shown("tit for tat"), shown([1.5, None])
    ("'tit for tat'", '[1.5, None]')
    """
    # Only the beginning of a long text is shown.
    if isinstance(value, str):
        return shortened(repr(value[:_WIDTH]))
    # The repr of a frame or an array has many lines, so the type is shown.
    if not isinstance(value, np.generic) and hasattr(value, "__array__"):
        return f"a {type(value).__name__}"
    try:
        return shortened(" ".join(repr(value).split()))
    except Exception:  # noqa: BLE001 - a number of more than 4,300 digits has no repr, and the repr of an object may raise any error
        return f"a {type(value).__name__}"


def shortened(text: str) -> str:
    """Return a text for a message; only the beginning of a long text."""
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def named(names: Iterable[object]) -> str:
    """Return names for a message: the first ones, each shortened, and the number of the others."""
    texts = [shortened(str(name)) for name in names]
    more = f" and {len(texts) - _MOST_NAMED:,} more" if len(texts) > _MOST_NAMED else ""
    return (", ".join(texts[:_MOST_NAMED]) or "none") + more


def whole_number(name: str, value: object, *, least: int, most: int = _MOST_WHOLE, instead: str = "") -> int:
    """Return an argument that has to be a whole number as an int.

    Parameters
    ----------
    name, value
        Name of the argument in the message, and its value.
    least, most
        The range of usable numbers.
    instead
        Words for other usable values: ``", or None"``.

    Raises
    ------
    InputError
        If the value is no whole number (True and 2.0 are not), or outside the range.

    Examples
    --------
    >>> whole_number("window", np.int32(20), least=1)
    20
    >>> whole_number("window", 2.5, least=1)
    Traceback (most recent call last):
    ...
    gymlab.errors.InputError: window is 2.5; give a whole number of 1 or more
    """
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, _NO_NUMBERS)
    number = int(value) if whole else least - 1  # type: ignore[call-overload] # it is whole
    if not least <= number <= most:
        above = number > most
        words = f"from {least:,} to {most:,}" if above or most < _MOST_WHOLE else f"of {least:,} or more"
        raise InputError(f"{name} is {shown(value)}; give a whole number {words}{instead}")
    return number


def finite_number(
    name: str,
    value: object,
    *,
    above: float = -math.inf,
    least: float = -math.inf,
    most: float = math.inf,
    noun: str = "a number",
    instead: str = "",
) -> float:
    """Return an argument that has to be a finite number as a float.

    Parameters
    ----------
    name, value
        Name of the argument in the message, and its value.
    above, least, most
        The range of usable numbers: greater than `above`, not less than `least`, not greater than `most`.
    noun
        The noun for the number in the message.
    instead
        Words for other usable values: ``", or None"``.

    Raises
    ------
    InputError
        If the value is no number (True and "2" are not), not finite, or outside the range.

    Examples
    --------
    >>> finite_number("q", 0.05, above=0, most=1)
    0.05
    >>> finite_number("eps", -1, least=0, noun="a distance", instead=", or None")
    Traceback (most recent call last):
    ...
    gymlab.errors.InputError: eps is -1; give a distance of 0 or more, or None
    """
    usable = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, _NO_NUMBERS)
    number = _as_float(value) if usable else math.nan
    if not math.isfinite(number) or not (above < number and least <= number <= most):
        words = [f"above {above:g}"] if math.isfinite(above) else []
        words += [f"of {least:g} or more"] if math.isfinite(least) else []
        words += [f"of at most {most:g}"] if math.isfinite(most) else []
        wanted = " ".join([noun, " and ".join(words)]) if words else noun
        raise InputError(f"{name} is {shown(value)}; give {wanted}{instead}")
    return number


def _as_float(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type] # the caller has checked that it is a number
    except OverflowError:
        return math.inf


def one_of(name: str, value: object, known: Sequence[str], *, instead: str = "") -> str:
    """Return an argument that has to be one of several names.

    Raises
    ------
    InputError
        If the value is another name.

    Examples
    --------
    >>> one_of("by", "agent", ("agent", "session"))
    'agent'
    """
    if not isinstance(value, str) or value not in known:
        raise InputError(f"{name} is {shown(value)}; give one of {', '.join(known)}{instead}")
    return value


def boolean(name: str, value: object, *, instead: str = "") -> bool:
    """Return an argument that has to be true or false.

    Raises
    ------
    InputError
        If the value is something else.

    Examples
    --------
    >>> boolean("strict", True)
    True
    """
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} is {shown(value)}; give True or False{instead}")
    return bool(value)


def texts(name: str, value: object, *, instead: str = "") -> list[str]:
    """Return an argument that has to be a text, or a collection of texts, as a list.

    Raises
    ------
    InputError
        If the value is neither a text nor a collection of texts.

    Examples
    --------
    >>> texts("agent", "Grudger"), texts("agent", ["Grudger", "Random"])
    (['Grudger'], ['Grudger', 'Random'])
    """
    if isinstance(value, str):
        return [value]
    try:
        # A mapping is a collection of its keys, which are not meant here.
        listed = [None] if isinstance(value, Mapping) else list(value)  # type: ignore[call-overload]
    except TypeError:
        listed = [None]
    if not all(isinstance(one, str) for one in listed):
        raise InputError(f"{name} is {shown(value)}; give a text or several{instead}")
    return [str(one) for one in listed]


def instance(name: str, value: object, kind: type | tuple[type, ...], noun: str) -> None:
    """Refuse an argument of another class; `noun` describes the class in the message.

    Raises
    ------
    InputError
        If the value has another class.

    Examples
    --------
    >>> instance("actions", None, list, "a list of actions")
    Traceback (most recent call last):
    ...
    gymlab.errors.InputError: actions is None; give a list of actions
    """
    if not isinstance(value, kind):
        raise InputError(f"{name} is {shown(value)}; give {noun}")
