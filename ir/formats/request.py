"""What a caller of `ir.load` asks for besides the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from ir.formats.source import Source
from ir.graph import Graph
from ir.model import Model

if TYPE_CHECKING:
    from ir.formats.keras.blueprint import Blueprint

HDF5 = Literal["any", "own"]
"""Which HDF5 files to read: any, or only those that need no HDF5 library."""


@dataclass(frozen=True)
class Request:
    """What a caller asks for besides the file.

    Attributes:
        architecture: For weights alone, the network that they belong to: its name, a graph, or
            what a file says.
        variant: Which build of a named network.
        kernels: Whose convolutions kernels in Theano's order of axes are for.
        hdf5: Which HDF5 files to read.
    """

    architecture: str | Graph | Blueprint | None = None
    variant: str | None = None
    kernels: str | None = None
    hdf5: HDF5 = "any"

    @property
    def only_own_hdf5(self) -> bool:
        """Whether to refuse files that need the HDF5 library."""
        return self.hdf5 == "own"


class Format(Protocol):
    """A format of model files: a module with these three functions."""

    def begins(self, start: bytes, /) -> bool:
        """Whether a file that begins with these bytes is of this format."""

    def read(self, source: Source, request: Request, /) -> Model:
        """Read the model in a file; raise `LoadError` if that fails."""

    def read_architecture(self, source: Source, request: Request, /) -> Graph | Blueprint:
        """Read the architecture in a file, without its weights."""
