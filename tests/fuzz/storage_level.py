"""HDF5 files that hold the same, stored as the library alone can read it, in a process of its own."""

from random import Random

import h5py

from tests.fuzz import hdf5_level


def chunked(file: h5py.File, rng: Random) -> None:
    found = hdf5_level.datasets(file)
    for group, name in rng.sample(found, min(3, len(found))):
        values = group[name][()]
        if values.ndim:
            del group[name]
            options = (
                {"compression": "gzip"},
                {"compression": "lzf"},
                {"shuffle": True},
                {"fletcher32": True},
                {},
            )
            maxshape = rng.choice((None, (None,) * values.ndim))
            group.create_dataset(
                name, data=values, chunks=True, maxshape=maxshape, **rng.choice(options)
            )


def compressed_bomb(file: h5py.File, rng: Random) -> None:
    group, name = rng.choice(hdf5_level.datasets(file))
    del group[name]
    size = rng.choice((10**4, 10**7, 2**40))
    chunk = min(size, 10**6)
    made = group.create_dataset(name, (size,), "f4", chunks=(chunk,), compression="gzip")
    made[: min(size, 10**7)] = 0


def virtual(file: h5py.File, rng: Random) -> None:
    group, name = rng.choice(hdf5_level.datasets(file))
    shape = group[name].shape
    del group[name]
    layout = h5py.VirtualLayout(shape or (1,), "f4")
    layout[...] = h5py.VirtualSource(rng.choice((".", "/dev/zero", "other.h5")), "a", shape or (1,))
    group.create_virtual_dataset(name, layout)


def external(file: h5py.File, rng: Random) -> None:
    group, name = rng.choice(hdf5_level.datasets(file))
    shape = group[name].shape
    del group[name]
    group.create_dataset(name, shape, "f4", external=[("/dev/zero", 0, h5py.h5f.UNLIMITED)])


def dense_attributes(file: h5py.File, rng: Random) -> None:
    item = file.create_group("dense", track_order=True)
    for index in range(rng.choice((3, 30))):
        item.attrs[f"a{index}"] = "x" * rng.choice((1, 1000))


def newer_groups(file: h5py.File, rng: Random) -> None:
    """Every member of the root copied into a group of the newer kind, which takes its place."""
    for name in list(file):
        file.move(name, "old")
        new = file.create_group(name, track_order=True)
        if isinstance(file["old"], h5py.Group):
            for member in file["old"]:
                file.copy(f"old/{member}", new, member)
            for key, value in file["old"].attrs.items():
                new.attrs[key] = value
        del file["old"]


EDITS: tuple[hdf5_level.Edit, ...] = (
    chunked,
    chunked,
    compressed_bomb,
    virtual,
    external,
    dense_attributes,
    newer_groups,
)


def mutated(content: bytes, rng: Random) -> tuple[bytes, list[str]]:
    """The file after one or two of the changes, and which they were."""
    return hdf5_level.mutated(content, rng, EDITS)
