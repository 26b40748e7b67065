"""What each request means. One function per method; each returns effects, or raises the PeerError to answer with."""

from collections.abc import Callable
from typing import Any, Final

from fairlead.catalog import Resource, Tool
from fairlead.catalog.faults import ArgumentError
from fairlead.catalog.outcome import failure
from fairlead.errors import INVALID_PARAMS, STATE_LOST, PeerError
from fairlead.kernel import answers, deferral
from fairlead.kernel.call import Call
from fairlead.kernel.effects import Effect, Resume, Run, Send
from fairlead.kernel.listening import MOST
from fairlead.spec import NEWEST_HANDSHAKE, STATELESS, VERSIONS
from fairlead.spec.descriptors import describe
from fairlead.spec.params import (
    UNSET,
    CallTool,
    Complete,
    GetPrompt,
    Initialize,
    Listen,
    Page,
    PromptReference,
    ReadResource,
    SetLevel,
    Subscribe,
)
from fairlead.spec.tasks import EXTENSION

DEFAULT_LEVEL: Final = "info"
"""What a handshake session is told of until it sets a level."""

_NO_VALUES: Final = {"completion": {"values": [], "total": 0, "hasMore": False}}


def initialize(call: Call, params: Initialize, now: float) -> list[Effect]:
    """Begin a handshake session. An unknown version is answered with the newest that shakes hands."""
    session, terms = call.session, call.session.terms
    asked = VERSIONS.get(params.protocol_version)
    version = asked if asked is not None and asked.era == "handshake" else NEWEST_HANDSHAKE
    session.version = version
    session.ready = False
    session.client = None if params.client is UNSET else params.client
    session.capabilities = params.capabilities
    # A new handshake on the same line is a new session: it hears of nothing that an earlier one asked for.
    session.log_level = DEFAULT_LEVEL
    session.listening.uris.clear()
    result = {
        "protocolVersion": version.date,
        "capabilities": capabilities(call, handshake=True),
        "serverInfo": describe(terms.server, version),
    }
    if terms.instructions:
        result["instructions"] = terms.instructions
    return session.answer(call, result)


def discover(call: Call, params: Any, now: float) -> list[Effect]:
    """Tell a stateless client what is here."""
    result: dict[str, Any] = {
        "supportedVersions": list(STATELESS),
        "capabilities": capabilities(call, handshake=False),
    }
    if call.session.terms.instructions:
        result["instructions"] = call.session.terms.instructions
    return call.session.answer(call, answers.complete(call, result))


def capabilities(call: Call, *, handshake: bool) -> dict[str, Any]:
    """What this server can do. Lists may be empty now and grow later, so they are always there."""
    terms = call.session.terms
    told: dict[str, Any] = {
        "tools": {"listChanged": True},
        "resources": {"listChanged": True, "subscribe": True},
        "prompts": {"listChanged": True},
        "logging": {},
    }
    if terms.catalog.completes:
        told["completions"] = {}
    extensions = terms.extensions if not deferral.offered(call.session) else {**terms.extensions, EXTENSION: {}}
    if extensions and not handshake:
        told["extensions"] = extensions
    return told


def ping(call: Call, params: Any, now: float) -> list[Effect]:
    """Answer at once."""
    return call.session.answer(call, {})


def list_roots(call: Call, params: Any, now: float) -> list[Effect]:
    """A server works in no folders of its own."""
    return call.session.answer(call, {"roots": []})


def list_tools(call: Call, params: Page, now: float) -> list[Effect]:
    """A page of tools."""
    return _list(call, params, "tools", "tools")


def list_resources(call: Call, params: Page, now: float) -> list[Effect]:
    """A page of resources."""
    return _list(call, params, "resources", "resources")


def list_templates(call: Call, params: Page, now: float) -> list[Effect]:
    """A page of resource templates."""
    return _list(call, params, "templates", "resourceTemplates")


def list_prompts(call: Call, params: Page, now: float) -> list[Effect]:
    """A page of prompts."""
    return _list(call, params, "prompts", "prompts")


def _list(call: Call, params: Page, kind: str, member: str) -> list[Effect]:
    terms = call.session.terms
    after: str | None = params.cursor or None
    entries, following = getattr(terms.catalog, kind).page(terms.secret, after, terms.page_size)
    result: dict[str, Any] = {member: [describe(entry.descriptor, call.version) for entry in entries]}
    if following is not None:
        result["nextCursor"] = following
    return call.session.answer(call, answers.complete(call, result))


def call_tool(call: Call, params: CallTool, now: float) -> list[Effect]:
    """Run a tool, or go on with one that had asked its user something."""
    call.name = params.name
    tool = call.session.terms.catalog.tools.find(params.name)
    if tool is None:
        raise PeerError(
            INVALID_PARAMS,
            f"There is no tool {params.name[:100]!r} here.",
            data={"errorCode": "TOOL_NOT_FOUND", "next": "List the tools; the names are case-sensitive."},
        )
    try:
        call.arguments = tool.arguments(params.arguments)
    except ArgumentError as fault:
        if call.version.argument_faults == "result":
            return call.session.answer(
                call, answers.tool_result(call, failure(f"{fault}. Mend the argument and call again."))
            )
        raise PeerError(INVALID_PARAMS, str(fault), data={"path": fault.path}) from None
    if tool.task is None:
        return _run(call, tool, params, now)
    refusal = deferral.check(call, tool)
    if refusal is not None:
        return call.session.answer(call, answers.tool_result(call, failure(refusal)))
    return [*_run(call, tool, params, now), *deferral.at_once(call, tool, params, now)]


def get_prompt(call: Call, params: GetPrompt, now: float) -> list[Effect]:
    """Fill in a prompt."""
    call.name = params.name
    prompt = call.session.terms.catalog.prompts.find(params.name)
    if prompt is None:
        raise PeerError(INVALID_PARAMS, f"There is no prompt {params.name[:100]!r} here.")
    try:
        call.arguments = prompt.arguments(params.arguments or {})
    except ArgumentError as fault:
        raise PeerError(INVALID_PARAMS, str(fault), data={"path": fault.path}) from None
    return _run(call, prompt, params, now)


def read_resource(call: Call, params: ReadResource, now: float) -> list[Effect]:
    """Read a resource."""
    call.name = params.uri
    resource, variables = _find(call, params.uri)
    try:
        call.arguments = resource.arguments(variables)
    except ArgumentError:
        raise _not_found(call, params.uri) from None  # A variable of the wrong shape names nothing.
    return _run(call, resource, params, now)


def _find(call: Call, uri: str) -> tuple[Resource, dict[str, str]]:
    found = call.session.terms.catalog.find_resource(uri)
    if found is None:
        raise _not_found(call, uri)
    return found


def _not_found(call: Call, uri: str) -> PeerError:
    return PeerError(
        call.version.resource_not_found,
        f"There is no resource {uri[:200]!r} here.",
        data={"uri": uri, "errorCode": "RESOURCE_NOT_FOUND"},
    )


def subscribe(call: Call, params: Subscribe, now: float) -> list[Effect]:
    """Hear of changes to a resource."""
    _find(call, params.uri)
    uris = call.session.listening.uris
    if len(uris) >= MOST:
        raise PeerError(INVALID_PARAMS, f"{MOST} resources are subscribed to already.", data={"limit": MOST})
    uris.add(params.uri)
    call.session.terms.catalog.follow(params.uri)
    return call.session.answer(call, {})


def unsubscribe(call: Call, params: Subscribe, now: float) -> list[Effect]:
    """Hear no more of a resource."""
    call.session.listening.uris.discard(params.uri)
    return call.session.answer(call, {})


def listen(call: Call, params: Listen, now: float) -> list[Effect]:
    """Hear of what the client opts in to, until it cancels."""
    session = call.session
    uris = params.notifications.resource_subscriptions
    if isinstance(uris, list) and len(uris) > MOST:
        raise PeerError(INVALID_PARAMS, f"More than {MOST} resources in one listen request.", data={"limit": MOST})
    jobs = deferral.watch(call, params.notifications, now)
    session.begin(call)
    acknowledged = session.listening.open(call, params.notifications, [job.id for job in jobs])
    for uri in uris if isinstance(uris, list) else ():
        session.terms.catalog.follow(uri)
    return [Send(acknowledged, call), *deferral.opening(call, jobs)]


def set_level(call: Call, params: SetLevel, now: float) -> list[Effect]:
    """Choose which log messages the client is sent."""
    call.session.log_level = params.level
    return call.session.answer(call, {})


def complete(call: Call, params: Complete, now: float) -> list[Effect]:
    """Propose values for an argument."""
    catalog, ref = call.session.terms.catalog, params.ref
    if isinstance(ref, PromptReference):
        known, target = catalog.prompts.find(ref.name) is not None, ref.name
    else:
        known, target = bool(catalog.templates.find(ref.uri) or catalog.resources.find(ref.uri)), ref.uri
    if not known:
        raise PeerError(INVALID_PARAMS, f"There is no {target[:200]!r} here to complete an argument of.")
    entry = catalog.find_completion(target, params.argument.name)
    if entry is None:
        return call.session.answer(call, answers.complete(call, _NO_VALUES))
    settled = {} if params.context is UNSET else params.context.arguments
    call.entry, call.arguments = entry, entry.arguments(params.argument.value, settled)
    call.session.begin(call)
    return [Run(call)]


def _run(call: Call, entry: Any, params: Any, now: float) -> list[Effect]:
    call.entry = entry
    if call.version.era == "stateless":
        if params.request_state is not UNSET:
            return _go_on(call, params, now)
        if params.input_responses is not UNSET:
            call.recorded = _answered(params)  # What it would be asked is answered before it is asked.
    call.session.begin(call)
    return [Run(call)]


def _answered(params: Any) -> dict[str, Any]:
    given = params.input_responses if isinstance(params.input_responses, dict) else {}
    return {key: answer for key, answer in given.items() if answer is not None}  # null answers nothing


def _go_on(call: Call, params: Any, now: float) -> list[Effect]:
    """The retry of a call that had asked something: wake the suspended one, or replay it where that is allowed."""
    session = call.session
    suspended, state = session.parking.take(params.request_state, call, now)
    answered = _answered(params)
    if suspended is not None:
        suspended.adopt(call)
        session.begin(suspended)
        return [Resume(suspended, answered)]
    if not (isinstance(call.entry, Tool) and call.entry.replayable):
        raise PeerError(STATE_LOST, f"The suspended call of {call.name!r} is gone, and it may not be run twice.")
    call.recorded = {**answered, **state.answers}  # What was answered before is signed, and stands.
    session.begin(call)
    return [Run(call)]


HANDLERS: Final[dict[str, Callable[[Call, Any, float], list[Effect]]]] = {
    "initialize": initialize,
    "ping": ping,
    "server/discover": discover,
    "roots/list": list_roots,
    "tools/list": list_tools,
    "tools/call": call_tool,
    "resources/list": list_resources,
    "resources/templates/list": list_templates,
    "resources/read": read_resource,
    "resources/subscribe": subscribe,
    "resources/unsubscribe": unsubscribe,
    "prompts/list": list_prompts,
    "prompts/get": get_prompt,
    "completion/complete": complete,
    "logging/setLevel": set_level,
    "subscriptions/listen": listen,
    "tasks/get": deferral.get,
    "tasks/update": deferral.update,
    "tasks/cancel": deferral.cancel,
}
"""By the methods of `spec.methods.METHODS`, one each."""
