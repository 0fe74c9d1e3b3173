"""Object headers: what the file says about a group or dataset, as a list of messages."""

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from ir.formats.hdf5.metadata import DamagedError, Metadata, UnsupportedError

MAX_BLOCKS = 1000
"""Pieces of one header."""


class Kind(IntEnum):
    """The messages that the reader uses (HDF5 File Format Specification 3.0, IV.A.2)."""

    DATASPACE = 0x01
    LINK_INFO = 0x02
    DATATYPE = 0x03
    LINK = 0x06
    EXTERNAL_FILES = 0x07
    LAYOUT = 0x08
    FILTERS = 0x0B
    ATTRIBUTE = 0x0C
    CONTINUATION = 0x10
    SYMBOL_TABLE = 0x11
    ATTRIBUTE_INFO = 0x15


class Message(NamedTuple):
    """One message of a header."""

    kind: int
    shared: bool
    body: bytes


@dataclass(frozen=True)
class Header:
    """The messages about one object."""

    address: int
    messages: tuple[Message, ...]

    def has(self, kind: Kind) -> bool:
        """Whether there is a message of this kind."""
        return any(message.kind == kind for message in self.messages)

    def body(self, kind: Kind) -> bytes | None:
        """The first message of this kind; `None` if there is none."""
        return next((own_body(m) for m in self.messages if m.kind == kind), None)

    def require(self, kind: Kind) -> bytes:
        """The first message of this kind, which must be there."""
        body = self.body(kind)
        if body is None:
            raise DamagedError(f"its header lacks the {kind.name.lower()}")
        return body


def own_body(message: Message) -> bytes:
    """The body of a message, which must not be stored elsewhere."""
    if message.shared:
        raise UnsupportedError("messages that are stored elsewhere")
    return message.body


def read_header(metadata: Metadata, address: int) -> Header:
    """The object header (version 1) at `address`, with all of its continuations."""
    prefix = metadata.read(address, 16, "an object")
    if prefix.startswith(b"OHDR"):
        raise UnsupportedError("object headers of version 2")
    if prefix[0] != 1:
        raise DamagedError(f"there is no object at byte {address:,}")
    blocks = [(address + 16, *struct.unpack_from("<I", prefix, 8))]
    messages: list[Message] = []
    for start, size in blocks:  # the loop adds blocks
        found = _messages(metadata, start, size)
        blocks += [
            unpack("<QQ", own_body(m), 0, "a continuation")
            for m in found
            if m.kind == Kind.CONTINUATION
        ]
        messages += found
        if len(blocks) > MAX_BLOCKS or len(set(blocks)) < len(blocks):
            raise DamagedError("its header continues without end")
    return Header(address, tuple(messages))


def _messages(metadata: Metadata, start: int, size: int) -> list[Message]:
    """The messages in one block of a header."""
    block = metadata.read(start, size, "a part of a header")
    found, position = [], 0
    while position + 8 <= len(block):
        kind, length, flags = struct.unpack_from("<HHB", block, position)
        end = position + 8 + length
        if end > len(block):
            raise DamagedError("a message is longer than its header")
        found.append(Message(kind, bool(flags & 2), block[position + 8 : end]))
        position = end
        metadata.step()
    return found


def unpack(layout: str, body: bytes, offset: int, what: str) -> tuple[int, ...]:
    """Like `struct.unpack_from`, but raise `DamagedError` if `body` is too short."""
    try:
        return struct.unpack_from(layout, body, offset)
    except struct.error as error:
        raise DamagedError(f"{what} is too short") from error
