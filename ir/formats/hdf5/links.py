"""The members of a group of the old kind: a B-tree of symbol tables, and a heap of names."""

import struct
from collections.abc import Iterator

from ir.formats.hdf5.metadata import DamagedError, Metadata
from ir.formats.hdf5.objects import unpack

Links = dict[str, int | None]
"""The address of each member's header; `None` for a soft link, which leads elsewhere."""
MAX_NAME = 4096
"""Bytes of a member's name."""


def read_links(metadata: Metadata, symbol_table: bytes) -> Links:
    """The members that a group's symbol table message announces."""
    tree, heap = unpack("<QQ", symbol_table, 0, "a symbol table")
    names = _heap(metadata, heap)
    found: Links = {}
    for leaf in _leaves(metadata, tree):
        for offset, address, cached in _symbols(metadata, leaf):
            name = _name(metadata, names, offset)
            if name in found or cached > 2:
                raise DamagedError(f"the list of members is wrong at {name[:100]!r}")
            found[name] = None if cached == 2 else address
    return found


def _heap(metadata: Metadata, address: int) -> bytes:
    """The data of a local heap."""
    header = metadata.read(address, 32, "a heap of names")
    if not header.startswith(b"HEAP\0"):
        raise DamagedError(f"there is no heap of names at byte {address:,}")
    size, _, start = struct.unpack_from("<QQQ", header, 8)
    return metadata.read(start, size, "a heap of names")


def _name(metadata: Metadata, names: bytes, offset: int) -> str:
    """The text that begins at `offset` of a heap and ends with a zero byte."""
    end = names.find(b"\0", offset, offset + MAX_NAME)
    if end < 0:
        raise DamagedError("a name has no end")
    metadata.spend_text(end - offset)
    try:
        return names[offset:end].decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedError("a name is not text in UTF-8") from error


def _leaves(metadata: Metadata, root: int) -> Iterator[int]:
    """The addresses of the symbol tables below a B-tree's node."""
    seen = {root}
    waiting: list[tuple[int, int | None]] = [(root, None)]
    while waiting:
        address, expected = waiting.pop()
        level, children = _node(metadata, address)
        if (expected is not None and level != expected) or not seen.isdisjoint(children):
            raise DamagedError("the tree of members is not valid")
        seen.update(children)
        if level == 0:
            yield from children
        else:
            waiting += [(child, level - 1) for child in reversed(children)]


def _node(metadata: Metadata, address: int) -> tuple[int, tuple[int, ...]]:
    """The level of a B-tree's node, and the addresses below it. It skips the keys between them."""
    header = metadata.read(address, 24, "a tree of members")
    if not header.startswith(b"TREE\0"):
        raise DamagedError(f"there is no tree of members at byte {address:,}")
    level, count = struct.unpack_from("<BH", header, 5)
    metadata.step(count + 1)
    children = struct.unpack(
        "<" + "8xQ" * count, metadata.read(address + 24, 16 * count, "a tree of members")
    )
    if len(set(children)) < count:
        raise DamagedError("the tree of members is not valid")
    return level, children


def _symbols(metadata: Metadata, address: int) -> Iterator[tuple[int, int, int]]:
    """For each member: the name's place in the heap, the header's address, the cache type.

    Cache type 2 marks a soft link.
    """
    header = metadata.read(address, 8, "a list of members")
    if not header.startswith(b"SNOD\1"):
        raise DamagedError(f"there is no list of members at byte {address:,}")
    (count,) = struct.unpack_from("<H", header, 6)
    metadata.step(count + 1)
    return struct.iter_unpack(
        "<QQI20x", metadata.read(address + 8, 40 * count, "a list of members")
    )
