"""Changes of archives.

Entries renamed, doubled, added, compressed, marked as encrypted, changed inside.
"""

import io
import struct
import warnings
import zipfile
from collections.abc import Callable
from random import Random

from tests.fuzz import bytes_level, hdf5_level, json_level, storage_level

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"
Entries = list[tuple[str, bytes, int]]
"""Name, content and kind of compression."""

NAMES = (
    "../config.json",
    "/etc/x",
    "a/../../b",
    "",
    "model.weights.npz",
    "config.json/",
    "C:\\x",
    "n" * 70,
    "a\x00b",
)


def renamed(entries: Entries, rng: Random) -> None:
    index = rng.randrange(len(entries))
    _, content, kind = entries[index]
    entries[index] = rng.choice((*NAMES, CONFIG, WEIGHTS)), content, kind


def doubled(entries: Entries, rng: Random) -> None:
    entries.insert(rng.randint(0, len(entries)), rng.choice(entries))


def added(entries: Entries, rng: Random) -> None:
    for index in range(rng.choice((1, 1, 1, 3000))):
        entries.append(
            (
                rng.choice((*NAMES, "assets/x.txt")) + (f"{index}" if index else ""),
                b"x" * 10,
                zipfile.ZIP_STORED,
            )
        )


def removed(entries: Entries, rng: Random) -> None:
    del entries[rng.randrange(len(entries))]


def reordered(entries: Entries, rng: Random) -> None:
    rng.shuffle(entries)


def swapped(entries: Entries, rng: Random) -> None:
    i, j = rng.randrange(len(entries)), rng.randrange(len(entries))
    (a, first, kind), (b, second, other) = entries[i], entries[j]
    entries[i], entries[j] = (a, second, kind), (b, first, other)


def compressed(entries: Entries, rng: Random) -> None:
    kinds = (
        zipfile.ZIP_DEFLATED,
        zipfile.ZIP_DEFLATED,
        zipfile.ZIP_DEFLATED,
        zipfile.ZIP_BZIP2,
        zipfile.ZIP_LZMA,
    )
    for index, (name, content, _) in enumerate(entries):
        entries[index] = name, content, rng.choice(kinds)


def bomb(entries: Entries, rng: Random) -> None:
    index = rng.randrange(len(entries))
    name, content, _ = entries[index]
    entries[index] = name, content + bytes(rng.choice((10**5, 10**7))), zipfile.ZIP_DEFLATED


def metadata_changed(entries: Entries, rng: Random) -> None:
    _change(
        entries,
        METADATA,
        lambda text: json_level.mutated(text.decode(), rng)[0].encode("utf-8", "surrogatepass"),
    )


def weights_changed(entries: Entries, rng: Random) -> None:
    _change(entries, WEIGHTS, lambda content: hdf5_level.mutated(content, rng)[0])


def weights_damaged(entries: Entries, rng: Random) -> None:
    _change(entries, WEIGHTS, lambda content: bytes_level.mutated(content, rng)[0])


EDITS: tuple[Callable[[Entries, Random], None], ...] = (
    renamed,
    doubled,
    added,
    removed,
    reordered,
    swapped,
    compressed,
    bomb,
    metadata_changed,
    weights_changed,
    weights_changed,
    weights_changed,
    weights_changed,
    weights_damaged,
    weights_damaged,
)


def mutated(content: bytes, rng: Random) -> tuple[bytes, list[str]]:
    """The archive after one or two changes, in one of eight cases with changed fields of its
    directory as well."""
    entries, done = _entries(content), []
    for edit in rng.choices(EDITS, k=1 if rng.random() < 0.8 else 2):
        if entries:
            edit(entries, rng)
            done.append(edit.__name__)
    content = packed(entries)
    if rng.random() < 0.125:
        content = _directory_changed(content, rng)
        done.append("directory_changed")
    return content, done


def mutated_configuration(content: bytes, rng: Random) -> tuple[bytes, list[str]]:
    """The archive with a changed architecture."""
    entries = _entries(content)
    text, done = json_level.mutated(
        next(c for name, c, _ in entries if name == CONFIG).decode(), rng
    )
    _change(entries, CONFIG, lambda _: text.encode("utf-8", "surrogatepass"))
    return packed(entries), done


def mutated_storage(content: bytes, rng: Random) -> tuple[bytes, list[str]]:
    """The archive with weights that are stored in ways that need the HDF5 library."""
    entries, done = _entries(content), []
    for index, (name, inside, kind) in enumerate(entries):
        if name == WEIGHTS:
            inside, done = storage_level.mutated(inside, rng)
            entries[index] = name, inside, kind
    return packed(entries), done


def packed(entries: Entries) -> bytes:
    """The archive of these entries."""
    memory = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(memory, "w") as archive:
        warnings.simplefilter("ignore")  # two entries of one name are what is wanted
        for name, content, kind in entries:
            archive.writestr(zipfile.ZipInfo(name or "x"), content, kind)
    return memory.getvalue()


def _entries(content: bytes) -> Entries:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [
            (info.filename, archive.read(info), info.compress_type) for info in archive.infolist()
        ]


def _change(entries: Entries, wanted: str, change: Callable[[bytes], bytes]) -> None:
    for index, (name, content, kind) in enumerate(entries):
        if name == wanted:
            try:
                entries[index] = name, change(content), kind
            except Exception:
                continue  # the change before left nothing that this one could take apart


def _directory_changed(content: bytes, rng: Random) -> bytes:
    """One field of an entry in the directory or before its content.

    Flags, kind, sizes, lengths, place.
    """
    places = [
        match.start()
        for match in bytes_level.MARKS.finditer(content)
        if match.group().startswith(b"PK\x01")
    ]
    if not places:
        return content
    start = rng.choice(places)
    offset, size = rng.choice(
        ((8, 2), (10, 2), (16, 4), (20, 4), (24, 4), (28, 2), (30, 2), (32, 2), (34, 2), (42, 4))
    )
    value = rng.choice((0, 1, 8, 255, 2**16 - 1, 2**31, 2**32 - 1, len(content))) % 2 ** (8 * size)
    packed_value = struct.pack("<Q", value)[:size]
    return content[: start + offset] + packed_value + content[start + offset + size :]
