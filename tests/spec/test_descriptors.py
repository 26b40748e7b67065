"""What a server tells of its entries: with the names of the wire, and no more than a version knows."""

import msgspec
import pytest

from fairlead.spec import VERSIONS
from fairlead.spec.content import Annotations
from fairlead.spec.descriptors import (
    Icon,
    Implementation,
    PromptArgument,
    PromptDescriptor,
    ResourceDescriptor,
    TemplateDescriptor,
    ToolDescriptor,
    ToolHints,
    describe,
)

FIRST, SECOND, THIRD, FOURTH, FIFTH = VERSIONS.values()
ICON = Icon(src="data:,x", mime_type="image/png", sizes=["48x48"], theme="dark")
TOOL = ToolDescriptor(
    name="t",
    title="T",
    description="Does it.",
    input_schema={"type": "object"},
    output_schema={"type": "object"},
    annotations=ToolHints(title="T", read_only_hint=True, destructive_hint=False, idempotent_hint=True),
    icons=[ICON],
    meta={"a": 1},
)
RESOURCE = ResourceDescriptor(
    uri="a://b",
    name="r",
    title="R",
    description="Holds it.",
    mime_type="text/plain",
    size=3,
    annotations=Annotations(priority=1.0, audience=["user"]),
    icons=[ICON],
    meta={"a": 1},
)
TEMPLATE = TemplateDescriptor(uri_template="a://{b}", name="x", title="X", mime_type="text/plain", icons=[ICON])
PROMPT = PromptDescriptor(
    name="p", title="P", description="Asks it.", arguments=[PromptArgument(name="a", required=True)], icons=[ICON]
)
SERVER = Implementation(name="s", version="1", title="S", description="Is it.", website_url="https://s", icons=[ICON])


def members(descriptor):
    """What each version is told, by the names of the members."""
    return [set(describe(descriptor, version)) for version in VERSIONS.values()]


def test_a_tool_is_told_as_each_version_knows_tools():
    first = {"name", "description", "inputSchema"}
    second = first | {"annotations"}
    third = second | {"title", "outputSchema", "_meta"}
    assert members(TOOL) == [first, second, third, third | {"icons"}, third | {"icons"}]


def test_a_resource_is_told_as_each_version_knows_resources():
    first = {"uri", "name", "description", "mimeType", "size"}
    for told in members(RESOURCE):
        assert first <= told
    assert [told - first - {"annotations"} for told in members(RESOURCE)] == [
        set(),
        set(),
        {"title", "_meta"},
        {"title", "_meta", "icons"},
        {"title", "_meta", "icons"},
    ]


def test_a_template_and_a_prompt_are_told_as_each_version_knows_them():
    template = {"uriTemplate", "name", "mimeType"}
    prompt = {"name", "description", "arguments"}
    for descriptor, first in ((TEMPLATE, template), (PROMPT, prompt)):
        third = first | {"title"}
        assert members(descriptor) == [first, first, third, third | {"icons"}, third | {"icons"}]


def test_a_server_tells_of_itself_what_each_version_knows():
    first, fourth = {"name", "version"}, {"name", "version", "title", "description", "websiteUrl", "icons"}
    assert members(SERVER) == [first, first, first | {"title"}, fourth, fourth]


@pytest.mark.parametrize("version", VERSIONS.values(), ids=lambda version: version.date)
def test_what_is_not_set_is_not_told(version):
    assert describe(ToolDescriptor(name="t", input_schema={}), version) == {"name": "t", "inputSchema": {}}
    assert describe(PromptDescriptor(name="p"), version) == {"name": "p"}
    assert describe(Implementation(name="s"), version) == {"name": "s", "version": "0"}


def test_the_newest_client_is_told_everything_by_the_names_of_the_wire():
    assert describe(TOOL, FIFTH) == {
        "name": "t",
        "title": "T",
        "description": "Does it.",
        "inputSchema": {"type": "object"},
        "outputSchema": {"type": "object"},
        "annotations": {"title": "T", "readOnlyHint": True, "destructiveHint": False, "idempotentHint": True},
        "icons": [{"src": "data:,x", "mimeType": "image/png", "sizes": ["48x48"], "theme": "dark"}],
        "_meta": {"a": 1},
    }
    assert describe(RESOURCE, FIFTH)["annotations"] == {"audience": ["user"], "priority": 1.0}
    assert describe(SERVER, FIFTH)["websiteUrl"] == "https://s"
    assert describe(PROMPT, FIFTH)["arguments"] == [{"name": "a", "required": True}]


@pytest.mark.parametrize("descriptor", [TOOL, RESOURCE, TEMPLATE, PROMPT, SERVER], ids=lambda one: type(one).__name__)
def test_every_member_of_a_descriptor_is_known_to_the_newest_version(descriptor):
    assert describe(descriptor, FIFTH) == msgspec.to_builtins(descriptor)


def test_a_tool_without_a_schema_and_a_resource_without_a_name_can_not_be():
    with pytest.raises(TypeError):
        ToolDescriptor(name="t")
    with pytest.raises(TypeError):
        ResourceDescriptor(uri="a://b")
