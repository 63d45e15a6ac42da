"""Agents outside this process: the Gym's HTTP, OpenAI-compatible and Anthropic services, LangChain, and functions.

The SDKs are extras, so each is imported by the service that needs it. Their own retries are off.
"""

import asyncio
import importlib
import inspect
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import httpx

from gymlab.errors import InputError
from gymlab.gym.answers import (
    INSTRUCTION,
    AnswerError,
    parsed_json,
    prompt_of,
    request_of,
    schema_of,
)
from gymlab.gym.decisions import Scenario, Turn
from gymlab.gym.remote import LARGEST_BODY, UNCOMPRESSED, Reply, body_limit

_MOST_TOKENS = 1024
_TOOL = "decide"


def extra(module: str, extra_name: str) -> Any:  # noqa: ANN401 - a module
    """Import a module of an extra.

    Raises
    ------
    InputError
        If it is not installed; the message has the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{module} cannot be imported ({error}); pip install 'gymlab[{extra_name}]'"
        ) from error


class HttpService:
    """An agent server that speaks the HTTP protocol of the AI Principles Gym."""

    def __init__(self, url: str) -> None:
        whole = httpx.URL(url)
        # httpx logs the URL of each request, so the user and the password must not be in it.
        self._url = whole.copy_with(userinfo=b"")
        # The limits are those of RemoteAgent.
        self._client = httpx.AsyncClient(
            timeout=None,  # noqa: S113 - as above
            auth=(whole.username, whole.password) if whole.userinfo else None,
            limits=httpx.Limits(max_connections=None),
            headers=UNCOMPRESSED,
            event_hooks=body_limit(httpx),
        )

    async def ask(self, scenario: Scenario, history: Sequence[Turn]) -> Reply:
        """Post the request of the Gym."""
        response = await self._client.post(self._url, json=request_of(scenario, history))
        response.raise_for_status()
        return Reply(parsed_json(response.content))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


class OpenAIService:
    """A model behind the chat completions of OpenAI or of a compatible server, by the official SDK.

    The key is read from ``OPENAI_API_KEY``. A server with a `base_url` may need none.
    """

    def __init__(self, model: str, base_url: str | None = None) -> None:
        self._sdk = extra("openai", "llm")
        key = _key("OPENAI_API_KEY", base_url)
        self._client = self._sdk.AsyncOpenAI(
            api_key=key, base_url=base_url, **_client_options(self._sdk, base_url)
        )
        self._model = model
        self._structured = True

    async def ask(self, scenario: Scenario, history: Sequence[Turn]) -> Reply:
        """Ask with structured output, or without it once the server has refused it."""
        if self._structured:
            schema = {"name": _TOOL, "strict": True, "schema": schema_of(scenario)}
            try:
                return await self._ask(
                    scenario, history, response_format={"type": "json_schema", "json_schema": schema}
                )
            except (self._sdk.BadRequestError, self._sdk.UnprocessableEntityError):
                reply = await self._ask(scenario, history)
                self._structured = False
                return reply
        return await self._ask(scenario, history)

    async def _ask(self, scenario: Scenario, history: Sequence[Turn], **options: object) -> Reply:
        messages = [
            {"role": "system", "content": INSTRUCTION},
            {"role": "user", "content": prompt_of(scenario, history)},
        ]
        with _malformed("no chat completion"):
            completion = await self._client.chat.completions.create(
                model=self._model, messages=messages, **options
            )
            message = completion.choices[0].message
            text, refusal = message.content, getattr(message, "refusal", None)
        if refusal:
            raise AnswerError("the model refused to answer", again=False)
        usage = completion.usage
        return Reply(
            _filled(text),
            getattr(usage, "prompt_tokens", None),
            getattr(usage, "completion_tokens", None),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()


class AnthropicService:
    """A model of Anthropic, by the official SDK; the answer is the use of a tool.

    The key is read from ``ANTHROPIC_API_KEY``.
    """

    def __init__(self, model: str, base_url: str | None = None) -> None:
        sdk = extra("anthropic", "llm")
        key = _key("ANTHROPIC_API_KEY", base_url)
        self._client = sdk.AsyncAnthropic(api_key=key, base_url=base_url, **_client_options(sdk, base_url))
        self._model = model

    async def ask(self, scenario: Scenario, history: Sequence[Turn]) -> Reply:
        """Ask for the use of a tool whose input is the decision."""
        tool = {"name": _TOOL, "description": "State your decision.", "input_schema": schema_of(scenario)}
        with _malformed("no message"):
            message = await self._client.messages.create(
                model=self._model,
                max_tokens=_MOST_TOKENS,
                system=INSTRUCTION,
                messages=[{"role": "user", "content": prompt_of(scenario, history)}],
                tools=[tool],
                tool_choice={"type": "tool", "name": _TOOL},
            )
            used = [block.input for block in message.content if block.type == "tool_use"]
            text = "".join(block.text for block in message.content if block.type == "text")
        usage = message.usage
        return Reply(
            used[0] if used else _filled(text),
            getattr(usage, "input_tokens", None),
            getattr(usage, "output_tokens", None),
        )

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()


class LangChainService:
    """A chat model or another runnable of LangChain.

    A chat model gets the instruction and the scenario as messages. Another runnable gets the request of the Gym, with the
    fields `instruction` and `prompt`. Its answer is a message, a text, a mapping or a pydantic model.

    Parameters
    ----------
    runnable
        The runnable. Its retries and its keys are its own.

    Raises
    ------
    InputError
        If it is no runnable, or langchain-core is not installed.
    """

    def __init__(self, runnable: Any) -> None:  # noqa: ANN401 - langchain-core is an extra
        if not isinstance(runnable, extra("langchain_core.runnables", "llm").Runnable):
            raise InputError(f"a {type(runnable).__name__} is no runnable of LangChain; give a runnable")
        self._is_chat = isinstance(runnable, extra("langchain_core.language_models", "llm").BaseLanguageModel)
        self._runnable = runnable

    async def ask(self, scenario: Scenario, history: Sequence[Turn]) -> Reply:
        """Invoke the runnable."""
        prompt = prompt_of(scenario, history)
        given = (
            [("system", INSTRUCTION), ("human", prompt)]
            if self._is_chat
            else {**request_of(scenario, history), "instruction": INSTRUCTION, "prompt": prompt}
        )
        output = await self._runnable.ainvoke(given)
        usage = getattr(output, "usage_metadata", None) or {}
        calls = getattr(output, "tool_calls", None)
        if calls:
            answer: object = calls[0]["args"]
        elif hasattr(output, "content"):
            answer = _filled(str(output.text))
        else:
            answer = output.model_dump() if hasattr(output, "model_dump") else output
        if isinstance(answer, str) and len(answer) > LARGEST_BODY:
            raise AnswerError(f"the answer has more than {LARGEST_BODY:,} characters", again=False)
        return Reply(answer, usage.get("input_tokens"), usage.get("output_tokens"))

    async def aclose(self) -> None:
        """Do nothing: the runnable belongs to the user."""


class FunctionService:
    """A Python function of a scenario and the earlier turns, or a coroutine function.

    It returns what :func:`gymlab.gym.answers.decision_from` takes. A synchronous function runs in a thread of its own, so
    it does not block other sessions. It cannot be stopped: after the timeout its thread runs on, and does not keep the
    process alive.
    """

    def __init__(self, function: Callable[[Scenario, Sequence[Turn]], object]) -> None:
        self._function: Callable[..., Any] = function
        self._is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(
            getattr(function, "__call__", None)  # noqa: B004 - whether it is a coroutine function is asked
        )

    async def ask(self, scenario: Scenario, history: Sequence[Turn]) -> Reply:
        """Call the function."""
        turns = list(history)
        if self._is_async:
            return _stated(await self._function(scenario, turns))
        outcome: Future[object] = Future()
        outcome.set_running_or_notify_cancel()

        def work() -> None:
            try:
                outcome.set_result(self._function(scenario, turns))
            except BaseException as error:  # noqa: BLE001 - it is raised in the event loop
                outcome.set_exception(error)

        threading.Thread(target=work, name="gymlab agent", daemon=True).start()
        return _stated(await asyncio.wrap_future(outcome))

    async def aclose(self) -> None:
        """Do nothing: the function belongs to the user."""


def _stated(answer: object) -> Reply:
    """Return what a function answered, with the tokens if it is a decision that states them."""
    return Reply(answer, getattr(answer, "tokens_in", None), getattr(answer, "tokens_out", None))


@contextmanager
def _malformed(what: str) -> Iterator[None]:
    """Turn the errors of a malformed answer, which the SDKs raise as they come, into AnswerError."""
    try:
        yield
    except (AttributeError, TypeError, IndexError, ValueError, RecursionError) as error:
        raise AnswerError(f"the answer is {what}", again=True) from error


def _filled(text: object) -> str:
    if not isinstance(text, str) or not text.strip():
        raise AnswerError("the answer is empty", again=True)
    return text


def _key(variable: str, base_url: str | None) -> str:
    key = os.environ.get(variable, "")
    if not key and base_url is None:
        raise InputError(f"{variable} is not set; set it to your key, or name a server by ?base_url=")
    return key or "none"


def _client_options(sdk: Any, base_url: str | None) -> dict[str, Any]:  # noqa: ANN401 - a module
    """Return what both SDKs take: no retries and no timeout of their own, and bodies with a limit."""
    client = sdk.DefaultAsyncHttpxClient(
        base_url=base_url or "",
        timeout=None,
        headers=UNCOMPRESSED,
        event_hooks=body_limit(importlib.import_module("httpx2")),
    )
    return {"max_retries": 0, "timeout": None, "http_client": client}
