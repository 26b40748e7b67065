"""Cursors: only what was minted for this list by this server is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.catalog import cursor
from fairlead.errors import INVALID_PARAMS, PeerError

SECRET = b"a secret of some length"
KINDS = st.sampled_from(["tools", "resources", "templates", "prompts"])
POSITIONS = st.integers(0, 10**12)


@given(kind=KINDS, position=POSITIONS)
def test_a_minted_cursor_is_read_back_by_its_list(kind, position):
    assert cursor.read(SECRET, kind, cursor.mint(SECRET, kind, position)) == position


@given(kind=KINDS, position=POSITIONS)
def test_a_cursor_can_stand_in_a_url_and_does_not_say_the_secret(kind, position):
    text = cursor.mint(SECRET, kind, position)
    assert set(text) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
    assert len(text) < 60


@pytest.mark.requirement("ERR-10")
@given(text=st.text(max_size=80))
def test_any_other_text_is_refused(text):
    with pytest.raises(PeerError) as refused:
        cursor.read(SECRET, "tools", text)
    assert refused.value.code == INVALID_PARAMS


@pytest.mark.requirement("ERR-10")
@given(position=POSITIONS, place=st.integers(0, 200), mark=st.characters(codec="utf-8"), put=st.booleans())
def test_a_cursor_with_one_character_changed_or_added_is_refused(position, place, mark, put):
    text = cursor.mint(SECRET, "tools", position)
    place %= len(text)
    changed = text[:place] + mark + text[place + (not put) :]
    if changed != text:
        with pytest.raises(PeerError):
            cursor.read(SECRET, "tools", changed)


def test_a_cursor_of_another_list_or_secret_is_refused():
    text = cursor.mint(SECRET, "tools", 5)
    for secret, kind in ((SECRET, "prompts"), (SECRET, "tool"), (b"another", "tools")):
        with pytest.raises(PeerError):
            cursor.read(secret, kind, text)
