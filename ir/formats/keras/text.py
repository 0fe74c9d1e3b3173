"""Architectures as text, from Keras's `model.to_json()`."""

from ir.errors import LoadError
from ir.formats.keras.blueprint import Blueprint, from_json
from ir.formats.request import Request
from ir.formats.source import Source
from ir.model import Model

MAX_BYTES = 1 << 23
"""The size of the largest file with an architecture alone."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def begins(start: bytes) -> bool:
    r"""Whether a file that begins with these bytes is a JSON object, or a string that holds one.

    Example:
        >>> begins(b' {"class_name"'), begins(b'"{\\"class_name'), begins(b"[1, 2]")
        (True, True, False)
    """
    text = start.removeprefix(BYTE_ORDER_MARK).lstrip()
    return text.startswith(b"{") or (text.startswith(b'"') and text[1:].lstrip().startswith(b"{"))


def read(source: Source, request: Request) -> Model:
    """Raise `LoadError`: such a file holds no model."""
    raise LoadError(
        "holds an architecture without weights: give the file of weights, and this file as "
        "architecture=."
    )


def read_architecture(source: Source, request: Request) -> Blueprint:
    """Read the architecture in a file of text."""
    if source.size > MAX_BYTES:
        raise LoadError(f"is larger than {MAX_BYTES:,} bytes, too large for an architecture.")
    try:
        return from_json(source.read(0, source.size).decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise LoadError(
            "is damaged: it holds an architecture that is not text in UTF-8."
        ) from error
