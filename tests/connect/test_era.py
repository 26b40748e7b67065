"""What a client concludes from the answers to its probe."""

import pytest

from fairlead.client import Client
from fairlead.connect import era as eras
from fairlead.connect.line import ConnectError
from fairlead.errors import RequestTimeout
from tests.connect.ways import DISCOVER, INITIALIZE, QUICK, Scripted, handshake, refusal, stateless, text


async def speaks(script, *, era="auto", **options) -> tuple[str, list[str]]:
    server = Scripted(script)
    async with Client(server, era=era, **options) as client:
        return client.protocol_version, server.methods()


def probed(answer):
    return lambda server, said: answer if said["method"] == "server/discover" else INITIALIZE


def test_an_answer_to_the_probe_settles_the_stateless_era(run):
    assert run(speaks(stateless(None))) == ("2026-07-28", ["server/discover"])


@pytest.mark.parametrize("code", [-32601, -32602, -32600, -32000, 0, 400, 404, 405])
def test_any_other_error_than_a_modern_one_falls_back_to_the_handshake(run, code):
    version, methods = run(speaks(probed(refusal(code))))
    assert (version, methods) == ("2025-11-25", ["server/discover", "initialize", "notifications/initialized"])


def test_a_probe_that_nobody_answers_falls_back_to_the_handshake(run, monkeypatch):
    monkeypatch.setattr(eras.agree, "__kwdefaults__", {"probe_seconds": 0.05})
    version, methods = run(speaks(probed(None)))
    assert version == "2025-11-25" and methods[0] == "server/discover" and "initialize" in methods


def test_a_server_that_ends_at_the_probe_is_reached_again_and_shaken_hands_with(run):
    def script(server, said):
        if said["method"] == "server/discover":
            server.drop()
        return INITIALIZE

    assert run(speaks(script))[0] == "2025-11-25"


@pytest.mark.parametrize("code", [-32020, -32021, -32022])
def test_a_modern_error_is_never_taken_for_a_server_of_the_handshake_era(run, code):
    with pytest.raises(ConnectError, match="none of the versions") as fault:
        run(speaks(probed(refusal(code, supported=["2099-01-01"]))))
    assert fault.value.final


def test_a_server_of_both_eras_with_another_newer_version_is_shaken_hands_with(run):
    script = probed(refusal(-32022, supported=["2099-01-01", "2025-11-25"]))
    assert run(speaks(script))[0] == "2025-11-25"
    with pytest.raises(ConnectError):
        run(speaks(script, era="stateless"))


def test_a_server_that_names_only_other_versions_is_refused(run):
    with pytest.raises(ConnectError, match="none of the versions"):
        run(speaks(probed({**DISCOVER, "supportedVersions": ["2099-01-01"]})))


@pytest.mark.parametrize("odd", [[], {"supportedVersions": 7}, {"_meta": []}, {"capabilities": None}])
def test_an_odd_answer_to_the_probe_is_an_answer(run, odd):
    assert run(speaks(probed(odd)))[0] == "2026-07-28"


def test_who_asks_for_the_handshake_sends_no_probe(run):
    _, methods = run(speaks(handshake(None), era="handshake"))
    assert methods == ["initialize", "notifications/initialized"]


@pytest.mark.parametrize("version", ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"])
def test_the_servers_older_version_is_spoken(run, version):
    script = probed(refusal(-32601))
    older = {**INITIALIZE, "protocolVersion": version}
    assert run(speaks(lambda *heard: older if heard[1]["method"] == "initialize" else script(*heard)))[0] == version


@pytest.mark.parametrize("answer", [refusal(-32603), {**INITIALIZE, "protocolVersion": "1999"}, []])
def test_a_handshake_that_cannot_be_made_ends_the_matter(run, answer):
    script = lambda server, said: refusal(-32601) if said["method"] == "server/discover" else answer  # noqa: E731
    with pytest.raises(ConnectError) as fault:
        run(speaks(script))
    assert fault.value.final


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_status_of_somebody_on_the_way_says_nothing_of_the_era(run, status):
    with pytest.raises(ConnectError) as fault:
        run(speaks(probed(refusal(status))))
    assert not fault.value.final and fault.value.status == status


def test_who_asks_for_the_stateless_era_waits_for_it(run, monkeypatch):
    monkeypatch.setattr(eras, "_HANDSHAKE_SECONDS", 0.05)
    with pytest.raises(RequestTimeout):
        run(speaks(probed(None), era="stateless"))


def test_each_line_is_asked_anew_what_it_speaks(run):
    def script(server, said):
        later = len(server.first.lines) > 1
        if said["method"] == "server/discover":
            return DISCOVER if later else refusal(-32601)
        if said["method"] == "tools/call" and not later:
            return server.drop()
        return INITIALIZE if said["method"] == "initialize" else text("done")

    async def main():
        async with Client(Scripted(script), reconnect=QUICK) as client:
            assert client.protocol_version == "2025-11-25"
            await client.request("tools/call", {"name": "t"}, safe=True)
            assert client.protocol_version == "2026-07-28"

    run(main())
