"""What a client's program answers when the server asks."""

import pytest

from fairlead.connect.handlers import Handlers
from fairlead.errors import PeerError
from fairlead.spec.results import Elicited, Root, Sampled


def test_what_there_is_a_handler_for_is_what_is_declared():
    assert Handlers().capabilities() == {}
    every = Handlers(elicit=lambda params: {}, sample=lambda params: "x", roots=[])
    assert set(every.capabilities()) == {"elicitation", "sampling", "roots"}


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"n": 1}, Elicited("accept", {"n": 1})),
        (None, Elicited("decline")),
        (Elicited("cancel"), Elicited("cancel")),
    ],
)
def test_what_the_user_said_becomes_an_answer(run, given, answer):
    async def later(params):
        return given

    for handler in (lambda params: given, later):
        assert run(Handlers(elicit=handler).answer("elicitation/create", {})) == answer


def test_text_of_the_model_becomes_a_message(run):
    sampled = run(Handlers(sample=lambda params: params["q"]).answer("sampling/createMessage", {"q": "a"}))
    assert isinstance(sampled, Sampled) and sampled.text == "a"


def test_folders_are_a_list_or_what_a_function_gives(run):
    for roots in (["file:///a", Root("file:///b", "b")], lambda: ["file:///a", Root("file:///b", "b")]):
        answer = run(Handlers(roots=roots).answer("roots/list", {}))
        assert answer == {"roots": [Root("file:///a"), Root("file:///b", "b")]}


@pytest.mark.parametrize("method", ["elicitation/create", "sampling/createMessage", "roots/list", "nothing"])
def test_what_there_is_no_handler_for_is_refused(run, method):
    with pytest.raises(PeerError) as refusal:
        run(Handlers().answer(method, {}))
    assert refusal.value.code == -32601


def test_a_handler_that_fails_is_masked(run, caplog):
    def broken(params):
        raise ValueError("secret")

    with pytest.raises(PeerError) as refusal:
        run(Handlers(elicit=broken).answer("elicitation/create", {}))
    assert refusal.value.code == -32603 and "secret" not in str(refusal.value) + caplog.text
