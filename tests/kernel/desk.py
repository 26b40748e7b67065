"""A client of a server that keeps tasks: what it says in short, and what the functions of its tasks do."""

from fairlead.catalog import Catalog, Context
from fairlead.catalog.tool import from_function as tool
from fairlead.kernel import Run, Tasks
from fairlead.spec.tasks import EXTENSION
from tests.kernel.talk import Peer, modern, terms

ABLE = {"extensions": {EXTENSION: {}}}
ASKABLE = {**ABLE, "elicitation": {}}
NOON = 1_800_000_000.0


def works(text: str = "") -> str:
    """Work."""
    return text


def catalog() -> Catalog:
    made = Catalog()
    made.add_tool(tool(works, name="plain"))
    made.add_tool(tool(works, name="may", task="optional"))
    made.add_tool(tool(works, name="must", task="required", task_ttl=5))

    def later(ctx: Context) -> str:
        """Become a task in the course of it."""
        return ""

    made.add_tool(tool(later, task="optional", task_at_once=False))
    made.add_tool(tool(later, name="must_later", task="required", task_at_once=False))
    return made


class Client(Peer):
    """A peer of a server that keeps tasks, whose table it can share with others."""

    def __init__(self, version=None, *, table=None, principal=None, capabilities=None, **settings):
        bounds = {"tasks": 3, "task_bytes": 10_000, "task_ttl": 60.0, "task_poll": 2.0, **settings}
        super().__init__(of_terms=terms(catalog=catalog(), **bounds), principal=principal)
        made = self.session.terms
        self.table = table or Tasks(most=made.tasks, most_bytes=made.task_bytes)
        self.session.tasks = self.table
        if version is not None:
            self.shake(version, capabilities)

    def begin(self, name="may", now=NOON, id="call", **options):
        """A call that is a task: the call that is to be run, and the answer to it."""
        [answer] = self.say(modern("tools/call", {"name": name, **options}, id, capabilities=ASKABLE), now)
        [run] = [effect for effect in self.effects if isinstance(effect, Run)]
        return run.call, answer["result"]

    def get(self, id, now=NOON):
        return self.result(modern("tasks/get", {"taskId": id}, "get", capabilities=ABLE), now)

    def end(self, call, value, now=NOON):
        """The function of a task returns, or raises."""
        act = self.session.fail if isinstance(value, Exception) else self.session.finish
        assert act(call, value) is None
        self.table.settle(call.job, now)

    def asks(self, call, *messages, now=NOON):
        """The function of a task asks; returns the keys."""
        keys = [call.question("elicitation/create", {"message": message})[0] for message in messages]
        self.table.ask(call.job, now)
        return keys


def listen(client, *ids, capabilities=ABLE, now=NOON):
    params = {"notifications": {"taskIds": list(ids)}}
    return client.say(modern("subscriptions/listen", params, "ear", capabilities=capabilities), now)
