"""Replies and the journals they are kept in: no gap, no repetition, and bounds, wherever a reader breaks off."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.serve.reply import Reply, Store, is_last
from fairlead.wire import encode


def drained(reader: Reply) -> list[int]:
    """The numbers of the events that are there."""
    numbers = []
    while (event := reader.take()) is not None:
        numbers.append(event.number)
    return numbers


@pytest.mark.parametrize(
    ("frame", "last"),
    [
        (encode.result(1, {}), True),
        (encode.result("method", {"method": 1}), True),
        (encode.result('","method":"x', {}), True),
        (encode.batch([encode.result(1, {})]), True),
        (b'{"jsonrpc":"2.0","error":{"code":1,"message":""}}', True),
        (encode.notification("notifications/progress", {}), False),
        (encode.request(1, "elicitation/create", {}), False),
    ],
)
def test_the_answer_is_told_from_what_goes_before_it(frame, last):
    assert is_last(frame) is last


@given(frames=st.integers(1, 30), cuts=st.lists(st.integers(0, 31), max_size=8), fetched=st.integers(0, 8))
def test_wherever_readers_break_off_each_event_is_seen_once_and_in_order(frames, cuts, fetched):
    journal = Store().open()
    events = iter(range(frames))
    seen: list[int] = []
    after = 0
    for cut in sorted(cuts):
        while journal._last < min(cut, frames):
            journal.put(b"frame %d" % next(events), last=journal._last + 1 == frames)
        reader = journal.attach(after)
        assert reader is not None
        # A reader takes some of what is there, and leaves.
        for _ in range(fetched):
            event = reader.take()
            if event is None:
                break
            seen.append(event.number)
            after = event.number
        journal.detach(reader)
    while journal._last < frames:
        journal.put(b"frame %d" % next(events), last=journal._last + 1 == frames)
    reader = journal.attach(after)
    assert reader is not None and reader.done
    seen += drained(reader)
    assert seen == list(range(1, frames + 1))


@given(
    sizes=st.lists(st.integers(0, 300_000), min_size=1, max_size=40),
    streams=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    after=st.integers(0, 45),
)
def test_within_its_bound_a_store_gives_all_or_refuses(sizes, streams, after):
    store = Store()
    journals = [store.open() for _ in range(4)]
    for number, size in enumerate(sizes):
        journals[streams[number % len(streams)]].put(b"x" * size, last=False)
    kept = sum(len(event.frame) for journal in journals for event in journal.events)
    assert kept <= max(Store.MOST_BYTES, sizes[-1])
    for journal in journals:
        reader = journal.attach(after)
        if reader is None:
            oldest = journal.events[0].number if journal.events else journal._last + 1
            assert after > journal._last or after + 1 < oldest
        else:
            assert drained(reader) == list(range(after + 1, journal._last + 1))


def test_a_great_many_small_events_are_bounded_too():
    store = Store()
    journal = store.open()
    for _ in range(50_000):
        journal.put(b"{}", last=False)
    assert len(journal.events) * Store.OVERHEAD <= Store.MOST_BYTES


def test_streams_that_are_over_are_forgotten_and_open_ones_are_not():
    store = Store()
    first = store.open()
    over = [store.open() for _ in range(Store.MOST_JOURNALS)]
    for journal in over:
        journal.put(b"x", last=True)
    newest = store.open()
    assert store.find(f"{first.key}-0") and store.find(f"{newest.key}-0")
    assert store.find(f"{over[0].key}-1") is None and store.find(f"{over[-1].key}-1") is not None


def test_a_reply_keeps_what_it_held_when_its_journal_begins():
    store = Store()
    reply = Reply(store)
    reply.put(b"one", last=False)
    reply.put(b"two", last=True)
    journal = store.open()
    journal.begin(reply)
    assert reply.done and reply.settled and journal.closed
    assert drained(reply) == [1, 2]
    again = journal.attach(1)
    assert again is not None and drained(again) == [2] and again.done


@pytest.mark.parametrize("held", [0, 1])
def test_a_reply_that_was_ended_without_an_answer_is_still_ended_in_its_journal(held):
    store = Store()
    reply = Reply(store)
    for _ in range(held):
        reply.put(b"one", last=False)
    reply.end()
    journal = store.open()
    journal.begin(reply)
    assert reply.done and journal.closed


def test_a_reply_that_is_let_go_lets_go_of_its_reader_alone():
    store = Store()
    reply = Reply(store)
    reply.release()
    assert reply.released and not reply.done
    journal = store.open()
    journal.begin(reply)
    assert reply.done and not reply.settled
    journal.detach(reply)
    reply.put(b"later", last=True)
    assert reply.settled
    reader = journal.attach(0)
    assert reader is not None and drained(reader) == [1]


def test_nobody_is_let_go_where_nothing_is_kept():
    reply = Reply()
    reply.release()
    assert not reply.released and not reply.done


def test_a_reader_that_left_holds_nothing(run):
    async def talk():
        reply = Reply()
        reply.put(b"x" * 100, last=False)
        waiting = asyncio.ensure_future(reply.room(50))
        await asyncio.sleep(0)
        assert not waiting.done()
        reply.leave()
        await waiting
        assert reply.queued == 0 and reply.take() is None
        reply.put(b"more", last=True)
        assert reply.take() is None
        assert await reply.wait(None)

    run(talk())


def test_waiting_ends_with_a_frame_the_end_or_the_time(run):
    async def talk():
        reply = Reply()
        assert await reply.wait(0.01) is False
        asyncio.get_running_loop().call_soon(lambda: reply.put(b"x", last=False))
        assert await reply.wait(None) is True
        reply.take()
        asyncio.get_running_loop().call_soon(reply.end)
        assert await reply.wait(None) is True

    run(talk())


def test_room_comes_when_the_reader_takes(run):
    async def talk():
        reply = Reply()
        for _ in range(3):
            reply.put(b"x" * 60, last=False)
        waiting = asyncio.ensure_future(reply.room(100))
        await asyncio.sleep(0)
        reply.take()
        await asyncio.sleep(0)
        assert not waiting.done()
        reply.take()
        await waiting

    run(talk())


def test_who_asks_for_older_events_and_leaves_has_not_seen_the_newer_ones():
    journal = Store().open()
    for _ in range(5):
        journal.put(b"x", last=False)
    journal.last_sent = 5
    reader = journal.attach(2)
    assert reader is not None
    journal.detach(reader)
    assert journal.unseen() == 2
