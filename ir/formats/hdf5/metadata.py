"""The structure around the data of an HDF5 file: each read lies within the file, all together are bounded."""

from ir.formats.source import Source

UNDEFINED = 2**64 - 1
"""The address of what does not exist."""
MOST_BYTES = 64 * 2**20
MOST_TEXT = 16 * 2**20
MOST_STEPS = 500_000
BLOCK = 8192
MOST_BLOCKS = 512


class DamagedError(Exception):
    """What is written contradicts itself, the format or the file's size; the text says what."""


class UnsupportedError(Exception):
    """What HDF5 has and this reader does not know; the text names it."""


class Metadata:
    """Reads structure: at most about as many bytes as the file has, so that nothing is worth reading twice.

    Also counts what is met (messages, links, names): a few bytes that point at each other end in `DamagedError`.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._blocks: dict[int, bytes] = {}
        self._bytes = min(MOST_BYTES, 2 * source.size + BLOCK)
        self._text = min(MOST_TEXT, 2 * source.size + BLOCK)
        self._steps = MOST_STEPS

    def read(self, address: int, size: int, what: str) -> bytes:
        """The `size` bytes at `address`; `what` is there, for messages."""
        if address + size > self._source.size:
            raise DamagedError(f"{what} is said to be at byte {address:,}, beyond the end of the file")
        self._bytes -= size
        if self._bytes < 0:
            raise DamagedError("its structure takes more bytes than can be true")
        first, start = divmod(address, BLOCK)
        if start + size <= BLOCK:
            return self._block(first)[start : start + size]
        return self._source.read(address, size)

    def step(self, count: int = 1) -> None:
        """Count what was met."""
        self._steps -= count
        if self._steps < 0:
            raise DamagedError(f"its structure has more than {MOST_STEPS:,} parts")

    def spend_text(self, size: int) -> None:
        """Count the text that was met."""
        self._text -= size
        if self._text < 0:
            raise DamagedError("it has more text than can be true")

    def _block(self, index: int) -> bytes:
        if index not in self._blocks:
            if len(self._blocks) == MOST_BLOCKS:
                self._blocks.clear()
            start = index * BLOCK
            self._blocks[index] = self._source.read(start, min(BLOCK, self._source.size - start))
        return self._blocks[index]
