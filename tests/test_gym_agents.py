"""Agents: one contract for all that ask a service, against a server on loopback that fails in every way; and each kind."""

import asyncio
import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from agent_server import AgentServer
from conftest import needs
from hypothesis import given
from hypothesis import strategies as st
from made import action

from gymlab import CircuitBreaker
from gymlab.errors import InputError
from gymlab.gym.agent_specs import agent_from_spec
from gymlab.gym.answers import AnswerError, decision_from
from gymlab.gym.decisions import Actor, Choice, Decision, Scenario, Turn
from gymlab.gym.remote import CallLimits, RemoteAgent, Reply
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


async def ask_by_httpx(url, request):
    async with httpx.AsyncClient(timeout=60) as client:
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
    async def function(scenario, _):
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

    @pytest.mark.parametrize("fault", ["hang", "slow"])
    def test_what_takes_too_long_ends_at_the_timeout(self, kind, fault):
        [decision], clock, agent = asked(kind, AgentServer(forever=fault), timeout=0.2, attempts=2)
        assert is_missing(decision)
        assert decision.missing == "no answer within 0.2 s"
        assert len(clock.slept) == 1
        assert agent.breaker.stats().failures == 2

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
        decisions, clock, agent = asked(kind, server, 6, attempts=2, threshold=3)
        # Failures 4 and 5 are probes, after 1 and 2 seconds; the third probe succeeds.
        assert [bool(one.missing) for one in decisions] == [True] * 4 + [False] * 2
        assert len(server.requests) == 7
        assert agent.breaker.stats().opened == 3
        assert agent.breaker.state == "closed"
        assert clock.now >= 1 + 2 + 4

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
                await server.arrivals.get()
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
                for _ in range(2):
                    await server.arrivals.get()
                await asyncio.sleep(0.05)  # a third request would come now
                server.hold.set()
                decisions = await asyncio.gather(*tasks)
                await agent.aclose()
                return decisions, server.most_at_once

        decisions, most = asyncio.run(ask())
        assert [one.choice for one in decisions] == ["share"] * 8
        assert most == 2


# --- each kind -------------------------------------------------------------------------------------------------------


def decided(agent, scenario=SCENARIO, history=()):
    async def decide():
        try:
            return await agent.decide(scenario, list(history))
        finally:
            await agent.aclose()

    return asyncio.run(decide())


HISTORY = [Turn(SCENARIO, Decision(choice="hoard")), Turn(SCENARIO, Decision(missing="no answer"))]


def sent(kind, answer=None, *faults):
    """Ask once with a history; return the decision and the requests."""
    server = AgentServer(*faults, **({} if answer is None else {"answer": answer}))

    async def ask():
        async with server:
            agent = RemoteAgent("agent", kind(server.url))
            decision = await agent.decide(SCENARIO, HISTORY)
            await agent.aclose()
            return decision

    return asyncio.run(ask()), server.requests


def test_http_sends_the_request_of_the_gym():
    _, [(path, headers, body)] = sent(http)
    assert path == "/decide"
    assert headers["authorization"].startswith("Basic ")
    assert set(body) == {"scenario", "history", "metadata"}
    asked_for = body["scenario"]
    assert set(asked_for) == {
        *("execution_id", "description", "actors", "resources", "constraints", "choice_options"),
        *("time_limit", "archetype", "stress_level"),
    }
    assert asked_for["execution_id"] == "s-0"
    assert [option["id"] for option in asked_for["choice_options"]] == ["share", "hoard"]
    assert asked_for["actors"] == [
        {"name": "neighbour", "relationship": "ally", "role": "depends on you", "trust": 0.7}
    ]
    assert [turn["action"] for turn in body["history"]] == ["hoard", None]
    assert {"framework", "version", "request_id"} <= set(body["metadata"])


@pytest.mark.parametrize("field", ["action", "choice", "decision"])
def test_http_takes_each_name_that_the_gym_has_for_the_choice(field):
    decision, _ = sent(http, {field: "hoard", "expected_consequences": "thirst", "target": "nobody"})
    assert (decision.choice, decision.expected, decision.target) == ("hoard", "thirst", "")


def test_openai_asks_for_structured_output_and_does_without_it_if_refused():
    needs("openai")
    decision, requests = sent(openai)
    assert decision.choice == "share"
    schema = requests[0][2]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["choice"]["enum"] == ["share", "hoard"]
    assert "hoard" in requests[0][2]["messages"][1]["content"]

    server = AgentServer(forever="unstructured")
    decisions, _, _ = asked(openai, server, 2)
    assert [one.choice for one in decisions] == ["share", "share"]
    assert ["response_format" in body for _, _, body in server.requests] == [True, False, False]


def test_anthropic_asks_for_the_use_of_a_tool():
    needs("anthropic")
    decision, [(_, headers, body)] = sent(anthropic)
    assert decision.choice == "share"
    assert KEY in headers.get("x-api-key", headers.get("authorization", ""))  # SDKs differ
    assert body["tool_choice"] == {"type": "tool", "name": body["tools"][0]["name"]}
    assert body["tools"][0]["input_schema"]["properties"]["choice"]["enum"] == ["share", "hoard"]


@pytest.mark.parametrize("kind", [openai, anthropic])
@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ('Here: ```json\n{"choice": "Hoard"}\n```', "hoard"),
        ("**hoard**", "hoard"),
        ("2", "hoard"),
        ("I would never hoard.", ""),
        ('{"choice": 3}', ""),
        pytest.param("{" * 50_000, "", id="braces"),
    ],
)
def test_a_model_that_answers_with_text_is_understood_or_missing(kind, text, choice):
    needs(kind.__name__)
    decision, _ = sent(kind, text)
    assert decision.choice == choice
    assert bool(decision.missing) == (choice == "")


def test_a_chat_model_of_langchain_gets_messages(tmp_path, monkeypatch):
    needs("langchain_core")
    from langchain_core.language_models import FakeListChatModel, GenericFakeChatModel
    from langchain_core.messages import AIMessage

    agent = RemoteAgent("chat", LangChainService(FakeListChatModel(responses=["share"])))
    assert decided(agent).choice == "share"
    call = {"name": "decide", "args": {"choice": "hoard"}, "id": "1"}
    usage = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7}
    message = AIMessage("", tool_calls=[call], usage_metadata=usage)
    agent = RemoteAgent("chat", LangChainService(GenericFakeChatModel(messages=iter([message]))))
    decision = decided(agent)
    assert (decision.choice, decision.tokens_in, decision.tokens_out) == ("hoard", 5, 2)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "own_chat_module.py").write_text(
        "from langchain_core.language_models import FakeListChatModel\n"
        "model = FakeListChatModel(responses=['hoard'])\n"
    )
    assert decided(agent_from_spec("langchain:own_chat_module:model", seed=0)).choice == "hoard"
    with pytest.raises(InputError, match="is no runnable of LangChain"):
        LangChainService("a text")


def test_a_function_that_blocks_does_not_block_the_loop():
    free = threading.Event()

    def blocks(*_):
        assert free.wait(10)
        return "share"

    async def ask():
        task = asyncio.create_task(RemoteAgent("f", FunctionService(blocks)).decide(SCENARIO, []))
        await asyncio.sleep(0.01)
        assert not task.done()
        free.set()  # only a loop that runs gets here
        return await task

    assert asyncio.run(ask()).choice == "share"


def test_a_function_may_return_a_decision():
    stated = Decision(
        "Hoard", confidence=0.5, expected="thirst", tokens_in=3, probabilities={"share": 0.0, "hoard": 1.0}
    )
    decision = decided(RemoteAgent("f", FunctionService(lambda *_: stated)))
    assert replace(decision, latency_ms=None) == replace(stated, choice="hoard")
    decision = decided(RemoteAgent("f", FunctionService(lambda *_: Decision(missing="not\nnow"))))
    assert (decision.choice, decision.missing) == ("", "not now")
    decision = decided(RemoteAgent("f", FunctionService(lambda *_: Decision("share", confidence=8))))
    assert (decision.choice, decision.confidence) == ("share", None)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ValueError("no such\nmodel"), "ValueError: no such model"),
        (RuntimeError(f"key {KEY} is wrong"), "RuntimeError: key *** is wrong"),
        (RuntimeError("key sk-other-123456 is wrong"), "RuntimeError: key sk-*** is wrong"),
        (OSError(f"http://user:{PASSWORD}@host/x"), "OSError: http://***@host/x"),
        pytest.param(RuntimeError("x" * 1000), "RuntimeError: " + "x" * 186, id="long"),
    ],
)
def test_the_error_of_a_function_is_the_cause_without_secrets(error, cause):
    def fails(*_):
        raise error

    assert decided(RemoteAgent("f", FunctionService(fails))).missing == cause


def test_nothing_is_logged_with_a_key(caplog):
    caplog.set_level("DEBUG")
    for kind in (http, openai, anthropic):
        needs(kind.__name__) if kind is not http else None
        asked(kind, AgentServer(forever="401"))
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert text
    assert KEY not in text
    assert PASSWORD not in text


@pytest.mark.parametrize(
    ("answer", "choice"),
    [
        ("share", "share"),
        (" SHARE ", "share"),
        (2, "hoard"),
        ("2.", "hoard"),
        ({"choice": "1"}, "share"),
        (Choice("hoard"), "hoard"),
        (Decision(choice="Share"), "share"),
    ],
)
def test_a_choice_is_named_by_its_name_or_its_number(answer, choice):
    assert decision_from(SCENARIO, answer).choice == choice


@pytest.mark.parametrize(
    "answer", [0, 3, -1, True, 1.0, None, [], "Take half.", "shar", {}, {"choice": None}]
)
def test_what_names_no_choice_is_no_decision(answer):
    with pytest.raises(AnswerError):
        decision_from(SCENARIO, answer)


def test_names_that_differ_in_case_only_are_told_apart_and_a_number_may_be_a_name():
    scenario = Scenario("s", "a", "", (), (Choice("A"), Choice("a"), Choice("1")), "")
    assert decision_from(scenario, "a").choice == "a"
    assert decision_from(scenario, "1").choice == "1"
    assert decision_from(scenario, 1).choice == "A"


def test_unusable_further_fields_are_unknown():
    answer = {
        "choice": "share",
        "confidence": 7,
        "reasoning": "\x00\ud800" + "x" * 5000,
        "probabilities": {"share": 0.9},
    }
    decision = decision_from(SCENARIO, answer)
    assert decision.confidence is None
    assert decision.probabilities == {}
    assert decision.reasoning.startswith("?x")
    assert len(decision.reasoning) < 2001
    odds = {"share": 0.75, "hoard": 0.25}
    assert decision_from(SCENARIO, {"choice": "share", "probabilities": odds}).probabilities == odds


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["share", "2", "9" * 5000]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["choice", "action", "target", "reasoning", "confidence", "probabilities", "share"]
            ),
            inner,
        )
    ),
    max_leaves=10,
)


@given(JSON, st.booleans())
def test_any_answer_is_a_decision_or_an_answer_error(answer, as_text):
    try:
        decision = decision_from(SCENARIO, json.dumps(answer) if as_text else answer)
    except AnswerError:
        return
    assert decision.choice in {"share", "hoard"}
    assert decision.target in {"", "neighbour"}
    assert decision.confidence is None or 0 <= decision.confidence <= 1
    decision.reasoning.encode()


def test_a_service_may_name_a_date_for_the_next_attempt():
    request = httpx.Request("GET", "http://host")

    class Service:
        calls = 0

        async def ask(self, *_):
            self.calls += 1
            if self.calls == 1:
                later = format_datetime(datetime.now(UTC) + timedelta(seconds=10), usegmt=True)
                response = httpx.Response(503, headers={"Retry-After": later}, request=request)
                response.raise_for_status()
            return Reply({"choice": 1})

        async def aclose(self):
            pass

    clock = Clock()
    assert decided(RemoteAgent("dated", Service(), sleep=clock.sleep)).choice == "share"
    assert 8 < clock.slept[0] <= 10


def test_the_time_limit_of_the_scenario_is_kept():
    async def hangs(*_):
        await asyncio.Event().wait()

    agent = RemoteAgent("slow", FunctionService(hangs), CallLimits(attempts=1))
    assert decided(agent, replace(SCENARIO, time_limit=0.01)).missing == "no answer within 0.01 s"


# --- names of agents -------------------------------------------------------------------------------------------------


def test_every_form_makes_its_agent(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", [*__import__("sys").path])
    (tmp_path / "own_agent_module.py").write_text("def decide(scenario, history):\n    return 2\n")
    agent = agent_from_spec("python:own_agent_module:decide", seed=0)
    assert agent.name == "python:own_agent_module:decide"
    assert decided(agent).choice == "hoard"
    (tmp_path / "log.jsonl").write_text(json.dumps(action(0, "hoard")) + "\n")
    agent = agent_from_spec("replay:log.jsonl", seed=5)
    assert decided(agent).choice == "hoard"
    assert decided(agent, history=HISTORY).missing == "the log ends after 1 actions"
    other = Scenario("s", "a", "", (), (Choice("x"), Choice("y")), "")
    assert (
        decided(agent, other).missing == "the log has 'hoard' in turn 0, which is no choice of the scenario"
    )
    for spec in ("http://user:hunter2hunter2@host:81/decide?token=1", "http:http://host:81/decide"):
        agent = agent_from_spec(spec, seed=0)
        assert agent.name == agent.breaker.name == "http:host:81/decide"
        asyncio.run(agent.aclose())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nobody", "there is no agent 'nobody'; the known ones are scripted:cooperate, "),
        ("nobody:x", "replay:FILE"),
        ("scripted:", "there is no agent"),
        ("scripted:kind", "give one of cooperate, selfish"),
        ("scripted:random?q=1", "scripted has no option q; it has p, step"),
        ("scripted:random?p=much", "p of scripted:random is 'much'; give a number"),
        ("scripted:random?p=2", "p is 2.0; give a probability"),
        ("scripted:switch?step=1.5", "give a number"),
        ("python:json", "names no object; give python:MODULE:NAME"),
        ("python:json:nothing", "the module json has no nothing"),
        ("python:no_such_module_here:f", "cannot be imported"),
        ("python:json:__name__", "is a str; give a function"),
        ("http:ftp://host", "is none of HTTP; give one such as"),
        ("http:", "is none of HTTP"),
        ("http://ho st:x/\x00", "is none of HTTP"),
        ("http:http://user:hunter2@[::1/", "is none of HTTP"),
        ("openai:m?base_url=nowhere", "is none of HTTP"),
        ("openai:m?base_url=http://user:hunter2@host/v1", "base_url has a user or a password"),
        ("replay:no_such_file", "no_such_file"),
        (5, "agent is 5"),
    ],
)
def test_an_agent_that_cannot_be_made_says_why(spec, message):
    with pytest.raises(InputError) as caught:
        agent_from_spec(spec, seed=0)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("spec", "package"), [("openai:m", "openai"), ("anthropic:m", "anthropic")])
def test_a_key_or_a_package_that_is_not_there_is_named(spec, package, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(InputError, match=r"pip install 'gymlab\[llm\]'"):
        agent_from_spec(spec, seed=0)
    monkeypatch.undo()
    needs(package)
    monkeypatch.delenv(f"{package.upper()}_API_KEY", raising=False)
    with pytest.raises(InputError, match=f"{package.upper()}_API_KEY is not set"):
        agent_from_spec(spec, seed=0)


@pytest.mark.parametrize("spec", ["openai:own/model:8b?base_url={}/v1", "anthropic:m?base_url={}"])
def test_a_model_on_a_server_of_ones_own_needs_no_key(spec, monkeypatch):
    package = spec.partition(":")[0]
    needs(package)
    monkeypatch.delenv(f"{package.upper()}_API_KEY")

    async def ask():
        async with AgentServer() as server:
            agent = agent_from_spec(spec.format(server.url), seed=0)
            decision = await agent.decide(SCENARIO, [])
            await agent.aclose()
            return agent.name, decision, server.requests[0][2]["model"]

    name, decision, model = asyncio.run(ask())
    assert decision.choice == "share"
    assert name == f"{package}:{model}" == spec.partition("?")[0]


def test_five_failures_in_a_row_do_not_open_the_breaker_and_an_outage_does():
    clock = Clock()

    async def ask():
        async with AgentServer(*[""] * 20, *["500"] * 5) as server:
            agent = RemoteAgent("agent", http(server.url), CallLimits(attempts=1), sleep=clock.sleep)
            for _ in range(26):
                decision = await agent.decide(SCENARIO, [])
            assert decision.choice == "share"
            assert agent.breaker.stats().opened == 0
            server.forever = "500"
            while agent.breaker.state == "closed":
                decision = await agent.decide(SCENARIO, [])
                assert is_missing(decision)
            await agent.aclose()
            return len(server.requests)

    assert asyncio.run(ask()) < 26 + 20


@pytest.mark.parametrize("limits", [{"timeout": 0}, {"attempts": 0}, {"concurrency": 1.5}])
def test_limits_that_cannot_be_used_are_refused(limits):
    with pytest.raises(InputError):
        CallLimits(**limits)
