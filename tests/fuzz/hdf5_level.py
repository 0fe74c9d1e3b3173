"""Changes of what an HDF5 file holds, made through h5py: attributes, links, datasets."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import h5py
import numpy as np

from tests.fuzz import json_level

Edit = Callable[[h5py.File, Random], None]

TEXTS = (
    "layer_names",
    "weight_names",
    "keras_version",
    "backend",
    "model_config",
    "dtype",
    "nb_layers",
    "name",
)
MEMBERS = (
    "model_weights",
    "layers",
    "vars",
    "0",
    "1",
    "conv1",
    "_layer_checkpoint_dependencies",
    "optimizer_weights",
)


# --- attributes
# ---------------------------------------------------------------------------------------------------


def attribute_removed(file: h5py.File, rng: Random) -> None:
    item = _with_attributes(file, rng)
    del item.attrs[rng.choice(list(item.attrs))]


def attribute_replaced(file: h5py.File, rng: Random) -> None:
    item = _with_attributes(file, rng)
    _set(item, rng.choice([*item.attrs, *TEXTS]), rng.choice(_values(rng)))


def attribute_moved(file: h5py.File, rng: Random) -> None:
    """An attribute also at another object, under its name or another."""
    item, other = _with_attributes(file, rng), _object(file, rng)
    name = rng.choice(list(item.attrs))
    _set(other, rng.choice((name, *TEXTS)), item.attrs[name])


def names_changed(file: h5py.File, rng: Random) -> None:
    """A list of names with one of them removed, doubled, moved or changed."""
    item = _with_attributes(file, rng, lists=True)
    key = rng.choice([key for key in item.attrs if np.ndim(item.attrs[key]) == 1])
    names = [*np.asarray(item.attrs[key]).astype("S")]
    kind = rng.randrange(5)
    if kind == 0 and names:
        del names[rng.randrange(len(names))]
    elif kind == 1:
        names.append(rng.choice([*names, b"conv1", b"", b"/", b"..", b"a/b"]))
    elif kind == 2:
        rng.shuffle(names)
    elif kind == 3 and names:
        others = (b"x", b"", b"\xff\xfe", b"conv1/kernel:0", b"../conv1", b"n" * 300)
        names[rng.randrange(len(names))] = rng.choice(others)
    else:
        names = names * rng.choice((2, 50))
    _set(item, key, np.array(names or [b""], "S"))


def version_changed(file: h5py.File, rng: Random) -> None:
    name = rng.choice(("keras_version", "backend"))
    texts = (
        "1.2.2",
        "2.2.4",
        "3.0.0",
        "2",
        "",
        "9" * 400,
        "-1",
        "3.x",
        "theano",
        "tensorflow",
        "jax",
        "\u0663",
    )
    _set(rng.choice((file, _group(file, rng))), name, rng.choice(texts))


# --- links
# --------------------------------------------------------------------------------------------------------


def link_removed(file: h5py.File, rng: Random) -> None:
    group, name = _member(file, rng)
    del group[name]


def link_renamed(file: h5py.File, rng: Random) -> None:
    group, name = _member(file, rng)
    group.move(name, rng.choice((*MEMBERS, f"{name}_1", "a/b/c", "\u00e9", "n" * 500)))


def hard_link_added(file: h5py.File, rng: Random) -> None:
    """A second name for any object.

    One of the groups that it stands in, perhaps, which makes a cycle.
    """
    group, name = _member(file, rng)
    target = rng.choice((_object(file, rng), file, group))
    if rng.random() < 0.5:
        del group[name]
        group[name] = target
    else:
        group[rng.choice((*MEMBERS, "linked"))] = target


def link_to_elsewhere(file: h5py.File, rng: Random) -> None:
    group, name = _member(file, rng)
    del group[name]
    soft = [h5py.SoftLink(path) for path in ("/", "../..", f"/{name}", "none")]
    group[name] = rng.choice((*soft, h5py.ExternalLink("/dev/zero", "/")))


def members_swapped(file: h5py.File, rng: Random) -> None:
    (a, i), (b, j) = _member(file, rng), _member(file, rng)
    one, other = a[i], b[j]
    del a[i]
    if (a, i) != (b, j):
        del b[j]
    a[i], b[j] = other, one


def groups_added(file: h5py.File, rng: Random) -> None:
    """Very many groups, beside or within each other."""
    group = _group(file, rng)
    if rng.random() < 0.5:
        group.create_group("/".join("d" * rng.choice((20, 127, 300))))
    else:
        for index in range(rng.choice((10, 300))):
            group.create_group(f"g{index}").attrs["weight_names"] = np.array([b"a"])


# --- datasets
# -----------------------------------------------------------------------------------------------------


def shape_changed(file: h5py.File, rng: Random) -> None:
    group, name = rng.choice(datasets(file))
    values = group[name][()]
    shape = rng.choice(
        ((values.size,), (*values.shape, 1), values.shape[::-1], (1, *values.shape), (0,), ())
    )
    _put(group, name, np.resize(values, shape))


def dtype_changed(file: h5py.File, rng: Random) -> None:
    """Another dtype, half of them one that weights may have."""
    group, name = rng.choice(datasets(file))
    values = np.asarray(group[name][()], np.float32)
    usual = ("f2", "f8", "i4", ">f4", "u1")
    dtype = np.dtype(
        rng.choice(usual if rng.random() < 0.5 else ("S8", "c8", "?", "V4", "i4,f4", ">i8", "2f4"))
    )
    made = (
        np.zeros(values.shape, dtype)
        if dtype.kind in "SVc"
        else np.nan_to_num(values).clip(0, 200).astype(dtype)
    )
    _put(group, name, made)


def values_extreme(file: h5py.File, rng: Random) -> None:
    group, name = rng.choice(datasets(file))
    group[name][...] = rng.choice((float("nan"), float("inf"), -1e38, 0.0, 1e-45))


def kind_changed(file: h5py.File, rng: Random) -> None:
    """Text, references, an empty dataset, a group or a named datatype where numbers should be."""
    group, name = rng.choice(datasets(file))
    del group[name]
    kind = rng.randrange(6)
    if kind == 0:
        group.create_group(name)
    elif kind == 1:
        group[name] = np.dtype("f4")
    elif kind == 2:
        group[name] = h5py.Empty("f4")
    elif kind == 3:
        group.create_dataset(name, data=["text", "of any length"], dtype=h5py.string_dtype())
    elif kind == 4:
        group.create_dataset(name, data=np.array([file.ref], dtype=h5py.ref_dtype))
    else:
        group.create_dataset(name, (3,), dtype=h5py.vlen_dtype(np.dtype("f4")))


def claims_much(file: h5py.File, rng: Random) -> None:
    """A dataset whose shape is beyond what the file holds, as nothing was written."""
    group, name = rng.choice(datasets(file))
    del group[name]
    shapes = (
        (2**40,),
        (2**30, 2**30),
        (2**62,),
        (2**20,),
        (1,) * 32,
        (10**5, 10**5),
        (2**16, 3, 3, 64),
    )
    group.create_dataset(name, rng.choice(shapes), dtype=rng.choice(("f4", "f8", "i1")))


EDITS: tuple[Edit, ...] = (
    attribute_removed,
    attribute_replaced,
    attribute_moved,
    names_changed,
    names_changed,
    version_changed,
    version_changed,
    link_removed,
    link_renamed,
    hard_link_added,
    hard_link_added,
    link_to_elsewhere,
    members_swapped,
    groups_added,
    shape_changed,
    dtype_changed,
    dtype_changed,
    values_extreme,
    kind_changed,
    claims_much,
)


def mutated(
    content: bytes, rng: Random, edits: tuple[Edit, ...] = EDITS
) -> tuple[bytes, list[str]]:
    """The file after one or two of the changes, and which they were."""
    done = []
    with _opened(content) as (file, finish):
        for edit in rng.choices(edits, k=1 if rng.random() < 0.8 else 2):
            try:
                edit(file, rng)
            except Exception:  # h5py raises all sorts for changes that this file does not allow
                if done:
                    break  # the change before left nothing that this one could take apart
            done.append(edit.__name__)
        content = finish()
    return content, done


def mutated_configuration(content: bytes, rng: Random) -> tuple[bytes, list[str]]:
    """The file with a changed model configuration."""
    with _opened(content) as (file, finish):
        text = file.attrs["model_config"]
        text = text.decode() if isinstance(text, bytes) else text
        text, done = json_level.mutated(text, rng)
        _set(file, "model_config", text)
        return finish(), done


@contextmanager
def _opened(content: bytes) -> Iterator[tuple[h5py.File, Callable[[], bytes]]]:
    """The file in memory, and what ends changing it and returns its bytes."""
    memory = io.BytesIO(content)
    with h5py.File(memory, "r+") as file:

        def finish() -> bytes:
            file.flush()
            return memory.getvalue()

        yield file, finish


# --- what they are made of
# ----------------------------------------------------------------------------------------


def _objects(file: h5py.File) -> list[h5py.Group | h5py.Dataset]:
    found: list[h5py.Group | h5py.Dataset] = [file]
    file.visititems(lambda _, item: found.append(item))
    return found


def _object(file: h5py.File, rng: Random) -> h5py.Group | h5py.Dataset:
    return rng.choice(_objects(file))


def _group(file: h5py.File, rng: Random) -> h5py.Group:
    return rng.choice([item for item in _objects(file) if isinstance(item, h5py.Group)])


def _member(file: h5py.File, rng: Random) -> tuple[h5py.Group, str]:
    group = rng.choice(
        [item for item in _objects(file) if isinstance(item, h5py.Group) and len(item)]
    )
    return group, rng.choice(list(group))


def datasets(file: h5py.File) -> list[tuple[h5py.Group, str]]:
    """The group and the name of every dataset that is not large."""
    found = [
        item
        for item in _objects(file)
        if isinstance(item, h5py.Dataset) and (item.size or 0) < 10**6
    ]
    return [(item.parent, item.name.rpartition("/")[2]) for item in found]


def _with_attributes(
    file: h5py.File, rng: Random, lists: bool = False
) -> h5py.Group | h5py.Dataset:
    """An object with attributes, the root in one of three cases."""
    found = [item for item in _objects(file) if len(item.attrs)]
    if lists:
        return rng.choice(
            [item for item in found if any(np.ndim(value) == 1 for value in item.attrs.values())]
        )
    return found[0] if rng.random() < 0.33 else rng.choice(found)


def _set(item: h5py.Group | h5py.Dataset, name: str, value: object) -> None:
    if name in item.attrs:
        del item.attrs[name]
    if (
        isinstance(value, str) and len(value) < 30_000 and len(value) % 2
    ):  # both forms in which Keras writes text
        value = np.bytes_(value.encode("utf-8", "replace"))
    item.attrs[name] = value


def _put(group: h5py.Group, name: str, values: np.ndarray) -> None:
    del group[name]
    group[name] = values


def _values(rng: Random) -> list[object]:
    """What attributes may hold."""
    texts = [
        "",
        "x",
        "{}",
        '{"class_name": "Sequential", "config": []}',
        "3.15.1",
        "conv1",
        "y" * 40_000,
    ]
    arrays = [
        np.array(texts[:3], dtype=h5py.string_dtype()),
        np.array([b"a", b"b"]),
        np.array([[b"a"]]),
        np.array([], "S3"),
        np.zeros((2, 3), "f4"),
        np.array([(1, 2.0)], "i4,f4"),
        np.array(b"\xff\xfe", "S2"),
    ]
    return [*texts, *arrays, 1, 2**62, -1.5, True, h5py.Empty("S4"), h5py.Empty("f4"), rng.random()]
