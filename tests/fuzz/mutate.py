"""What is fuzzed.

A format at a level, a file to begin with, and a number that decides all the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.fuzz import bytes_level, hdf5_level, json_level, native_level, storage_level, zip_level
from tests.fuzz.seeds import named, seeds

Mutated = Callable[[bytes, Random], tuple[bytes, list[str]]]


def _json(content: bytes, rng: Random) -> tuple[bytes, list[str]]:
    text, done = json_level.mutated(content.decode(), rng)
    return text.encode("utf-8", "surrogatepass"), done


LEVELS: dict[tuple[str, str], Mutated] = {
    ("h5", "bytes"): bytes_level.mutated,
    ("h5", "container"): hdf5_level.mutated,
    ("h5", "architecture"): hdf5_level.mutated_configuration,
    ("h5", "storage"): storage_level.mutated,
    ("weights", "bytes"): bytes_level.mutated,
    ("weights", "container"): hdf5_level.mutated,
    ("weights", "storage"): storage_level.mutated,
    ("json", "bytes"): bytes_level.mutated,
    ("json", "architecture"): _json,
    ("keras", "bytes"): bytes_level.mutated,
    ("keras", "container"): zip_level.mutated,
    ("keras", "architecture"): zip_level.mutated_configuration,
    ("keras", "storage"): zip_level.mutated_storage,
    ("safetensors", "bytes"): bytes_level.mutated,
    ("safetensors", "container"): native_level.mutated_header,
    ("safetensors", "architecture"): native_level.mutated_model,
}
"""Formats and levels: a file's bytes.

What the container holds (objects of HDF5, entries of an archive, tensors); the JSON of the
architecture; and storage that only the HDF5 library reads, in a process of its own."""

SHARES = {"bytes": 30, "container": 30, "architecture": 40, "storage": 0.7}
"""How often each level is chosen.

A process of its own takes fifty times as long as anything else.
"""


@dataclass(frozen=True)
class Case:
    """One input, made again from what is here."""

    format: str
    level: str
    seed: str
    number: int

    def __str__(self) -> str:
        return f"{self.format}:{self.level}:{self.seed}:{self.number}"

    @classmethod
    def parsed(cls, text: str) -> "Case":
        """The case that `str` has made a text of."""
        format, level, seed, number = text.split(":")
        return cls(format, level, seed, int(number))

    def made(self) -> tuple[bytes, list[str]]:
        """The input's bytes, and the names of the changes that made them."""
        return LEVELS[self.format, self.level](named(self.seed).content, Random(str(self)))


def chosen(format: str, level: str, rng: Random) -> Case:
    """A case of this format and level."""
    return Case(format, level, rng.choice(seeds(format)).name, rng.getrandbits(40))


def anyone(rng: Random, format: str | None = None) -> Case:
    """A case of any level, of one format or of all."""
    places = [place for place in LEVELS if format in (None, place[0])]
    return chosen(*rng.choices(places, [SHARES[level] for _, level in places])[0], rng)
