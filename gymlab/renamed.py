"""Old names that still work; each gives a DeprecationWarning with the new name."""

import functools
import warnings
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def renamed_argument(old: str, new: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Accept an argument under its old keyword too, with a warning.

    Examples
    --------
    >>> @renamed_argument("n_intents", "n_action_types")
    ... def double(n_action_types):
    ...     return 2 * n_action_types
    >>> with warnings.catch_warnings(record=True) as caught:
    ...     warnings.simplefilter("always")
    ...     double(n_intents=3)
    6
    >>> str(caught[0].message)
    'the argument n_intents is now called n_action_types'
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            if old in kwargs and new not in kwargs:
                message = f"the argument {old} is now called {new}"
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorated


def renamed_attribute(old: str, new: str) -> Any:  # noqa: ANN401 - an attribute has any type
    """Return a property that gives the attribute ``new`` under its old name, with a warning."""

    def get(owner: object) -> Any:  # noqa: ANN401 - as above
        message = f"{type(owner).__name__}.{old} is now called {new}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return getattr(owner, new)

    return property(get, doc=f"The old name of ``{new}``.")
