"""Changes of a file's bytes, whatever they mean.

Most are near the marks that structures begin with.
"""

import re
import struct
from random import Random

MARKS = re.compile(
    rb'TREE|SNOD|HEAP|GCOL|OHDR|PK\x01\x02|PK\x03\x04|PK\x05\x06|"config"|"data_offsets"|"nodes"'
)
EXTREME = (
    *(
        0,
        1,
        2,
        7,
        8,
        255,
        256,
        2**15,
        2**16 - 1,
        2**16,
        2**31 - 1,
        2**31,
        2**32 - 1,
        2**32,
        2**40,
        2**62,
        2**63 - 1,
    ),
    *(2**63, 2**64 - 8, 2**64 - 2, 2**64 - 1),
)
SYNTAX = (
    *(
        b"\x00",
        b"\xff",
        b"{",
        b"}",
        b"[",
        b"]",
        b'"',
        b"\\",
        b"\\ud800",
        b"NaN",
        b"1e999",
        b"Infinity",
        b"-",
        b",",
    ),
    *(b"9" * 5000, b" ", b"\xef\xbb\xbf", b"\n", b"\x1b[31m", b"null", b"-1", b"../"),
)


def bits_flipped(content: bytes, rng: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        changed[_near_structure(content, rng)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def bytes_replaced(content: bytes, rng: Random) -> bytes:
    start, count = _near_structure(content, rng), rng.randint(1, 32)
    return content[:start] + rng.randbytes(count) + content[start + count :]


def cut_off(content: bytes, rng: Random) -> bytes:
    return content[: _near_structure(content, rng)]


def block_copied(content: bytes, rng: Random) -> bytes:
    """One block written over another place."""
    block, target = _block(content, rng), _near_structure(content, rng) // 8 * 8
    return content[:target] + block + content[target + len(block) :]


def block_inserted(content: bytes, rng: Random) -> bytes:
    target = _near_structure(content, rng) // 8 * 8
    return content[:target] + _block(content, rng) + content[target:]


def block_removed(content: bytes, rng: Random) -> bytes:
    start = _near_structure(content, rng) // 8 * 8
    return content[:start] + content[start + 8 * rng.randint(1, 80) :]


def extreme_number(content: bytes, rng: Random) -> bytes:
    """An extreme value of 1 to 8 bytes at an aligned place."""
    size = rng.choice((1, 2, 4, 8))
    start = _near_structure(content, rng) // size * size
    value = (rng.choice(EXTREME) + rng.randint(-1, 1)) % 2 ** (8 * size)
    return content[:start] + value.to_bytes(size, "little") + content[start + size :]


def address_moved(content: bytes, rng: Random) -> bytes:
    """A value that may be an address replaced by another one, so that structures point at each
    other."""
    places = []
    for _ in range(200):
        place = _near_structure(content, rng) // 8 * 8
        value = int.from_bytes(content[place : place + 8], "little")
        if 48 <= value < len(content) and value % 8 == 0:
            places.append((place, value))
        if len(places) == 2:
            break
    if len(places) < 2:
        return extreme_number(content, rng)
    (place, _), (_, value) = places
    return content[:place] + struct.pack("<Q", value) + content[place + 8 :]


def syntax_inserted(content: bytes, rng: Random) -> bytes:
    start = _near_structure(content, rng)
    return content[:start] + rng.choice(SYNTAX) + content[start:]


def anything_appended(content: bytes, rng: Random) -> bytes:
    return content + (rng.randbytes(rng.randint(1, 50)) if rng.random() < 0.7 else content)


EDITS = (
    bits_flipped,
    bits_flipped,
    bytes_replaced,
    cut_off,
    block_copied,
    block_inserted,
    block_removed,
    extreme_number,
    extreme_number,
    address_moved,
    address_moved,
    syntax_inserted,
    anything_appended,
)


def mutated(content: bytes, rng: Random) -> tuple[bytes, list[str]]:
    """The bytes after one or two changes, and which they were."""
    edits = rng.choices(EDITS, k=1 if rng.random() < 0.75 else 2)
    for edit in edits:
        content = edit(content, rng) or b"\0"
    return content, [edit.__name__ for edit in edits]


def _near_structure(content: bytes, rng: Random) -> int:
    """A position close to a mark of structure, or anywhere where there is none and in one of four
    cases."""
    match = MARKS.search(content, rng.randrange(len(content))) if rng.random() < 0.75 else None
    position = match.start() + rng.randint(-400, 600) if match else rng.randrange(len(content))
    return min(max(position, 0), len(content) - 1)


def _block(content: bytes, rng: Random) -> bytes:
    start = _near_structure(content, rng) // 8 * 8
    return content[start : start + 8 * rng.randint(1, 80)]
