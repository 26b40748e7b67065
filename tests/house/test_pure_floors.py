"""The protocol core does no I/O: no loop, socket, thread or clock. Time enters as a number."""

import pytest

from tests.house import fresh, rules
from tests.house.rules import Source

# `threading` and `time` are not in this list: the interpreter's own start-up or `logging` may load them.
# That a pure floor does not reach for them is seen in its sources, below.
NEVER_LOADED = {
    "asyncio",
    "concurrent.futures",
    "httpx2",
    "jsonschema_rs",
    "selectors",
    "socket",
    "ssl",
    "starlette",
    "subprocess",
    "uvicorn",
    "uvloop",
    "websockets",
}


def floors_that_stand() -> list[str]:
    found = {source.floor for source in rules.sources()}
    return [f"{rules.PACKAGE}.{floor}" for floor in rules.PURE_FLOORS if floor in found]


def test_importing_the_pure_floors_loads_no_loop_and_no_socket():
    loaded = fresh.loaded_by(*floors_that_stand(), without_root=True)
    assert loaded & NEVER_LOADED == set()


def test_a_module_that_is_loaded_is_seen():
    assert f"{rules.PACKAGE}.errors" in fresh.loaded_by(f"{rules.PACKAGE}.errors", without_root=True)
    assert {"asyncio", "socket", "selectors", "concurrent.futures"} <= fresh.loaded_by("asyncio")


def test_the_pure_floors_ask_for_no_loop_socket_clock_thread_or_file():
    faults = [fault for source in rules.sources() for fault in rules.purity_faults(source)]
    assert not faults, rules.listing(faults)


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio",
        "import asyncio.tasks",
        "from asyncio import timeout",
        "import socket",
        "import threading",
        "from concurrent.futures import Future",
        "import subprocess",
        "from time import monotonic",
        "import time",
        "if TYPE_CHECKING:\n    import asyncio",
        "from datetime import datetime\nx = datetime.now()",
        "import datetime\nx = datetime.datetime.now(datetime.UTC)",
        "import datetime\nx = datetime.date.today()",
        "x = open('a')",
        "x = Path('a').read_text()",
        "import os\nx = os.environ['A']",
        "import os\nx = os.getenv('A')",
        "import urllib.request",
        "from importlib.metadata import version",
        "from os import environ",
        "print(1)",
    ],
)
def test_a_floor_that_is_not_pure_is_caught(text):
    assert len(list(rules.purity_faults(Source("fairlead/kernel/a.py", text)))) == 1


def test_time_as_a_number_and_other_floors_pass():
    pure = "import datetime\ndef f(now: float, day: datetime.date) -> float:\n    return now + 1"
    assert not list(rules.purity_faults(Source("fairlead/kernel/a.py", pure)))
    assert not list(rules.purity_faults(Source("fairlead/serve/a.py", "import asyncio, time\ntime.monotonic()")))
