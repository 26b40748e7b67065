"""What holds for every frame: any bytes make a message or a `PeerError`, and what we write we read again."""

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from fairlead.errors import CODES, PeerError
from fairlead.wire import Failure, Limits, Notification, Request, Response, decode, encode, find_id, scan
from tests.wire.frames import plain, request

KINDS = (Request, Notification, Response, Failure)
# Half a surrogate pair can't be written in UTF-8: test_encode has what becomes of one.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
IDS = st.one_of(st.integers(), TEXT, st.sampled_from([0, "", 2**53 - 1, 2**63, -(2**63), 10**22]))
NUMBERS = st.one_of(st.integers(-(2**63), 2**64 - 1), st.floats(allow_nan=False, allow_infinity=False))
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, TEXT),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(TEXT, inner)),
    max_leaves=20,
)
KEYS = st.sampled_from(["id", "method", "params", "jsonrpc", "result", "error"])
PARAMS = st.one_of(st.lists(VALUES), st.dictionaries(st.one_of(TEXT, KEYS), VALUES))
PIECES = st.sampled_from(
    [*'{}[],:"\\ \n0-1.eE+', '"jsonrpc"', '"2.0"', '"id":', '"method":"m"', '"params":', '"result"', '"error":', "null"]
    + ["true", "NaN", "1e400", "\\ud800", "\\u0069", "\ud800", "é", "\ufeff", request(), request()[:-1], "[" * 70]
)
SOUP = st.lists(PIECES, max_size=40).map("".join)


def fair(frame: str | bytes) -> None:
    """Decoding ends in one of its promised ways."""
    try:
        found = decode(frame, Limits(frame_bytes=2000))
    except PeerError as error:
        assert error.code in CODES
        assert error.id is None or type(error.id) in (int, str)
        assert isinstance(encode.error(error), bytes)
        return
    for member in found if isinstance(found, list) else [found]:
        if isinstance(member, PeerError):
            assert isinstance(encode.error(member), bytes)
        else:
            assert type(member) in KINDS
            plain(member)  # Nothing inside is left that can't be decoded.


@given(st.binary())
def test_any_bytes_make_a_message_or_an_error(frame):
    fair(frame)


@given(st.text(st.characters()))
def test_any_text_makes_a_message_or_an_error(frame):
    fair(frame)


@given(SOUP)
def test_any_soup_of_pieces_makes_a_message_or_an_error(frame):
    fair(frame)
    fair(frame.encode(errors="surrogatepass"))


@given(IDS, TEXT, PARAMS, st.integers(0, 400), st.binary(max_size=3))
def test_a_damaged_request_makes_a_message_or_an_error(id, method, params, place, damage):
    frame = encode.request(id, method, params)
    fair(frame[:place] + damage + frame[place + 1 :])
    fair(frame[:place])


@given(IDS, TEXT, PARAMS)
def test_a_request_comes_back_as_it_was_sent(id, method, params):
    expected = {"kind": "Request", "id": id, "method": method, "params": params}
    frame = encode.request(id, method, params)
    assert plain(decode(frame)) == expected
    assert plain(decode(frame.decode())) == expected
    assert type(decode(frame).id) is type(id)
    spaced = json.dumps(json.loads(frame), indent=2)
    assert plain(decode(spaced)) == expected


@given(TEXT, PARAMS)
def test_a_notification_comes_back_as_it_was_sent(method, params):
    assert plain(decode(encode.notification(method, params))) == {
        "kind": "Notification",
        "method": method,
        "params": params,
    }


@given(IDS, VALUES)
def test_a_result_comes_back_as_it_was_sent(id, value):
    assert plain(decode(encode.result(id, value))) == {"kind": "Response", "id": id, "result": value}


@given(IDS, st.sampled_from(sorted(CODES)), TEXT, st.dictionaries(TEXT, VALUES))
def test_a_refusal_comes_back_as_it_was_sent(id, code, text, data):
    refusal = PeerError(code, text, data=data)
    read = plain(decode(encode.error(refusal, id)))
    assert read == {"kind": "Failure", "id": id, **refusal.describe()}
    assert encode.error_code(encode.error(refusal, id)) == code


@given(st.lists(st.tuples(IDS, TEXT, PARAMS), min_size=1, max_size=50))
def test_a_batch_comes_back_as_it_was_sent(requests):
    frame = encode.batch(encode.request(*parts) for parts in requests)
    assert [(one.id, one.method, msgspec.json.decode(one.params)) for one in decode(frame)] == requests


@given(st.dictionaries(st.one_of(TEXT, KEYS), VALUES), st.booleans(), st.booleans())
def test_the_id_that_is_found_is_that_of_the_object(members, escaped, spaced):
    frame = json.dumps(members, ensure_ascii=escaped, indent=1 if spaced else None)
    id = members.get("id")
    known = id if type(id) in (int, str) else None
    assert find_id(frame) == known
    assert find_id(frame + "]") == known


NESTS = st.recursive(
    st.one_of(st.integers(), st.text('[]{}"\\\\u1é,:')),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text('[]{}"\\\\'), inner)),
    max_leaves=30,
)


def depth(value: Any) -> int:
    """How deep a value nests."""
    if isinstance(value, dict):
        value = list(value.values())
    return 1 + max(map(depth, value), default=0) if isinstance(value, list) else 0


@given(NESTS, st.booleans())
def test_the_depth_of_a_text_is_that_of_its_value(value, escaped):
    frame = json.dumps(value, ensure_ascii=escaped, separators=(",", ":"))
    levels = depth(value)
    assert not scan.too_deep(frame, levels)
    assert not levels or scan.too_deep(frame, levels - 1)


@given(st.one_of(st.text(st.characters()), SOUP))
def test_finding_an_id_never_fails_and_never_invents_one(text):
    found = find_id(text)
    assert found is None or type(found) in (int, str)
    if type(found) is int:
        assert str(found).lstrip("-") in text
    elif found is not None:
        found.encode()
        assert len(found) <= len(text) - 2


@given(st.lists(st.tuples(KEYS, st.booleans()), min_size=1, max_size=8), st.sampled_from(["", " ", "\n\t"]))
def test_a_key_that_stands_twice_never_passes(chosen, blank):
    values = {"jsonrpc": '"2.0"', "id": "1", "method": '"m"', "params": '{"id":1}', "result": "2", "error": "{}"}

    def spelled(key: str, escaped: bool) -> str:
        return f'"\\u{ord(key[0]):04x}{key[1:]}"' if escaped else f'"{key}"'

    members = [f"{blank}{spelled(key, escaped)}{blank}:{values[key]}" for key, escaped in chosen]
    frame = "{" + ",".join(members) + blank + "}"
    fair(frame)
    keys = [key for key, _ in chosen]
    if len(set(keys)) < len(keys):
        try:
            decode(frame)
        except PeerError as error:
            assert error.id is None or keys.count("id") < 2
        else:
            raise AssertionError(f"{frame} passed")
