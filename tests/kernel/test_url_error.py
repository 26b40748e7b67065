"""-32042, which asks a client to open a URL first, where it is known and where it is not."""

import msgspec
import pytest

from fairlead import Fairlead, PeerError
from fairlead.errors import URL_ELICITATION_REQUIRED
from fairlead.kernel import ServerSession
from fairlead.spec.params import CLIENT_CAPABILITIES, PROTOCOL_VERSION
from fairlead.wire import encode


@pytest.mark.requirement("ERR-13")
@pytest.mark.parametrize(("version", "known"), [("2025-06-18", False), ("2025-11-25", True), ("2026-07-28", False)])
def test_only_one_version_knows_the_error_that_asks_for_a_url(version, known):
    mcp = Fairlead("asking")

    @mcp.tool
    async def pay() -> str:
        raise AssertionError("never run here")

    session = ServerSession(mcp.station.terms, mcp.station.parking)
    stateless = version == "2026-07-28"
    if not stateless:
        hello = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}
        session.receive(encode.request(0, "initialize", hello), 0)
    meta = {"_meta": {PROTOCOL_VERSION: version, CLIENT_CAPABILITIES: {}}} if stateless else {}
    [run] = session.receive(encode.request(1, "tools/call", {"name": "pay", **meta}), 0)
    frame = session.fail(run.call, PeerError(URL_ELICITATION_REQUIRED, "Open the page first."))
    answer = msgspec.json.decode(frame)
    if known:
        assert answer["error"]["code"] == URL_ELICITATION_REQUIRED
    else:
        assert answer["result"]["isError"] is True
        assert answer["result"]["content"][0]["text"] == "Open the page first."
