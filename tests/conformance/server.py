"""The server that the official conformance suite calls: what it looks for by name, with Fairlead's own means.

    fairlead serve tests/conformance/server.py --port 8000

The names, arguments and outcomes are the suite's; what each is there for stands in its docstring. The first tool
takes no arguments: the suite calls whichever comes first with none.
"""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from material import CHOICES, CONTACT, CONTACT_CARD, DOT, TICK, Card, ask_for

from fairlead import (
    Audio,
    BlobContents,
    Context,
    Embedded,
    Fairlead,
    Image,
    Message,
    Text,
    TextContents,
    ToolError,
)
from fairlead.catalog import Tool
from fairlead.errors import INTERNAL_ERROR, PeerError
from fairlead.spec.descriptors import ToolDescriptor

mcp = Fairlead("fairlead-conformance", instructions="Every fixture of the official conformance suite.")

PAUSE = 0.05
"""Seconds between two things that the suite wants to see apart."""

# Tools that return content.


@mcp.tool
def test_simple_text() -> str:
    """Return a line of text."""
    return "This is a simple text response for testing."


@mcp.tool
def test_image_content() -> Image:
    """Return a picture."""
    return Image.of(DOT)


@mcp.tool
def test_audio_content() -> Audio:
    """Return a sound."""
    return Audio.of(TICK)


@mcp.tool
def test_embedded_resource() -> Embedded:
    """Return a resource inside the result."""
    return Embedded(
        TextContents(
            uri="test://embedded-resource", mime_type="text/plain", text="This is an embedded resource content."
        )
    )


@mcp.tool
def test_multiple_content_types() -> list[Text | Image | Embedded]:
    """Return text, a picture and a resource together."""
    told = TextContents(
        uri="test://mixed-content-resource", mime_type="application/json", text='{"test":"data","value":123}'
    )
    return [Text("Multiple content types test:"), Image.of(DOT), Embedded(told)]


@mcp.tool
def test_error_handling() -> str:
    """Fail."""
    raise ToolError("This tool intentionally returns an error for testing")


# Tools that talk while they run.


@mcp.tool
async def test_tool_with_logging(ctx: Context) -> str:
    """Log three lines, some time apart."""
    await ctx.info("Tool execution started")
    await asyncio.sleep(PAUSE)
    await ctx.info("Tool processing data")
    await asyncio.sleep(PAUSE)
    await ctx.info("Tool execution completed")
    return "Three lines were logged."


@mcp.tool
async def test_tool_with_progress(ctx: Context) -> str:
    """Tell of progress three times, some time apart."""
    for done in (0, 50, 100):
        await ctx.progress(done, 100)
        await asyncio.sleep(PAUSE)
    return "Progress was told three times."


@mcp.tool
async def test_logging_tool(ctx: Context) -> str:
    """Log a line, which goes out only to who asked for it."""
    await ctx.warning("This is for those who named a level.")
    return "A line was logged, if it was wanted."


@mcp.tool
async def test_reconnection(ctx: Context) -> str:
    """Give the client's connection back while the work goes on, so that it comes again for the answer."""
    await ctx.close_stream()
    await asyncio.sleep(2 * PAUSE)
    return "The answer came after the stream was given back."


@mcp.tool
def test_trigger_tool_change() -> str:
    """Switch another tool on or off, of which listeners are told."""
    _toggle(mcp.catalog.tools, "test_appearing_tool")
    return "The list of tools changed."


@mcp.tool
def test_trigger_prompt_change() -> str:
    """Switch a prompt on or off, of which listeners are told."""
    _toggle(mcp.catalog.prompts, "test_appearing_prompt")
    return "The list of prompts changed."


def _toggle(shelf: Any, name: str) -> None:
    shelf.switch(name, shelf.find(name) is None)


@mcp.tool
def test_appearing_tool() -> str:
    """Come and go."""
    return "Here."


@mcp.prompt
def test_appearing_prompt() -> str:
    """Come and go."""
    return "Here."


# Tools that ask the client: as a request of their own in the handshake era, as their result in the stateless one.


@mcp.tool
async def test_sampling(prompt: str, ctx: Context) -> str:
    """Ask the client's model."""
    return f"LLM response: {(await ctx.sample(prompt, max_tokens=100)).text}"


@mcp.tool
async def test_missing_capability(ctx: Context) -> str:
    """Ask the client's model, which a client without one has to be told."""
    return (await ctx.sample("Say something.", max_tokens=20)).text


@mcp.tool
async def test_elicitation(message: str, ctx: Context) -> str:
    """Ask the user for a name and an address."""
    return f"User response: {_told(await ctx.elicit(message, CONTACT))}"


@mcp.tool
async def test_streaming_elicitation(ctx: Context) -> str:
    """Ask the user on a stream of events, which must carry no request."""
    return _told(await ctx.elicit("Who are you?", CONTACT))


@dataclass
class Person:
    """A form whose fields are filled in already."""

    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: Literal["active", "inactive", "pending"] = "active"
    verified: bool = True


@mcp.tool
async def test_elicitation_sep1034_defaults(ctx: Context) -> str:
    """Ask with a default in each kind of field."""
    return f"Elicitation completed: {_told(await ctx.elicit('Check what is filled in.', Person))}"


@mcp.tool
async def test_elicitation_sep1330_enums(ctx: Context) -> str:
    """Ask with each way to write a choice."""
    return f"Elicitation completed: {_told(await ctx.elicit('Choose.', CHOICES))}"


def _told(answer: Any) -> str:
    data = msgspec.to_builtins(answer.data)
    return f"action={answer.action}, content={msgspec.json.encode(data).decode()}"


# Questions as results (multi-round-trip), by the keys that the suite answers.


async def _name(ctx: Context) -> str:
    answer = await ctx.elicit("What is your name?", ask_for("name"), key="user_name")
    return str(answer.data["name"]) if answer else "stranger"


@mcp.tool
async def test_input_required_result_elicitation(ctx: Context) -> str:
    """Ask for a name, and greet."""
    return f"Hello, {await _name(ctx)}!"


@mcp.tool
async def test_input_required_result_sampling(ctx: Context) -> str:
    """Ask the client's model."""
    got = await ctx.sample("What is the capital of France?", max_tokens=100, key="capital_question")
    return f"The model said: {got.text}"


@mcp.tool
async def test_input_required_result_list_roots(ctx: Context) -> str:
    """Ask for the user's folders."""
    return "Roots: " + ", ".join(root.uri for root in await ctx.roots(key="client_roots"))


@mcp.tool
async def test_input_required_result_request_state(ctx: Context) -> str:
    """Ask for a yes; the state comes back as it went out, or the call would not go on."""
    answer = await ctx.elicit("Please confirm", ask_for("ok", "boolean"), key="confirm")
    return f"state-ok, {_told(answer)}"


@mcp.tool
async def test_input_required_result_multiple_inputs(ctx: Context) -> str:
    """Ask for a name, a greeting and folders at once."""
    name, greeting, roots = await asyncio.gather(
        _name(ctx),
        ctx.sample("Generate a greeting", max_tokens=50, key="greeting"),
        ctx.roots(key="client_roots"),
    )
    return f"{greeting.text} {name} works in {len(roots)} folders."


@mcp.tool
async def test_input_required_result_multi_round(ctx: Context) -> str:
    """Ask twice, the second time when the first answer is there."""
    name = await ctx.elicit("Step 1: What is your name?", ask_for("name"), key="step1")
    color = await ctx.elicit("Step 2: What is your favorite color?", ask_for("color"), key="step2")
    return f"{_told(name)} and {_told(color)}"


@mcp.tool
async def test_input_required_result_tampered_state(ctx: Context) -> str:
    """Ask for a yes, with a state that no client can change."""
    return _told(await ctx.elicit("Please confirm", ask_for("ok", "boolean"), key="confirm"))


@mcp.tool
async def test_input_required_result_capabilities(ctx: Context) -> str:
    """Ask only what this client says it can answer."""
    if "elicitation" in ctx.capabilities:
        return await _name(ctx)
    return (await ctx.sample("Name somebody.", max_tokens=20, key="greeting")).text


@mcp.prompt
async def test_input_required_result_prompt(ctx: Context) -> str:
    """Ask what the prompt is about."""
    answer = await ctx.elicit("What context should the prompt use?", ask_for("context"), key="user_context")
    return f"Use this context: {_told(answer)}"


# Calls that become tasks, for clients that can take one.


@mcp.tool
def greet(name: str) -> str:
    """Greet at once: never a task."""
    return f"Hello, {name}!"


@mcp.tool(task="optional")
async def slow_compute(seconds: float, label: str = "") -> str:
    """Work for some seconds."""
    await asyncio.sleep(seconds)
    return f"{label or 'It'} took {seconds} s."


@mcp.tool(task="required")
async def failing_job() -> str:
    """Work for a moment, and fail."""
    await asyncio.sleep(PAUSE)
    raise ToolError("This job always fails.")


@mcp.tool(task="required")
async def protocol_error_job() -> str:
    """End in an error of the protocol, not of the tool."""
    raise PeerError(INTERNAL_ERROR, "This job ends in a protocol error.")


@mcp.tool(task="optional")
async def confirm_delete(filename: str, ctx: Context) -> str:
    """Ask before something is done."""
    answer = await ctx.elicit(f"Delete {filename}?", ask_for("confirm", "boolean"), key="confirm")
    return f"{filename}: {_told(answer)}"


@mcp.tool(task="optional")
async def multi_input(ctx: Context) -> str:
    """Ask two things at once, which may be answered one after the other."""
    answers = await asyncio.gather(
        ctx.elicit("What is the first name?", ask_for("name"), key="first"),
        ctx.elicit("What is the second name?", ask_for("name"), key="second"),
    )
    return " and ".join(_told(answer) for answer in answers)


@mcp.tool(task="required", task_at_once=False)
async def test_tool_with_task(ctx: Context) -> str:
    """Ask for a name while the caller waits, and become a task then."""
    name = await _name(ctx)
    await ctx.detach()
    await asyncio.sleep(PAUSE)
    return f"Hello, {name}!"


# Schemas that no Python annotation makes.

mcp.add(
    Tool(
        ToolDescriptor(
            name="json_schema_2020_12_tool",
            description="Take a card whose schema uses the whole of JSON Schema 2020-12.",
            input_schema=CONTACT_CARD,
        ),
        lambda card: f"{len(card)} fields",
        "quick",
        Card(CONTACT_CARD),
    )
)


@mcp.tool
def test_x_mcp_header(
    region: Annotated[str, msgspec.Meta(description="Where to ask", extra_json_schema={"x-mcp-header": "Region"})],
    limit: int = 10,
) -> str:
    """Take an argument that a header of the HTTP request repeats."""
    return f"{limit} rows of {region}"


# Resources.


@mcp.resource("test://static-text", mime_type="text/plain", description="A text that never changes")
def static_text() -> str:
    """A text that never changes."""
    return "This is the content of the static text resource."


@mcp.resource("test://static-binary", mime_type="image/png", description="A picture that never changes")
def static_binary() -> bytes:
    """A picture that never changes."""
    return DOT


@mcp.resource("test://template/{id}/data", mime_type="application/json", description="Data by its number")
def template_data(id: str) -> dict[str, Any]:
    """Data by its number."""
    return {"id": id, "templateTest": True, "data": f"Data for ID: {id}"}


@mcp.resource("test://watched-resource", mime_type="text/plain", description="A text to subscribe to")
def watched_resource() -> str:
    """A text to subscribe to."""
    return "Nothing has happened yet."


@mcp.resource("test://two-parts", description="Contents in two forms")
def two_parts() -> list[TextContents | BlobContents]:
    """Contents in two forms."""
    return [
        TextContents(uri="test://two-parts#text", mime_type="text/plain", text="One part."),
        BlobContents(uri="test://two-parts#blob", mime_type="image/png", blob=Image.of(DOT).data),
    ]


# Prompts, and what is proposed for their arguments.


@mcp.prompt
def test_simple_prompt() -> str:
    """Ask for nothing in particular."""
    return "This is a simple prompt for testing."


@mcp.prompt
def test_prompt_with_arguments(arg1: str, arg2: str) -> str:
    """Ask with two arguments."""
    return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"


@mcp.completion("test_prompt_with_arguments", "arg1")
def propose_arg1(typed: str) -> list[str]:
    """Words that begin with what was typed."""
    return [word for word in ("paris", "park", "party", "test", "testing") if word.startswith(typed)]


@mcp.prompt
def test_prompt_with_embedded_resource(resourceUri: str) -> list[Message]:
    """Ask about a resource that comes along."""
    contents = TextContents(uri=resourceUri, mime_type="text/plain", text="Embedded resource content for testing.")
    return [Message("user", Embedded(contents)), Message("user", Text("Please process the embedded resource above."))]


@mcp.prompt
def test_prompt_with_image() -> list[Message]:
    """Ask about a picture that comes along."""
    return [Message("user", Image.of(DOT)), Message("user", Text("Please analyze the image above."))]
