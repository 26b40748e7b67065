"""The four kinds of message are values: compared by what they hold, and never changed."""

import pytest

from fairlead.wire import Failure, Notification, Request, Response

KINDS = [Request(1, "m"), Notification("n"), Response(1, b"{}"), Failure(None, -32700, "no")]


@pytest.mark.parametrize("message", KINDS, ids=lambda message: type(message).__name__)
def test_a_message_can_not_be_changed(message):
    with pytest.raises(AttributeError):
        message.id = 2


def test_messages_with_the_same_parts_are_equal():
    assert Request(1, "m") == Request(1, "m", None)
    assert Request(1, "m") != Request("1", "m")
    assert Notification("n") != Notification("m")
    assert Failure(None, 1, "x") == Failure(None, 1, "x", None)


def test_a_request_is_no_notification():
    assert len({type(message) for message in KINDS}) == 4
