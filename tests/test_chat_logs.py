"""Chat logs: what is odd in a message, a call or a time costs itself alone, and is said; the conversation is kept."""

import copy
import json
import math

import pytest

import gymlab
from gymlab.actions import read_actions
from gymlab.errors import InputError

ZONED = "2026-01-31T12:00:{:02}Z"


def call(name="get_order", arguments='{"order_id": "W1"}', call_id="c1"):
    return {"id": call_id, "function": {"name": name, "arguments": arguments}}


def said(role, content, second, **more):
    return {"role": role, "content": content, "timestamp": ZONED.format(second), **more}


def conversation(name="one", answer="ok", **changes):
    return {
        "id": name,
        "task_id": "t",
        "messages": [
            said("system", "rules", 0),
            said("user", "hello", 1),
            said("assistant", None, 3, tool_calls=[call()], usage={"completion_tokens": 7}),
            said("tool", answer, 4, tool_call_id="c1"),
            said("assistant", "done", 6),
        ],
    } | changes


def log(*simulations, **more):
    return {
        "info": {"agent_info": {"llm": "m"}, "environment_info": {"domain_name": "shop"}},
        "tasks": [{"id": "t", "evaluation_criteria": {"actions": [{"name": "pay", "arguments": {"a": 1}}]}}],
        "simulations": list(simulations),
        **more,
    }


@pytest.fixture
def read(tmp_path):
    def reading(data):
        path = tmp_path / "log.json"
        path.write_text(json.dumps(data), encoding="utf-8")
        return read_actions(path)

    return reading


def tool_call(frame):
    return frame[frame["action_type"] != "message"].iloc[0]


FAILURES = {
    "text": "Error: no such order",
    "a part": [{"type": "text", "text": "Error: no such order"}],
    "a bare part": ["Error: no such order"],
    "the second part": [{"type": "text", "text": "looked it up"}, {"type": "text", "text": "error: none"}],
    "beside an image": [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "Error"}],
    "a nested part": [{"type": "tool_result", "content": [{"type": "text", "text": "Error: no"}]}],
    "a value": [{"type": "text", "text": {"value": "Error: no", "annotations": []}}],
    "a flag of a part": [
        {"type": "tool_result", "is_error": True, "content": [{"type": "text", "text": "no"}]}
    ],
    "an object": {"error": "no such order"},
    "an object with parts": {"isError": True, "content": [{"type": "text", "text": "no"}]},
    "a status": {"status": "error", "text": "no"},
    "behind blanks": "\n  Error: no such order",
}
SUCCESSES = {
    "text": "no error",
    "parts": [{"type": "text", "text": "all is well"}, None],
    "an object": {"order": "W1", "error": None},
    "an empty flag": {"error": "", "text": "fine"},
    "nothing": None,
    "no part": [],
    "a number": 5,
}


@pytest.mark.parametrize("content", FAILURES.values(), ids=FAILURES)
def test_a_failure_is_one_however_its_content_is_written(content, read):
    frame = read(log(conversation(answer=content)))
    assert tool_call(frame)["outcome_valence"] == -1
    assert frame["decision_context"].iloc[-1] == "start" or "after_tool_error" in set(
        frame["decision_context"]
    )


@pytest.mark.parametrize("content", SUCCESSES.values(), ids=SUCCESSES)
def test_a_success_is_one_however_its_content_is_written(content, read):
    frame = read(log(conversation(answer=content)))
    assert tool_call(frame)["outcome_valence"] == 0.5
    assert "after_tool_ok" in set(frame["decision_context"])


@pytest.mark.parametrize(
    ("content", "chars"),
    [
        ("hello", 5),
        ([{"type": "text", "text": "hello"}], 5),
        ([{"type": "input_text", "text": "hel"}, "lo", None], 5),
        ([{"type": "text", "text": "hello"}, {"type": "image_url", "image_url": {"url": "x" * 99}}], 5),
        ([{"type": "image_url", "image_url": {"url": "x" * 99}}], 0),
        ({"type": "text", "text": "hello"}, 5),
        ([[{"text": "hel"}], [["lo"]]], 5),
    ],
)
def test_the_length_of_a_message_is_that_of_its_text(content, chars, read):
    frame = read(log(conversation(messages=[said("user", content, 1), said("assistant", "yes", 2)])))
    assert [json.loads(about)["chars"] for about in frame["metadata"]] in ([3, chars], [chars, 3])


@pytest.mark.parametrize("content", [None, "", [], [None], [{"type": "text", "text": ""}], [[]], {}])
def test_what_says_nothing_is_no_action(content, read):
    frame = read(log(conversation(messages=[said("user", content, 1), said("assistant", "yes", 2)])))
    assert frame["actor"].tolist() == ["agent"]


@pytest.mark.parametrize(
    "empty", [{"messages": []}, {"messages": None}, {"messages": [said("system", "x", 0)]}, "none", 5, None]
)
def test_a_simulation_without_an_action_is_counted(empty, read):
    other = conversation("two") | empty if isinstance(empty, dict) else empty
    if other == "none":
        other = conversation("two")
        del other["messages"]
    frame = read(log(conversation(), other))
    assert set(frame["session_id"]) == {"one"}
    assert "1 of 2 simulations has no action" in frame.attrs["notes"]
    frame = read(log(other, conversation(), other))
    assert "2 of 3 simulations have no action" in frame.attrs["notes"]


def test_a_run_without_an_action_is_counted(read):
    runs = [
        {"task_id": 1, "traj": [{"role": "user", "content": "hello"}], "info": None},
        {"task_id": 2, "traj": []},
        {"task_id": 3},
    ]
    frame = read(runs)
    assert len(frame) == 1
    assert "2 of 3 simulations have no action" in frame.attrs["notes"]


def test_a_file_without_any_action_is_refused(read):
    with pytest.raises(InputError, match="no actions in it"):
        read(log(conversation(messages=[]), conversation(messages=None)))


@pytest.mark.parametrize("messages", ["hello", {"role": "user"}, 5, True])
def test_messages_that_are_no_list_are_a_bad_row(messages, read):
    with pytest.raises(InputError, match=r"simulation 1: messages: .* is no list of messages"):
        read(log(conversation(), conversation("two", messages=messages)))


@pytest.mark.parametrize(
    ("arguments", "n_args"),
    [
        ("", 0),
        ("  ", 0),
        (None, 0),
        ('{"a": ', None),
        ("[1]", None),
        ('"text"', None),
        ([1], None),
        (5, None),
        (True, None),
        ("[" * 100_000, None),
    ],
)
def test_arguments_that_are_none_cost_themselves_alone(arguments, n_args, read):
    asked = said("assistant", None, 3, tool_calls=[call("pay", arguments), call("pay", {"a": 1}, "c2")])
    frame = read(
        log(
            conversation(
                messages=[said("user", "hello", 1), asked, said("tool", "Error", 4, tool_call_id="c1")]
            )
        )
    )
    calls = frame[frame["action_type"] == "pay"]
    about = [json.loads(text) for text in calls["metadata"]]
    assert [one.get("n_args") for one in about] == [n_args, 1]
    assert calls["target"].iloc[0] == "database"
    # What was asked for cannot be compared with the task, unless there are no arguments.
    assert (calls["impact"].iloc[0] == -1) if n_args == 0 else math.isnan(calls["impact"].iloc[0])
    assert calls["impact"].iloc[1] == 1
    assert calls["outcome_valence"].iloc[0] == -1
    assert "tool calls whose arguments are no JSON object: 1" in frame.attrs["notes"]
    assert len(frame) == 3


def test_arguments_as_text_and_as_an_object_are_the_same(read):
    for arguments in ('{"a": 1}', {"a": 1}):
        frame = read(
            log(conversation(messages=[said("assistant", None, 1, tool_calls=[call("pay", arguments)])]))
        )
        assert frame["impact"].tolist() == [1]
        assert frame.attrs["notes"] == []


@pytest.mark.parametrize(
    ("first", "second", "note"),
    [
        (ZONED.format(9), ZONED.format(3), "clock steps back"),
        ("2026-01-31T12:00:01", ZONED.format(3), "a zone after one without"),
        (ZONED.format(1), "2026-01-31T12:00:03", "a zone after one without"),
        (ZONED.format(1), "yesterday", "no ISO 8601 time"),
        (1712011512.3, ZONED.format(3), "no ISO 8601 time"),
        (ZONED.format(1), 1712011512345, "no ISO 8601 time"),
        (ZONED.format(1), "0001-01-01T00:00:00+14:00", "no ISO 8601 time"),
        (ZONED.format(1), ["2026"], "no ISO 8601 time"),
        (ZONED.format(1), {"t": 1}, "no ISO 8601 time"),
        (ZONED.format(1), True, "no ISO 8601 time"),
        (ZONED.format(1), "", "no ISO 8601 time"),
        (ZONED.format(1), None, None),
    ],
)
def test_an_odd_time_costs_a_latency_alone(first, second, note, read):
    messages = [
        said("user", "hello", 1, timestamp=first) | {"timestamp": first},
        said("assistant", "yes", 3) | {"timestamp": second},
        said("user", "bye", 20) | {"timestamp": ZONED.format(20)},
        said("assistant", "bye", 25),
    ]
    frame = read(log(conversation(messages=messages)))
    agent = frame[frame["actor"] == "agent"]
    assert len(frame) == 4
    assert math.isnan(agent["latency_ms"].iloc[0])
    assert agent["latency_ms"].iloc[1] == 5000
    assert not (frame["latency_ms"] < 0).any()
    if note is not None:
        assert any(note in one for one in frame.attrs["notes"])
    if isinstance(second, str) and "2026" in second:
        assert agent["timestamp"].notna().all()
    elif second is not None:
        assert agent["timestamp"].isna().tolist() == [True, False]


def test_a_message_of_another_role_is_left_out_and_said(read):
    odd = [said("critic", "hm", 2), {"content": "no role"}, None, "text", 5, said(["user"], "x", 2)]
    whole = conversation()
    frame = read(log(whole | {"messages": whole["messages"][:2] + odd + whole["messages"][2:]}))
    plain = read(log(whole))
    assert frame.drop(columns="action_id").equals(plain.drop(columns="action_id"))
    assert frame.attrs["notes"] == ["messages without a role that is known, left out: 6"]


def test_answers_without_an_id_belong_to_the_calls_in_their_order(read):
    calls = [call("a", {}, None), call("b", {}, None), call("c", {}, "c3"), call("d", {}, "c4")]
    answers = [
        said("tool", "fine", 4, tool_call_id="c3"),
        said("tool", "Error", 4),
        said("tool", "fine", 4),
        said("tool", "Error", 4, tool_call_id="another"),
    ]
    frame = read(log(conversation(messages=[said("assistant", None, 3, tool_calls=calls), *answers])))
    outcomes = dict(zip(frame["action_type"], frame["outcome_valence"], strict=True))
    assert outcomes["a"] == -1
    assert outcomes["b"] == 0.5
    assert outcomes["c"] == 0.5
    assert math.isnan(outcomes["d"])


def test_a_call_without_a_name_is_left_out_and_said(read):
    calls = [
        call(None),
        call(""),
        call(5),
        "text",
        None,
        {"id": "x"},
        {"function": None},
        call("pay", {"a": 1}),
    ]
    frame = read(log(conversation(messages=[said("assistant", None, 3, tool_calls=calls)])))
    assert frame["action_type"].tolist() == ["pay"]
    assert frame.attrs["notes"] == ["tool calls without the name of a tool, left out: 7"]


@pytest.mark.parametrize(
    ("calls", "noted"), [(None, False), ([], False), ("text", True), ({"name": "a"}, True), (5, True)]
)
def test_tool_calls_that_are_no_list_leave_the_message(calls, noted, read):
    frame = read(log(conversation(messages=[said("assistant", "hello", 3, tool_calls=calls)])))
    assert frame["action_type"].tolist() == ["message"]
    assert ("tool calls that are no list, left out: 1" in frame.attrs["notes"]) == noted


@pytest.mark.parametrize(
    ("usage", "noted"),
    [(None, False), ({}, False), ({"completion_tokens": None}, False), ({"completion_tokens": "7"}, True)]
    + [(odd, True) for odd in ("many", [7], {"completion_tokens": [7]}, {"completion_tokens": -1}, True)],
)
def test_an_odd_usage_costs_itself_alone(usage, noted, read):
    frame = read(log(conversation(messages=[said("assistant", "hello", 3, usage=usage)])))
    assert "completion_tokens" not in json.loads(frame["metadata"].iloc[0])
    assert bool(frame.attrs["notes"]) == noted


@pytest.mark.parametrize("gold", [[{"name": "pay"}], [5], "pay", {"name": "pay"}, 5, [{"arguments": {}}]])
def test_a_task_that_cannot_be_read_costs_the_impact_alone(gold, read):
    asked = said("assistant", None, 3, tool_calls=[call("pay", {"a": 1}), call("get_order")])
    data = log(
        conversation(messages=[asked]), tasks=["x", {}, {"id": "t", "evaluation_criteria": {"actions": gold}}]
    )
    frame = read(data)
    assert math.isnan(frame["impact"].iloc[0])
    assert frame["impact"].iloc[1] == 0
    assert any("cannot be read" in note for note in frame.attrs["notes"])


ODD = [
    None,
    math.nan,
    "",
    "odd",
    0,
    -1.5,
    True,
    [],
    [None],
    {},
    {"text": None},
    [[{"content": {"text": ["x"]}}]],
    "\u2028",
]


def places(value, path=()):
    """Where something stands in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield (*path, name)
        yield from places(one, (*path, name))


def replaced(data, path, value):
    changed = copy.deepcopy(data)
    at = changed
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    return changed


@pytest.mark.slow
def test_no_odd_value_anywhere_costs_another_conversation(tmp_path):
    simulated = log(conversation("one"), conversation("two"))
    runs = [
        {"task_id": k, "trial": 0, "info": {"task": {"actions": []}}, "traj": conversation()["messages"]}
        for k in range(2)
    ]
    file = tmp_path / "log.json"
    for data, kept in ((simulated, "two"), (runs, "log:task 1:trial 0")):
        whole = {("simulations",), ("simulations", 0, "messages"), ("simulations", 1), (1,), (0, "traj")}
        for place in places(data):
            if place in whole or place[:2] == ("simulations", 1) or place[:1] == (1,):
                continue
            for value in ODD:
                file.write_text(json.dumps(replaced(data, place, value)), encoding="utf-8")
                frame = read_actions(file)
                assert (frame["session_id"] == kept).sum() == 3, (place, value)
                assert not (frame["latency_ms"] < 0).any()


def test_what_json_does_not_know_is_unknown_and_said(tmp_path):
    text = json.dumps(log(conversation(id="one"))).replace('"one"', "NaN", 1)
    (tmp_path / "log.json").write_text(text[:-1] + ', "cost": 1e999}')
    frame = read_actions(tmp_path / "log.json")
    assert len(frame)
    assert not frame["session_id"].str.contains("nan").any()
    assert "numbers that are not finite, taken for unknown: 2" in frame.attrs["notes"]


def test_a_key_that_occurs_twice_is_no_conversation(tmp_path):
    text = json.dumps(log(conversation()))
    (tmp_path / "log.json").write_text(text.replace('"messages":', '"messages": [], "messages":', 1))
    with pytest.raises(InputError, match="'messages', which is a key that occurs twice in one object"):
        read_actions(tmp_path / "log.json")


def test_the_reward_of_a_conversation_is_kept(read):
    frame = read(log(conversation(reward_info={"reward": 0.5}, termination_reason="user_stop")))
    assert len(gymlab.select_actions(frame, where=["reward=0.5", "termination_reason=user_stop"])) == len(
        frame
    )
