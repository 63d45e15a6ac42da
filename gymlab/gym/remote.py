"""An agent behind a service that may fail: timeout, retries, breaker, bounded concurrency and what a decision took."""

import asyncio
import http.client
import math
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Protocol

import tenacity

from gymlab.arguments import finite_number, whole_number
from gymlab.errors import BreakerOpenError
from gymlab.gym.answers import AnswerError, decision_from
from gymlab.gym.decisions import Decision, Scenario, Turn
from gymlab.runtime.breaker import CircuitBreaker

LARGEST_BODY = 1_000_000
_MOST_CAUSE = 200
_PASSING_STATUS = {408, 409, 425, 429}
# The errors of connections of httpx, of httpx2 and of the SDKs, which need not be installed.
_CONNECTION_ERRORS = {"TransportError", "APIConnectionError"}
_SECRET_NAME = re.compile("KEY|TOKEN|SECRET|PASSW", re.IGNORECASE)


@dataclass(frozen=True)
class CallLimits:
    """What a decision may take.

    Attributes
    ----------
    timeout
        Seconds for one attempt, and the most seconds to wait before the next one.
    attempts
        The number of attempts.
    concurrency
        The number of decisions that are asked for at the same time.
    """

    timeout: float = 30.0
    attempts: int = 4
    concurrency: int = 16

    def __post_init__(self) -> None:
        finite_number("timeout", self.timeout, above=0, noun="seconds")
        whole_number("attempts", self.attempts, least=1)
        whole_number("concurrency", self.concurrency, least=1)


@dataclass(frozen=True)
class Reply:
    """What a service answered: the answer as :func:`~gymlab.gym.answers.decision_from` takes it, and its tokens."""

    answer: object
    tokens_in: int | None = None
    tokens_out: int | None = None


class Service(Protocol):
    """Something that is asked for a decision; it may raise any error."""

    async def ask(self, scenario: Scenario, history: Sequence[Turn]) -> Reply:
        """Ask once."""
        ...

    async def aclose(self) -> None:
        """Close connections."""
        ...


class RemoteAgent:
    """An agent that asks a service.

    An attempt that fails is repeated after a delay with exponential backoff and full jitter, or after the delay that the
    service or its breaker names, unless that is longer than the timeout. What the service refuses for good, and a wrong
    choice, are not repeated.

    Parameters
    ----------
    name
        The name of the agent and of its breaker.
    service
        The service.
    limits
        The limits of a decision.
    breaker
        None for a breaker that opens if 15 of the latest 20 attempts failed. Attempts that hang end together, so a few
        failures in a row say little.
    sleep, clock
        As ``asyncio.sleep`` and ``time.perf_counter``.

    Examples
    --------
    >>> from gymlab.gym.scenarios import scenarios
    >>> class First:
    ...     async def ask(self, scenario, history):
    ...         return Reply(1)
    ...     async def aclose(self):
    ...         pass
    >>> agent = RemoteAgent("first", First())
    >>> asyncio.run(agent.decide(next(scenarios(1, seed=0, archetypes="scarcity")), [])).choice
    'split_equally'
    """

    def __init__(
        self,
        name: str,
        service: Service,
        limits: CallLimits | None = None,
        *,
        breaker: CircuitBreaker | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.name = name
        self.limits = limits or CallLimits()
        self.breaker = breaker or CircuitBreaker(name, 0.75, window=20)
        self._service, self._sleep, self._clock = service, sleep, clock
        self._semaphore = asyncio.Semaphore(self.limits.concurrency)
        self._backoff = tenacity.wait_random_exponential(multiplier=0.5, max=self.limits.timeout)

    async def decide(self, scenario: Scenario, history: Sequence[Turn]) -> Decision:
        """Ask until there is an answer; a decision that cannot be had is missing, with its cause."""
        timeout = min(self.limits.timeout, scenario.time_limit or math.inf)
        replies: list[Reply] = []

        async def attempt() -> Decision:
            with self.breaker.guard():
                async with asyncio.timeout(timeout):
                    reply = await self._service.ask(scenario, history)
                replies.append(reply)
                try:
                    return decision_from(scenario, reply.answer)
                except AnswerError as error:
                    if error.again:
                        raise
                    # The service works.
                    return Decision(missing=str(error))

        # It has a state, so each decision needs its own.
        retrying = tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self.limits.attempts),
            retry=tenacity.retry_if_exception(self._may_pass),
            wait=self._delay,
            sleep=self._sleep,
            reraise=True,
        )
        async with self._semaphore:
            start = self._clock()
            try:
                decision: Decision = await retrying(attempt)
            except Exception as error:  # noqa: BLE001 - the user's code and the SDKs may raise anything; the cause is kept
                decision = Decision(missing=_cause(error, timeout))
            took = (self._clock() - start) * 1000
        return replace(
            decision,
            missing=_without_secrets(decision.missing),
            latency_ms=took,
            tokens_in=_total([reply.tokens_in for reply in replies]),
            tokens_out=_total([reply.tokens_out for reply in replies]),
        )

    async def aclose(self) -> None:
        """Close the connections of the service."""
        await self._service.aclose()

    def _may_pass(self, error: BaseException) -> bool:
        """Whether another attempt may succeed, within the time that may be waited."""
        told = _told_delay(error)
        if told is not None and told > self.limits.timeout:
            return False
        status = _status(error)
        if status is not None:
            return status in _PASSING_STATUS or status >= 500
        if any(isinstance(one, AnswerError) for one in _chain(error)):
            return all(one.again for one in _chain(error) if isinstance(one, AnswerError))
        return isinstance(error, BreakerOpenError) or any(_is_of_connection(one) for one in _chain(error))

    def _delay(self, state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        told = _told_delay(error) if error else None
        return self._backoff(state) if told is None else told


def body_limit(library: Any) -> dict[str, list[Any]]:  # noqa: ANN401 - httpx or httpx2
    """Return the hooks of a client that end an answer at 1 MB.

    Parameters
    ----------
    library
        The module of the client: httpx or httpx2.
    """

    class Limited(library.AsyncByteStream):  # type: ignore[misc] # the class depends on the library
        def __init__(self, stream: Any) -> None:  # noqa: ANN401 - as above
            self._stream = stream

        async def __aiter__(self) -> Any:  # noqa: ANN401 - as above
            size = 0
            async for chunk in self._stream:
                size += len(chunk)
                if size > LARGEST_BODY:
                    raise AnswerError(f"the answer has more than {LARGEST_BODY:,} bytes", again=False)
                yield chunk

        async def aclose(self) -> None:
            await self._stream.aclose()

    async def limit(response: Any) -> None:  # noqa: ANN401 - as above
        response.stream = Limited(response.stream)
        # A few compressed bytes can hold gigabytes. The request asks for none; those that come nevertheless are no JSON.
        response.headers.pop("content-encoding", None)

    return {"response": [limit]}


UNCOMPRESSED = {"Accept-Encoding": "identity"}


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes; an SDK wraps what it did not expect."""
    one: BaseException | None = error
    seen: set[int] = set()
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__


def _is_of_connection(error: BaseException) -> bool:
    names = {kind.__name__ for kind in type(error).__mro__}
    return isinstance(error, (ConnectionError, TimeoutError)) or bool(names & _CONNECTION_ERRORS)


def _status(error: BaseException) -> int | None:
    """Return the status of an answer that httpx or an SDK raised as an error."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    return status if isinstance(status, int) else None


def _told_delay(error: BaseException) -> float | None:
    """Return the seconds after which the breaker or the service allows another attempt; None if neither says it."""
    if isinstance(error, BreakerOpenError):
        return error.retry_after if math.isfinite(error.retry_after) else None
    headers = getattr(getattr(error, "response", None), "headers", None) or {}
    value = str(headers.get("retry-after", ""))
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def _cause(error: Exception, timeout: float) -> str:
    """Return why there is no decision, as one short line. The body of an answer may repeat a key, so it is left out."""
    told = _told_delay(error)
    status = _status(error)
    answers = [one for one in _chain(error) if isinstance(one, AnswerError)]
    if answers:
        return str(answers[0])
    if status is not None:
        phrase = http.client.responses.get(status, "unknown")
        later = f"; it asks to wait {told:g} s" if told else ""
        return f"the service answers with status {status} ({phrase}){later}"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout:g} s"
    if any(_is_of_connection(one) for one in _chain(error)):
        root = list(_chain(error))[-1]
        return (
            f"the connection failed: {(isinstance(root, OSError) and root.strerror) or type(root).__name__}"
        )
    if isinstance(error, BreakerOpenError):
        # Without the delay, so that equal causes are equal texts.
        return f"the breaker {error.name!r} is open, since the service behind it fails"
    return _without_secrets(" ".join(f"{type(error).__name__}: {error}".split()))[:_MOST_CAUSE]


def _without_secrets(text: str) -> str:
    """Return a text with stars in place of keys and of the users and passwords of URLs."""
    if not text:
        return text
    for name, value in os.environ.items():
        if len(value) >= 8 and _SECRET_NAME.search(name):
            text = text.replace(value, "***")
    text = re.sub(r"://[^/@\s]*@", "://***@", text)
    return re.sub(r"\b(sk-|Bearer )[\w.-]{4,}", r"\1***", text)


def _total(numbers: list[int | None]) -> int | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None
