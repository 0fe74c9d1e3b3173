"""The structure around the data of an HDF5 file.

Each read lies within the file, and the total of all reads is bounded.
"""

from ir.formats.source import Source

UNDEFINED = 2**64 - 1
"""The address of what does not exist."""
MAX_BYTES = 64 * 2**20
"""Bytes of structure in all."""
MAX_TEXT = 16 * 2**20
"""Bytes of names and texts in all."""
MAX_STEPS = 500_000
"""Messages, links and names in all."""
BLOCK = 8192
"""Bytes that one read of the file brings."""
MAX_BLOCKS = 512
"""Blocks that stay in memory."""


class DamagedError(Exception):
    """The content contradicts itself, the format or the file's size. The error says where."""


class UnsupportedError(Exception):
    """The file has something that this reader does not know. The error names it."""


class Metadata:
    """Reads structure, in all about as many bytes as the file has.

    It also counts messages, links and names. So a few bytes that point at each other end in
    `DamagedError`.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._blocks: dict[int, bytes] = {}
        self._bytes = min(MAX_BYTES, 2 * source.size + BLOCK)
        self._text = min(MAX_TEXT, 2 * source.size + BLOCK)
        self._steps = MAX_STEPS

    def read(self, address: int, size: int, what: str) -> bytes:
        """The `size` bytes at `address`. `what` names them in messages."""
        if address + size > self._source.size:
            raise DamagedError(
                f"{what} is said to be at byte {address:,}, beyond the end of the file"
            )
        self._bytes -= size
        if self._bytes < 0:
            raise DamagedError("its structure takes more bytes than can be true")
        first, start = divmod(address, BLOCK)
        if start + size <= BLOCK:
            return self._block(first)[start : start + size]
        return self._source.read(address, size)

    def step(self, count: int = 1) -> None:
        """Count more parts of the structure."""
        self._steps -= count
        if self._steps < 0:
            raise DamagedError(f"its structure has more than {MAX_STEPS:,} parts")

    def spend_text(self, size: int) -> None:
        """Count more text."""
        self._text -= size
        if self._text < 0:
            raise DamagedError("it has more text than can be true")

    def _block(self, index: int) -> bytes:
        if index not in self._blocks:
            if len(self._blocks) == MAX_BLOCKS:
                self._blocks.clear()
            start = index * BLOCK
            self._blocks[index] = self._source.read(start, min(BLOCK, self._source.size - start))
        return self._blocks[index]
