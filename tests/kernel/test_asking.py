"""Who can be asked what: by the version of the call, and by what its client declared."""

import pytest

from fairlead.errors import PeerError, ToolError
from fairlead.kernel.asking import check
from fairlead.spec import HANDSHAKE
from tests.kernel.talk import Peer, call_add, modern, notice, request

FORM = ("elicitation/create", {"message": "?", "requestedSchema": {}})
URL = ("elicitation/create", {"mode": "url", "message": "?", "url": "https://h", "elicitationId": "1"})
SAMPLE = ("sampling/createMessage", {"messages": [], "maxTokens": 1})
TOOLS = ("sampling/createMessage", {"messages": [], "maxTokens": 1, "tools": []})
ROOTS = ("roots/list", {})
ALL_OF_IT = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}}


def old(version: str, capabilities: dict):
    return Peer(version, capabilities=capabilities).start(request("tools/call", call_add()))


def new(capabilities: dict):
    return Peer().start(modern("tools/call", call_add(), capabilities=capabilities))


@pytest.mark.requirement("ERA-11")
@pytest.mark.parametrize("version", HANDSHAKE)
@pytest.mark.parametrize(
    ("question", "since"),
    [(FORM, "2025-06-18"), (URL, "2025-11-25"), (SAMPLE, "2024-11-05"), (ROOTS, "2024-11-05")],
)
def test_a_question_exists_from_its_version_on(version, question, since):
    call = old(version, ALL_OF_IT)
    if version >= since:
        check(call, *question)
    else:
        with pytest.raises(ToolError, match=version):
            check(call, *question)


@pytest.mark.requirement("ERA-10")
@pytest.mark.parametrize(
    ("question", "lacking"),
    [
        (FORM, {"sampling": {}}),
        (FORM, {"elicitation": {"url": {}}}),
        (FORM, {"elicitation": None}),
        (URL, {"elicitation": {}}),
        (URL, {"elicitation": {"form": {}}}),
        (SAMPLE, {"roots": {}}),
        (TOOLS, {"sampling": {}}),
        (ROOTS, {"elicitation": {}}),
        (ROOTS, {"roots": True}),
    ],
)
def test_a_handshake_client_is_asked_only_what_it_declared(question, lacking):
    with pytest.raises(ToolError, match="did not declare"):
        check(old("2025-11-25", lacking), *question)


@pytest.mark.parametrize(
    ("question", "enough"),
    [
        (FORM, {"elicitation": {}}),
        (FORM, {"elicitation": {"form": {}}}),
        (URL, {"elicitation": {"url": {}}}),
        (SAMPLE, {"sampling": {}}),
        (TOOLS, {"sampling": {"tools": {}}}),
        (ROOTS, {"roots": {"listChanged": True}}),
    ],
)
def test_what_was_declared_may_be_asked_in_both_eras(question, enough):
    check(old("2025-11-25", enough), *question)
    check(new(enough), *question)


@pytest.mark.requirement("STATELESS-16")
@pytest.mark.parametrize(
    ("question", "required"),
    [
        (FORM, {"elicitation": {"form": {}}}),
        (URL, {"elicitation": {"url": {}}}),
        (SAMPLE, {"sampling": {}}),
        (TOOLS, {"sampling": {"tools": {}}}),
        (ROOTS, {"roots": {}}),
    ],
)
def test_a_stateless_request_that_lacks_a_capability_is_told_which(question, required):
    with pytest.raises(PeerError) as refused:
        check(new({"experimental": {}}), *question)
    assert refused.value.code == -32021
    assert refused.value.describe()["data"]["requiredCapabilities"] == required


@pytest.mark.requirement("STATELESS-16")
def test_the_capabilities_of_a_handshake_do_not_count_for_a_stateless_request():
    peer = Peer("2025-11-25", capabilities=ALL_OF_IT)
    with pytest.raises(PeerError):
        check(peer.start(modern("tools/call", call_add())), *FORM)


@pytest.mark.requirement("STATELESS-23")
def test_ping_is_never_asked_of_a_stateless_client():
    check(old("2025-11-25", {}), "ping", {})
    with pytest.raises(ToolError):
        check(new(ALL_OF_IT), "ping", {})


@pytest.mark.requirement("ERA-07")
def test_a_client_that_has_not_said_that_it_is_initialized_is_asked_nothing_but_ping():
    peer = Peer()
    peer.result(request("initialize", {"protocolVersion": "2025-11-25", "capabilities": ALL_OF_IT}))
    call = peer.start(request("tools/call", call_add()))
    with pytest.raises(ToolError, match="initialized"):
        check(call, *ROOTS)
    check(call, "ping", {})
    peer.say(notice("notifications/initialized"))
    check(call, *ROOTS)
