"""A name says what it is, and what is public says what it promises."""

import pytest

from tests.house import rules
from tests.house.rules import Source


def test_a_public_exception_is_called_one():
    tree = rules.sources()
    kin = rules.Kin(tree)
    faults = [fault for source in tree for fault in rules.error_name_faults(source, kin)]
    assert not faults, rules.listing(faults)


@pytest.mark.parametrize(
    "text",
    [
        "class Refusal(Exception): ...",
        "class Refusal(ValueError): ...",
        "import builtins\nclass Refusal(builtins.BaseException): ...",
        "from json import JSONDecodeError as E\nclass Refusal(E): ...",
        "class Refusal(Middle): ...\nclass Middle(FirstError): ...\nclass FirstError(Exception): ...",
        "class Outer:\n    class Refusal(Exception): ...",
    ],
)
def test_an_exception_by_another_name_is_caught(text):
    source = Source("fairlead/a.py", text.replace("Middle", "MiddleError"))
    [fault] = rules.error_name_faults(source, rules.Kin([source]))
    assert "Refusal" in fault.what


def test_errors_timeouts_and_what_is_private_or_no_exception_pass():
    text = (
        "class PeerError(Exception): ...\nclass CallTimeout(PeerError): ...\nclass ConnectionLost(PeerError): ...\n"
        "class _Stop(Exception): ...\nclass Session: ...\nclass Refusal(Session): ..."
    )
    source = Source("fairlead/a.py", text)
    assert not list(rules.error_name_faults(source, rules.Kin([source])))


def test_classes_are_told_apart_by_the_module_they_live_in():
    tree = [
        Source("fairlead/errors.py", "class PeerError(Exception): ..."),
        Source("fairlead/wire/__init__.py", "from fairlead.wire.a import Base"),
        Source("fairlead/wire/a.py", "from fairlead import errors\nclass Base(errors.PeerError): ..."),
        Source("fairlead/guard/a.py", "class Refusal: ..."),
        Source("fairlead/serve/a.py", "from fairlead.wire import Base\nclass Refusal(Base): ..."),
    ]
    kin = rules.Kin(tree)
    found = [fault.path for source in tree for fault in rules.error_name_faults(source, kin)]
    assert found == ["fairlead/wire/a.py", "fairlead/serve/a.py"]


def test_what_is_public_says_what_it_promises():
    tree = rules.sources()
    kin = rules.Kin(tree)
    faults = [fault for source in tree for fault in rules.docstring_faults(source, kin)]
    assert not faults, rules.listing(faults)


@pytest.mark.parametrize(
    "text",
    [
        "x = 1",
        '"""M."""\ndef f(): ...',
        '"""M."""\nasync def f(): ...',
        '"""M."""\nclass C: ...',
        '"""M."""\nclass C:\n    """C."""\n    def method(self): ...',
        '"""M."""\nclass C:\n    """C."""\n    @property\n    def size(self): ...',
        '"""M."""\nif sys.version_info > (3, 12):\n    def f(): ...',
        '"""M."""\nimport logging\nclass C(logging.Handler):\n    """C."""\n    def count(self): ...',
        '"""M."""\nclass A:\n    """A."""\nclass C(A):\n    """C."""\n    def count(self): ...',
    ],
)
def test_a_silent_public_name_is_caught(text):
    source = Source("fairlead/a.py", text)
    assert len(list(rules.docstring_faults(source, rules.Kin([source])))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        '"""M."""\ndef _f(): ...',
        '"""M."""\nclass _C:\n    def method(self): ...',
        '"""M."""\ndef f():\n    """F."""\n    def inner(): ...',
        '"""M."""\nclass C:\n    """C."""\n    def __init__(self): ...\n    def _own(self): ...',
        '"""M."""\nclass C:\n    """C."""\n    @override\n    def method(self): ...',
        '"""M."""\nclass C:\n    """C."""\n    @size.setter\n    def size(self, value): ...',
        '"""M."""\nimport logging\nclass C(logging.Handler):\n    """C."""\n    def emit(self, record): ...',
        '"""M."""\nfrom asyncio import Protocol as P\nclass C(P[int]):\n    """C."""\n    def eof_received(self): ...',
        '"""M."""\nimport logging.handlers\nclass C(logging.handlers.QueueHandler):\n    """C."""\n'
        "    def prepare(self, record): ...",
        '"""M."""\nclass A:\n    """A."""\n    def f(self):\n        """F."""\nclass B(A):\n    """B."""\n'
        'class C(B):\n    """C."""\n    def f(self): ...',
        '"""M."""\n@typing.overload\ndef f(): ...\ndef f():\n    """F."""',
    ],
)
def test_what_is_private_or_described_elsewhere_passes(text):
    source = Source("fairlead/a.py", text)
    assert not list(rules.docstring_faults(source, rules.Kin([source])))
