"""Agents: one contract for all that ask a service, against a server on loopback that fails in every way; and each kind."""

import asyncio
import importlib.util
import json
import threading

import httpx
import pytest
from agent_server import AgentServer
from conftest import absent

from gymlab import CircuitBreaker
from gymlab.errors import InputError
from gymlab.gym.agent_specs import agent_from_spec
from gymlab.gym.answers import AnswerError, decision_from
from gymlab.gym.decisions import Actor, Choice, Decision, Scenario, Turn
from gymlab.gym.remote import CallLimits, RemoteAgent
from gymlab.gym.services import (
    AnthropicService,
    FunctionService,
    HttpService,
    LangChainService,
    OpenAIService,
)

KEY = "sk-secret-0123456789abcdef"
PASSWORD = "hunter2hunter2"  # noqa: S105 - it must not be seen
SCENARIO = Scenario(
    id="s-0",
    archetype="scarcity",
    description="The store holds 9 litres.",
    actors=(Actor("neighbour", "ally", "depends on you", 0.7),),
    choices=(
        Choice("share", "Take half.", "neighbour", {"self": -0.1, "neighbour": 0.5}),
        Choice("hoard", "Take all.", "neighbour", {"self": 0.9, "neighbour": -0.9}),
    ),
    context="resource_allocation",
    resources={"water": 9.0},
    constraints=("Decide now.",),
    stress=0.4,
)


def needs(module):
    if importlib.util.find_spec(module) is None:
        absent(f"the package {module}")


async def ask_by_httpx(url, request):
    async with httpx.AsyncClient(timeout=None) as client:
        response = await client.post(url, json=request)
        response.raise_for_status()
        return response.json()


def http(url):
    return HttpService(f"{url.replace('://', f'://user:{PASSWORD}@')}/decide")


def openai(url):
    needs("openai")
    return OpenAIService("model", f"{url}/v1")


def anthropic(url):
    needs("anthropic")
    return AnthropicService("model", url)


def langchain(url):
    needs("langchain_core")
    from langchain_core.runnables import RunnableLambda

    return LangChainService(RunnableLambda(lambda _: None, afunc=lambda given: ask_by_httpx(url, given)))


def coroutine_function(url):
    async def function(scenario, history):
        return await ask_by_httpx(url, {"id": scenario.id})

    return FunctionService(function)


def function(url):
    return FunctionService(lambda scenario, _: asyncio.run(ask_by_httpx(url, {"id": scenario.id})))


KINDS = [http, openai, anthropic, langchain, coroutine_function, function]
OUR_CLIENT = {http, openai, anthropic}  # the others are given a client by the user


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now, self.slept = 0.0, []

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, KEY)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


def asked(kind, server, times=1, *, timeout=20.0, attempts=3, threshold=100):
    """Ask a server several times; return the decisions, the clock and the agent."""
    clock = Clock()

    async def ask():
        async with server:
            breaker = CircuitBreaker(kind.__name__, threshold, jitter=lambda cap: cap, clock=clock)
            agent = RemoteAgent(
                kind.__name__,
                kind(server.url),
                CallLimits(timeout, attempts),
                breaker=breaker,
                sleep=clock.sleep,
                clock=clock,
            )
            try:
                return [await agent.decide(SCENARIO, []) for _ in range(times)], clock, agent
            finally:
                await agent.aclose()

    return asyncio.run(ask())


def is_missing(decision):
    assert decision.choice == ""
    assert decision.missing
    assert "\n" not in decision.missing
    assert len(decision.missing) <= 200
    for secret in (KEY, "secret", PASSWORD):
        assert secret not in repr(decision)
    return True


FOR_GOOD = {"wrong": "no choice of the scenario", "401": "status 401", "404": "status 404"}
PASSING = {
    "500": "status 500 (Internal Server Error)",
    "503": "status 503",
    "429 2": "status 429 (Too Many Requests); it asks to wait 2 s",
    "reset": "the connection failed",
    "malformed": "",
    "empty": "",
}
SLOW = {"hang": "no answer within", "slow": "no answer within"}


@pytest.mark.parametrize("kind", KINDS)
class TestContract:
    """What holds for every agent that asks a service."""

    def test_a_good_answer_is_the_decision(self, kind):
        server = AgentServer()
        [decision], clock, _ = asked(kind, server)
        assert (decision.choice, decision.target, decision.confidence) == ("share", "neighbour", 0.75)
        assert decision.reasoning == "fair"
        assert decision.missing == ""
        assert decision.latency_ms == 0  # by the clock that stands still
        assert clock.slept == []
        assert len(server.requests) == 1
        tokens = (11, 7) if kind in {openai, anthropic} else (None, None)
        assert (decision.tokens_in, decision.tokens_out) == tokens

    @pytest.mark.parametrize("fault", PASSING)
    def test_a_fault_that_passes_costs_another_attempt(self, kind, fault):
        server = AgentServer(fault)
        [decision], clock, agent = asked(kind, server)
        if fault in {"malformed", "empty"} and kind not in OUR_CLIENT:
            # The user's own code raised an error of its own, which nobody says may pass.
            assert is_missing(decision)
            assert "JSONDecodeError" in decision.missing
            return
        assert decision.choice == "share"
        assert len(server.requests) == 2
        assert len(clock.slept) == 1
        assert decision.latency_ms == clock.slept[0] * 1000
        assert agent.breaker.stats().failures == 1
        if fault == "429 2":
            assert clock.slept == [2.0]

    @pytest.mark.parametrize("fault", SLOW)
    def test_what_takes_too_long_ends_at_the_timeout(self, kind, fault):
        [first, second], _, _ = asked(
            kind, AgentServer("", forever=fault), 2, timeout=0.4, attempts=1, threshold=2
        )
        assert first.choice == "share"
        assert is_missing(second)
        assert second.missing == "no answer within 0.4 s"

    @pytest.mark.parametrize("fault", FOR_GOOD | PASSING)
    def test_a_fault_that_stays_makes_the_decision_missing(self, kind, fault):
        server = AgentServer(forever=fault)
        [decision], clock, _ = asked(kind, server)
        assert is_missing(decision)
        assert (FOR_GOOD | PASSING)[fault] in decision.missing
        users_own = fault in {"malformed", "empty"} and kind not in OUR_CLIENT
        assert len(server.requests) == (1 if fault in FOR_GOOD or users_own else 3)
        assert len(clock.slept) == len(server.requests) - 1

    def test_the_breaker_opens_and_a_service_that_came_back_is_used_again(self, kind):
        server = AgentServer(*["500"] * 5)
        decisions, clock, agent = asked(kind, server, 3, attempts=2, threshold=3)
        assert agent.breaker.stats().opened >= 1
        assert [bool(one.missing) for one in decisions] == [True, True, False]
        assert agent.breaker.state == "closed"
        assert len(server.requests) == 6 - agent.breaker.stats().refused + 0

    def test_a_breaker_that_stays_open_keeps_the_requests_away(self, kind):
        server = AgentServer(forever="500")
        decisions, clock, agent = asked(kind, server, 20, timeout=2, attempts=2, threshold=3)
        assert all(is_missing(one) for one in decisions)
        assert "is open" in decisions[-1].missing
        assert agent.breaker.state == "open"
        assert len(server.requests) < 10
        assert max(clock.slept) <= 2

    def test_a_wait_that_is_too_long_is_not_waited(self, kind):
        server = AgentServer(forever="429 3600")
        [decision], clock, _ = asked(kind, server)
        assert is_missing(decision)
        assert "3600 s" in decision.missing
        assert clock.slept == []

    def test_a_huge_body_ends_at_its_limit(self, kind):
        server = AgentServer(forever="huge")
        [decision], _, _ = asked(kind, server)
        if kind in OUR_CLIENT:
            assert is_missing(decision)
            assert "more than 1,000,000 bytes" in decision.missing
        else:
            assert decision.choice == "share"  # what the user's own client read

    def test_compressed_bytes_are_not_expanded(self, kind):
        if kind not in OUR_CLIENT:
            pytest.skip("the client is the user's")
        [decision], _, _ = asked(kind, AgentServer(forever="bomb"))
        assert is_missing(decision)

    def test_a_cancelled_decision_is_cancelled(self, kind):
        async def cancel():
            async with AgentServer(forever="hang") as server:
                agent = RemoteAgent("agent", kind(server.url))
                task = asyncio.create_task(agent.decide(SCENARIO, []))
                while not server.requests:
                    await asyncio.sleep(0.001)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert agent.breaker.stats().failures == 0
                await agent.aclose()

        asyncio.run(cancel())

    def test_no_more_are_asked_at_once_than_the_limit_says(self, kind):
        async def ask():
            async with AgentServer() as server:
                server.hold = asyncio.Event()
                agent = RemoteAgent("agent", kind(server.url), CallLimits(concurrency=2))
                tasks = [asyncio.create_task(agent.decide(SCENARIO, [])) for _ in range(8)]
                while server.at_once < 2:
                    await asyncio.sleep(0.001)
                server.hold.set()
                decisions = await asyncio.gather(*tasks)
                await agent.aclose()
                return decisions, server.most_at_once

        decisions, most = asyncio.run(ask())
        assert [one.choice for one in decisions] == ["share"] * 8
        assert most == 2
