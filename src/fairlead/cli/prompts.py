"""`fairlead prompts URL [NAME [key=value …]]`: the prompts of a server, or the messages of one."""

import argparse
from typing import Any

from fairlead.cli.reach import OK, declare, talk
from fairlead.cli.shown import content, say, say_json, table
from fairlead.client import Client
from fairlead.errors import UsageError
from fairlead.spec.descriptors import UNSET, PromptDescriptor


def add(commands: Any) -> None:
    """Declare the command."""
    parser = declare(
        commands, "prompts", __doc__ or "", " [NAME [KEY=VALUE …]]", help="the server, the prompt, its arguments"
    )
    parser.set_defaults(act=act)


def act(arguments: argparse.Namespace) -> int:
    """List the prompts, or fill one in."""

    async def ask(client: Client, rest: list[str]) -> int:
        if not rest:
            return await _list(client, as_json=arguments.json)
        params = {"name": rest[0], "arguments": _texts(rest[1:])}
        result = await client.request("prompts/get", params)
        if arguments.json:
            say_json(result)
            return OK
        for message in result.get("messages") or []:
            say(f"{message.get('role')}: {content(message.get('content'))}")
        return OK

    return talk(arguments, ask)


async def _list(client: Client, *, as_json: bool) -> int:
    prompts = await client.list_prompts()
    if as_json:
        say_json(prompts)
    else:
        rows = [(prompt.name, _takes(prompt), prompt.description or prompt.title or "") for prompt in prompts]
        table(("NAME", "ARGUMENTS", "DESCRIPTION"), rows, none="The server has no prompts.")
    return OK


def _takes(prompt: PromptDescriptor) -> str:
    told = [] if prompt.arguments is UNSET else prompt.arguments
    return " ".join(f"{one.name}{'' if one.required is True else '?'}" for one in told)


def _texts(words: list[str]) -> dict[str, str]:
    """Prompts take text alone."""
    pairs = [word.partition("=") for word in words]
    for word, (key, mark, _) in zip(words, pairs, strict=True):
        if not mark or not key:
            raise UsageError(f"{word!r} is no argument: write key=value.")
    return {key: text for key, _, text in pairs}
