"""Ways to damage a frame. Each takes the randomness and the bytes, and gives other bytes."""

from collections.abc import Callable
from random import Random

from fuzz.corpus import BOMBS, FRAMES, TOKENS

Mutation = Callable[[Random, bytes], bytes]
# Most frames are small; now and then one is large, for what is slow only then.
_COMMON = (70, 300, 3_000)
_RARE = (30_000, 400_000)
_ONE_IN = 2_000


def _place(random: Random, frame: bytes) -> int:
    return int(random.random() * (len(frame) + 1))


def _range(random: Random, frame: bytes) -> tuple[int, int]:
    first = _place(random, frame)
    return first, min(len(frame), first + int(random.expovariate(0.1)) + 1)


def flip_bit(random: Random, frame: bytes) -> bytes:
    """One bit is another."""
    if not frame:
        return b"\x01"
    place = int(random.random() * len(frame))
    return frame[:place] + bytes([frame[place] ^ (1 << int(random.random() * 8))]) + frame[place + 1 :]


def put_token(random: Random, frame: bytes) -> bytes:
    """A piece of JSON, or nearly, stands where it may not."""
    place = _place(random, frame)
    return frame[:place] + random.choice(TOKENS) + frame[place:]


def put_over(random: Random, frame: bytes) -> bytes:
    """A piece takes the place of others."""
    first, last = _range(random, frame)
    return frame[:first] + random.choice(TOKENS) + frame[last:]


def cut(random: Random, frame: bytes) -> bytes:
    """A piece is missing."""
    first, last = _range(random, frame)
    return frame[:first] + frame[last:]


def truncate(random: Random, frame: bytes) -> bytes:
    """The rest never came."""
    return frame[: _place(random, frame)]


def double(random: Random, frame: bytes) -> bytes:
    """A piece came twice, here or elsewhere."""
    first, last = _range(random, frame)
    place = _place(random, frame)
    return frame[:place] + frame[first:last] + frame[place:]


def splice(random: Random, frame: bytes) -> bytes:
    """The head of one frame, the tail of another."""
    other = random.choice(FRAMES)
    return frame[: _place(random, frame)] + other[_place(random, other) :]


def noise(random: Random, frame: bytes) -> bytes:
    """Bytes of no meaning."""
    place = _place(random, frame)
    return frame[:place] + random.randbytes(int(random.random() * 16)) + frame[place:]


def bomb(random: Random, frame: bytes) -> bytes:
    """The same piece again and again: nested, or side by side."""
    sizes = _COMMON if random.random() * _ONE_IN > 1 else _RARE
    place = _place(random, frame)
    return frame[:place] + random.choice(BOMBS) * int(random.random() * random.choice(sizes)) + frame[place:]


def gather(random: Random, frame: bytes) -> bytes:
    """A batch, of this frame and others."""
    others = [frame, *random.choices(FRAMES, k=int(random.random() * 4))]
    return b"[" + b",".join(others) + b"]"


def spell(random: Random, frame: bytes) -> bytes:
    """A letter is written as an escape."""
    place = _place(random, frame)
    letter = frame[place : place + 1]
    return frame[:place] + b"\\u00%02x" % letter[0] + frame[place + 1 :] if letter.isalpha() else frame


def blank(random: Random, frame: bytes) -> bytes:
    """More room between the pieces."""
    mark = random.choice((b":", b",", b"{", b"}"))
    return frame.replace(mark, mark + random.choice((b" ", b"\n", b" \t\r ")))


# Twice, what finds the most.
MUTATIONS: tuple[Mutation, ...] = (
    *(flip_bit, put_token, put_token, put_over, put_over, cut, truncate, double, splice),
    *(noise, bomb, gather, spell, spell, blank),
)


def invent(random: Random) -> bytes | str:
    """A frame, more or less damaged, as bytes or as text (which then may hold half a surrogate pair)."""
    if random.random() < 0.02:
        frame = random.randbytes(int(random.expovariate(0.02)))
    else:
        frame = random.choice(FRAMES)
        for _ in range(random.choice((0, 1, 1, 1, 2, 2, 3, 5))):
            frame = random.choice(MUTATIONS)(random, frame)
    if random.random() < 0.5:
        return frame
    return frame.decode(errors="surrogateescape" if random.random() < 0.5 else "replace")
