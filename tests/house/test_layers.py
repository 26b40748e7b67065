"""A floor imports only floors below it."""

import tomllib

import pytest

from tests.house import rules
from tests.house.rules import Source


def test_a_floor_imports_only_floors_below_it():
    faults = [fault for source in rules.sources() for fault in rules.layer_faults(source)]
    assert not faults, rules.listing(faults)


def test_only_an_extra_is_imported_inside_a_function_and_nothing_by_string():
    faults = [fault for source in rules.sources() for fault in rules.nested_import_faults(source)]
    assert not faults, rules.listing(faults)


def test_no_modules_import_one_another_in_a_ring():
    faults = list(rules.cycle_faults(rules.sources()))
    assert not faults, rules.listing(faults)


def test_ruff_knows_the_same_extras():
    settings = tomllib.loads((rules.ROOT / "pyproject.toml").read_text("utf-8"))
    known = settings["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-module-level-imports"]
    assert set(known) == rules.OPTIONAL


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("fairlead/wire/a.py", "from fairlead.kernel import session"),
        ("fairlead/wire/a.py", "import fairlead.kernel.session"),
        ("fairlead/wire/a.py", "from fairlead import kernel"),
        ("fairlead/wire/a.py", "from ..kernel.session import Session"),
        ("fairlead/wire/a.py", "from .. import kernel"),
        ("fairlead/wire/__init__.py", "from ..kernel import session"),
        ("fairlead/wire/a.py", "if TYPE_CHECKING:\n    from fairlead.kernel import Session"),
        ("fairlead/wire/a.py", "def f():\n    from fairlead.kernel import Session"),
        ("fairlead/wire/a.py", "class C:\n    from fairlead.kernel import Session"),
        ("fairlead/errors.py", "from fairlead.settings import Settings"),
        ("fairlead/kernel/a.py", "from fairlead import Fairlead"),
        ("fairlead/kernel/a.py", "import fairlead"),
        ("fairlead/attic/a.py", ""),
    ],
)
def test_an_import_upwards_is_caught(path, text):
    assert len(list(rules.layer_faults(Source(path, text)))) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("fairlead/kernel/a.py", "from fairlead.wire import decode\nfrom fairlead import errors, spec"),
        ("fairlead/kernel/a.py", "from fairlead.kernel import session\nfrom . import session"),
        ("fairlead/kernel/__init__.py", "from .session import Session"),
        ("fairlead/kernel/a.py", "import json\nfrom collections.abc import Iterator"),
        ("fairlead/__init__.py", "from fairlead.server import Fairlead\nfrom fairlead.cli import main"),
        ("fairlead/cli/serve.py", "from fairlead.server import Fairlead"),
    ],
)
def test_an_import_downwards_or_within_passes(path, text):
    assert not list(rules.layer_faults(Source(path, text)))


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("fairlead/wire/a.py", "def f():\n    import json"),
        ("fairlead/wire/a.py", "def f():\n    if x:\n        from fairlead.errors import PeerError"),
        ("fairlead/wire/a.py", "async def f():\n    import json"),
        ("fairlead/wire/a.py", "def __getattr__(name):\n    from fairlead import errors"),
        ("fairlead/wire/a.py", "import pydantic"),
        ("fairlead/wire/a.py", "try:\n    from pydantic import BaseModel\nexcept ImportError:\n    BaseModel = None"),
        ("fairlead/wire/a.py", "import importlib\nx = importlib.import_module('fairlead.kernel')"),
        ("fairlead/wire/a.py", "x = __import__('fairlead.kernel')"),
    ],
)
def test_an_import_where_none_belongs_is_caught(path, text):
    assert len(list(rules.nested_import_faults(Source(path, text)))) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("fairlead/catalog/a.py", "def f():\n    import pydantic"),
        ("fairlead/catalog/a.py", "def f():\n    from opentelemetry.trace import get_tracer"),
        ("fairlead/catalog/a.py", "if TYPE_CHECKING:\n    import pydantic"),
        ("fairlead/server.py", "def run():\n    from fairlead.serve.process import serve_network"),
        ("fairlead/__init__.py", "def __getattr__(name):\n    from fairlead.server import Fairlead"),
        ("fairlead/__init__.py", "def __getattr__(name):\n    return importlib.import_module(name)"),
        ("fairlead/cli/__init__.py", "def main():\n    importlib.import_module('fairlead.cli.serve').run()"),
    ],
)
def test_an_extra_in_a_function_and_a_lazy_root_pass(path, text):
    assert not list(rules.nested_import_faults(Source(path, text)))


def test_a_ring_of_imports_is_caught():
    ring = [
        Source("fairlead/wire/__init__.py", "from fairlead.wire.a import A"),
        Source("fairlead/wire/a.py", "from fairlead.wire import b"),
        Source("fairlead/wire/b.py", "from fairlead.wire.c import C"),
        Source("fairlead/wire/c.py", "from fairlead.wire.a import A"),
    ]
    [fault] = rules.cycle_faults(ring)
    assert fault.what == "a ring of imports: fairlead.wire.a > fairlead.wire.b > fairlead.wire.c > fairlead.wire.a"
    assert not list(rules.cycle_faults(ring[:3]))


def test_a_module_that_takes_a_name_from_its_own_package_makes_a_ring():
    ring = [
        Source("fairlead/wire/__init__.py", "from fairlead.wire.a import A"),
        Source("fairlead/wire/a.py", "from fairlead.wire import A"),
    ]
    assert len(list(rules.cycle_faults(ring))) == 1


def test_two_modules_of_a_floor_may_name_the_types_of_one_another():
    pair = [
        Source("fairlead/wire/a.py", "from fairlead.wire import b"),
        Source("fairlead/wire/b.py", "if TYPE_CHECKING:\n    from fairlead.wire.a import A"),
    ]
    assert not list(rules.cycle_faults(pair))
