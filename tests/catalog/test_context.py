"""A tool's way back to its caller: what it asks, in which words, and what it makes of the answers."""

import dataclasses
from typing import Any, Literal

import pytest

from fairlead.catalog import Answer, Context
from fairlead.catalog.faults import SignatureError
from fairlead.errors import RequestTimeout, ToolError
from fairlead.spec import VERSIONS
from fairlead.spec.descriptors import Implementation
from fairlead.spec.results import Root


class Port:
    """Notes what is asked of it and answers with what it was given; nothing here waits."""

    def __init__(self, answer: Any = None):
        self.answer = answer
        self.said: list[tuple[Any, ...]] = []

    async def progress(self, call, done, total, message):
        self.said.append(("progress", done, total, message))

    async def log(self, call, level, data, logger):
        self.said.append(("log", level, data, logger))

    async def ask(self, call, method, params, within):
        self.said.append((method, params, within))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def wait(self, awaitable):
        return finish(awaitable)


class Calling:
    id = ""
    version = VERSIONS["2025-06-18"]
    ended = False
    deadline = 12.5
    client = Implementation(name="boat")
    capabilities = {"roots": {}}
    session_state: dict[str, Any] = {}
    principal = "ida"
    headers = {"x": "y"}

    def name_question(self, key):
        self.key = key

    def meta(self):
        return {"serial": 7}


def finish(coroutine: Any) -> Any:
    """The result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it waits")


def context(answer: Any = None) -> tuple[Context, Port]:
    port = Port(answer)
    return Context(Calling(), port), port


@dataclasses.dataclass
class Berth:
    number: int
    kind: Literal["inner", "outer"] = "inner"


def test_it_tells_who_calls_and_how():
    ctx, _ = context()
    assert (ctx.request_id, ctx.client.name, ctx.protocol_version) == ("", "boat", "2025-06-18")
    assert (ctx.capabilities, ctx.meta, ctx.principal, ctx.headers) == ({"roots": {}}, {"serial": 7}, "ida", {"x": "y"})
    assert (ctx.deadline, ctx.cancelled) == (12.5, False)
    ctx.session["kept"] = 1
    assert Calling.session_state.pop("kept") == 1
    ctx._call.ended = True
    assert ctx.cancelled


def test_progress_and_log_go_to_the_line():
    ctx, port = context()
    finish(ctx.progress(1))
    finish(ctx.progress(2, 3, "half"))
    for level in ("debug", "info", "warning", "error"):
        finish(getattr(ctx, level)({"a": 1}))
    finish(ctx.log("alert", "x", logger="crane"))
    assert port.said == [
        ("progress", 1, None, None),
        ("progress", 2, 3, "half"),
        *(("log", level, {"a": 1}, None) for level in ("debug", "info", "warning", "error")),
        ("log", "alert", "x", "crane"),
    ]


def test_a_function_in_a_thread_waits_for_the_same():
    ctx, port = context()
    ctx.wait(ctx.progress(1))
    assert port.said == [("progress", 1, None, None)]


def test_the_user_is_asked_for_a_form_and_the_answer_is_what_was_asked_for():
    ctx, port = context({"action": "accept", "content": {"number": 3}})
    answer = finish(ctx.elicit("Where?", Berth, within=5.0))
    assert answer
    assert answer.data == Berth(3)
    [(method, params, within)] = port.said
    assert (method, params["message"], within) == ("elicitation/create", "Where?", 5.0)
    assert params["requestedSchema"]["properties"]["number"]["type"] == "integer"
    assert params["requestedSchema"]["required"] == ["number"]


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_a_user_who_does_not_accept_gives_nothing(action):
    ctx, _ = context({"action": action})
    answer = finish(ctx.elicit("Where?", Berth))
    assert not answer
    assert answer == Answer(action, None)


def test_a_schema_of_ones_own_is_asked_as_it_stands():
    ctx, port = context({"action": "accept", "content": {"any": 1}})
    schema = {"type": "object", "properties": {}}
    assert finish(ctx.elicit("?", schema)).data == {"any": 1}
    assert port.said[0][1]["requestedSchema"] is schema


@pytest.mark.parametrize("content", [None, {}, {"number": "three"}, {"number": 3, "kind": "upper"}])
def test_an_answer_that_does_not_fit_is_told_to_the_caller(content):
    ctx, _ = context({"action": "accept", "content": content})
    with pytest.raises(ToolError, match="does not fit"):
        finish(ctx.elicit("Where?", Berth))


def test_what_no_form_can_ask_is_refused_before_it_is_asked():
    ctx, port = context()
    with pytest.raises(SignatureError):
        finish(ctx.elicit("?", dataclasses.make_dataclass("Deep", [("berth", Berth)])))
    assert port.said == []


def test_a_url_is_asked_for_with_its_id():
    ctx, port = context({"action": "accept"})
    assert finish(ctx.elicit_url("Pay.", "https://h/pay", id="7"))
    params = {"mode": "url", "message": "Pay.", "url": "https://h/pay", "elicitationId": "7"}
    assert port.said == [("elicitation/create", params, None)]


def test_the_model_of_the_client_is_asked_in_its_own_words():
    ctx, port = context({"role": "assistant", "content": {"type": "text", "text": "Fair."}, "model": "m"})
    sampled = finish(ctx.sample("Weather?", max_tokens=9, systemPrompt="Be short."))
    assert (sampled.text, sampled.model) == ("Fair.", "m")
    [(method, params, _)] = port.said
    assert method == "sampling/createMessage"
    assert params["messages"] == [{"role": "user", "content": {"type": "text", "text": "Weather?"}}]
    assert (params["maxTokens"], params["systemPrompt"]) == (9, "Be short.")


def test_a_sampled_answer_of_several_blocks_reads_as_its_texts():
    blocks = [{"type": "text", "text": "a"}, {"type": "image", "data": ""}, {"type": "text", "text": "b"}]
    ctx, port = context({"role": "assistant", "content": blocks})
    messages = [{"role": "user", "content": {"type": "text", "text": "x"}}]
    assert finish(ctx.sample(messages)).text == "a\nb"
    assert port.said[0][1]["messages"] is messages


@pytest.mark.parametrize(
    ("answer", "roots"),
    [
        ({}, []),
        ({"roots": []}, []),
        ({"roots": [{"uri": "file:///a", "name": "A", "_meta": {}}, {"uri": "file:///b"}]}, ["file:///a", "file:///b"]),
    ],
)
def test_roots_are_the_folders_of_the_user(answer, roots):
    ctx, _ = context(answer)
    found = finish(ctx.roots())
    assert [root.uri for root in found] == roots
    assert all(isinstance(root, Root) for root in found)


@pytest.mark.parametrize(
    ("ask", "answers"),
    [
        (lambda ctx: ctx.roots(), [None, [], {"roots": [{"name": "x"}]}, {"roots": {}}]),
        (lambda ctx: ctx.sample("x"), [None, {"role": "system", "content": {}}, {"content": {}}]),
        (lambda ctx: ctx.elicit("x", Berth), [None, {}, {"action": "maybe"}, {"action": "accept", "content": []}]),
    ],
)
def test_an_answer_of_another_shape_is_a_tool_error_and_no_defect(ask, answers):
    for answer in answers:
        ctx, _ = context(answer)
        with pytest.raises(ToolError, match="cannot be read"):
            finish(ask(ctx))


def test_what_the_line_raises_is_let_through():
    ctx, _ = context(RequestTimeout("late"))
    with pytest.raises(RequestTimeout):
        finish(ctx.roots())


def test_a_question_may_have_a_name():
    ctx, _ = context({"roots": []})
    finish(ctx.roots(key="folders"))
    assert ctx._call.key == "folders"
