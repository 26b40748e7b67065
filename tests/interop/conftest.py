"""One server for all tests over the network, and each line of it in each era."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.processes import FAIRLEAD, started
from tests.interop.lines import PAIRS, QUAY, Reach


@pytest.fixture(scope="session")
def quay() -> Iterator[str]:
    """The address of `fairlead serve tests/interop/quay.py`."""
    with started((*FAIRLEAD, str(QUAY), "--port", "0"), r"ws://(127\.0\.0\.1:\d+)") as address:
        yield address


@pytest.fixture(params=PAIRS, ids="-".join)
def reach(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Reach]:
    """Each line in each era."""

    def address() -> str:
        return request.getfixturevalue("quay")

    with (tmp_path / "stdio.err").open("w") as log:
        yield Reach(*request.param, address, log)
