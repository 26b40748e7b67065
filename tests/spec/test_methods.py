"""The methods and notifications of each version: against the table of the reference, and against the official SDK."""

import msgspec
import pytest

# Of the official SDK, which the development tools bring along.
from mcp_types import methods as sdk
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from fairlead.spec import HANDSHAKE, STATELESS, VERSIONS, methods
from fairlead.spec.methods import ASKED, CLIENT_NOTICES, LIST_CHANGED, METHODS, SERVER_NOTICES

FIRST, SECOND, THIRD, FOURTH, FIFTH = "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"

# reference/mcp.md, "Five protocol versions, two eras", by its cells. The experimental tasks of 2025-11-25 are left
# out on purpose, as the SDK leaves them out.
FROM_THE_START = {
    "initialize",
    "ping",
    "completion/complete",
    "logging/setLevel",
    "prompts/list",
    "prompts/get",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "tools/list",
    "tools/call",
}
CLIENT_REQUESTS = {
    FIRST: FROM_THE_START,
    SECOND: FROM_THE_START,
    THIRD: FROM_THE_START,
    FOURTH: FROM_THE_START,
    FIFTH: {
        "server/discover",
        "completion/complete",
        "prompts/list",
        "prompts/get",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "subscriptions/listen",
        "tools/list",
        "tools/call",
    },
}
SERVER_REQUESTS = {
    FIRST: {"ping", "sampling/createMessage", "roots/list"},
    SECOND: {"ping", "sampling/createMessage", "roots/list"},
    THIRD: {"ping", "sampling/createMessage", "roots/list", "elicitation/create"},
    FOURTH: {"ping", "sampling/createMessage", "roots/list", "elicitation/create"},
    FIFTH: set(),
}
INLINE_REQUESTS = {
    **dict.fromkeys([FIRST, SECOND, THIRD, FOURTH], set()),
    FIFTH: {"sampling/createMessage", "roots/list", "elicitation/create"},
}
CLIENT_TELLS = {"initialized", "cancelled", "progress", "roots/list_changed"}
CLIENT_NOTIFICATIONS = {**dict.fromkeys([FIRST, SECOND, THIRD, FOURTH], CLIENT_TELLS), FIFTH: {"cancelled"}}
SERVER_TELLS = {
    "cancelled",
    "progress",
    "message",
    "resources/updated",
    "tools/list_changed",
    "prompts/list_changed",
    "resources/list_changed",
}
SERVER_NOTIFICATIONS = {
    FIRST: SERVER_TELLS,
    SECOND: SERVER_TELLS,
    THIRD: SERVER_TELLS,
    FOURTH: SERVER_TELLS | {"elicitation/complete"},
    FIFTH: SERVER_TELLS | {"subscriptions/acknowledged"},
}
# What we answer although no version has it: old clients ask it of a server, the wrong way round.
TOLERATED = {"roots/list"}
# An extension's methods exist where it is offered: not the table's business.
CORE = {name: row for name, row in METHODS.items() if row.extension is None and name not in TOLERATED}
OF_EXTENSIONS = {"notifications/tasks"}
CORE_NOTICES = {name: row for name, row in SERVER_NOTICES.items() if name not in OF_EXTENSIONS}


def of(version, table):
    """The names in a table of ours that a version has."""
    return {name for name, row in table.items() if version in row.versions}


def told(names):
    return {f"notifications/{name}" for name in names}


@pytest.mark.requirement("ERA-09")
@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_the_methods_and_notifications_of_its_column(version):
    assert of(version, CORE) == CLIENT_REQUESTS[version]
    assert of(version, ASKED) == SERVER_REQUESTS[version]
    assert {name for name, row in ASKED.items() if version in row.inline} == INLINE_REQUESTS[version]
    assert of(version, CLIENT_NOTICES) == told(CLIENT_NOTIFICATIONS[version])
    assert of(version, CORE_NOTICES) == told(SERVER_NOTIFICATIONS[version])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (CORE, sdk.CLIENT_REQUESTS),
        (ASKED, sdk.SERVER_REQUESTS),
        (CLIENT_NOTICES, sdk.CLIENT_NOTIFICATIONS),
        (CORE_NOTICES, sdk.SERVER_NOTIFICATIONS),
    ],
    ids=["client requests", "server requests", "client notifications", "server notifications"],
)
def test_the_official_sdk_has_the_same_names_in_each_version(version, ours, theirs):
    assert of(version, ours) == {name for name, known in theirs if known == version}


def test_the_official_sdk_has_the_same_versions_and_eras():
    assert tuple(HANDSHAKE_PROTOCOL_VERSIONS) == HANDSHAKE
    assert tuple(MODERN_PROTOCOL_VERSIONS) == STATELESS
    assert {version for _, version in sdk.CLIENT_REQUESTS} == set(VERSIONS)


def test_the_official_sdk_keeps_and_asks_in_the_same_methods():
    assert {name for name, row in METHODS.items() if row.kept} == sdk.CACHEABLE_METHODS
    assert {name for name, row in METHODS.items() if row.retried} == sdk.INPUT_REQUIRED_METHODS


def test_what_we_tolerate_beyond_the_tables_is_named_here():
    assert set(METHODS) - set(CORE) - {name for name, row in METHODS.items() if row.extension} == TOLERATED & set(
        METHODS
    )
    for name in TOLERATED & set(METHODS):
        assert not METHODS[name].versions & set(STATELESS)


def test_methods_of_an_extension_are_stateless_and_name_it():
    for row in METHODS.values():
        if row.extension is not None:
            assert "/" in row.extension
            assert row.versions <= set(STATELESS)


@pytest.mark.parametrize("table", [METHODS, CLIENT_NOTICES, SERVER_NOTICES, ASKED])
def test_each_row_is_found_by_its_name_and_speaks_of_versions_that_exist(table):
    for name, row in table.items():
        assert row.name == name
        assert row.versions | getattr(row, "inline", frozenset()) <= set(VERSIONS)
        assert row.versions or getattr(row, "inline", None)


def test_the_params_of_each_method_can_be_decoded_by_their_type():
    for row in METHODS.values():
        assert issubclass(row.params, methods.params.Params)
        msgspec.json.Decoder(row.params)
    for notice in CLIENT_NOTICES.values():
        assert notice.params is None or msgspec.json.Decoder(notice.params)


def test_the_methods_of_a_capability_need_it_and_no_others_do():
    named = {"tools": "tools", "resources": "resources", "prompts": "prompts"}
    named |= {"completion": "completions", "logging": "logging"}
    for name, row in CORE.items():
        assert row.capability == named.get(name.partition("/")[0])


def test_only_initialize_can_not_be_cancelled_and_only_it_and_ping_come_first():
    assert {name for name, row in METHODS.items() if not row.cancellable} == {"initialize"}
    assert {name for name, row in METHODS.items() if row.before_handshake} == {"initialize", "ping"}


def test_a_name_that_http_repeats_is_a_member_of_the_params():
    for row in METHODS.values():
        members = {field.encode_name for field in msgspec.structs.fields(row.params)}
        assert row.named_by is None or row.named_by in members
    assert METHODS["tools/call"].named_by == METHODS["prompts/get"].named_by == "name"
    assert METHODS["resources/read"].named_by == "uri"


def test_each_list_that_can_change_has_its_notification():
    assert LIST_CHANGED == {kind: f"notifications/{kind}/list_changed" for kind in ("tools", "prompts", "resources")}
    assert set(LIST_CHANGED.values()) <= set(SERVER_NOTICES)
