"""A program that rewrites `given.h5` as `plain.h5`: each array uncompressed and in one piece.

`ir.formats.hdf5.separate` runs it in a temporary folder. It imports h5py and NumPy, and nothing
else of this package. If it refuses the file, it writes the reason to standard output. If the HDF5
library crashes or hangs, it fails and writes nothing.
"""

import faulthandler
import math
import sys
from typing import Any

MEMORY = 512 * 2**20
"""Bytes of address space that the libraries take."""
MAX_COMPRESSION = 1000
"""Bytes that one byte of a compressed dataset may stand for."""
MAX_OBJECTS = 100_000
"""Groups and datasets of a file."""
MAX_ATTRIBUTE = 60_000
"""Bytes of an attribute that fit into an object's header."""


NOTHING = b"-"
"""Stands for a dataset without numbers. The reader refuses it if it needs numbers there."""


class RefusedError(Exception):
    """The file is not rewritten. The text continues "The file …"."""


def main(seconds: str, max_bytes: str, *libraries: str) -> int:
    """Rewrite the file and return the exit status of the process."""
    sys.path += [path for path in libraries if path not in sys.path]
    try:
        import h5py
    except ImportError:
        return _say(
            "has compressed or newer structures of HDF5, which need h5py: install h5py to read it."
        )
    _limit(float(seconds), int(max_bytes))
    try:
        with h5py.File("given.h5", "r") as given, h5py.File("plain.h5", "w") as plain:
            _Copy(h5py, int(max_bytes)).all(given, plain)
    except RefusedError as refused:
        return _say(str(refused))
    except Exception as error:  # h5py raises errors of many types
        return _say(f"is cut off or damaged: HDF5 says {_brief(error)}. Copy or download it again.")
    return 0


def _say(sentence: str) -> int:
    sys.stdout.buffer.write(sentence.encode("utf-8", "backslashreplace"))
    return 0


def _brief(error: BaseException) -> str:
    return str(error).strip("\"' .")[:200] or type(error).__name__


def _limit(seconds: float, max_bytes: int) -> None:
    """End this process after `seconds`, and limit its memory if the system can."""
    faulthandler.dump_traceback_later(seconds, exit=True)
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    limits = {
        "RLIMIT_AS": MEMORY + 3 * max_bytes,
        "RLIMIT_CPU": math.ceil(used.ru_utime + used.ru_stime + seconds),
        "RLIMIT_FSIZE": 2 * max_bytes,
        "RLIMIT_CORE": 0,
    }
    for name, value in limits.items():
        try:
            kind = getattr(resource, name)
            _, most = resource.getrlimit(kind)
            value = value if most == resource.RLIM_INFINITY else min(value, most)
            resource.setrlimit(kind, (value, value))
        except (AttributeError, ValueError, OSError):  # not on this system
            continue


class _Copy:
    """A copy of a file, with the bytes that it may still take."""

    def __init__(self, h5py: Any, max_bytes: int) -> None:
        self.h5py = h5py
        self.left = max_bytes
        self.done: dict[int, str] = {}

    def all(self, given: Any, plain: Any) -> None:
        """Copy the root group and everything in it. A second way to an object is a hard link."""
        waiting = [("/", given, plain)]
        self.done[self._address(given)] = "/"
        while waiting:
            path, group, target = waiting.pop()
            self.attributes(group, target)
            for name in group:
                waiting += self.member(f"{path}{name}", group, name, target)

    def member(self, path: str, group: Any, name: str, target: Any) -> list[tuple[str, Any, Any]]:
        """Copy one member, and return it if it is a group, to copy later."""
        if not isinstance(group.get(name, getlink=True), self.h5py.HardLink):
            target[name] = self.h5py.SoftLink("/elsewhere")  # the reader refuses it
            return []
        item = group[name]
        first = self.done.setdefault(self._address(item), path)
        if first != path:
            target[name] = target.file[first]
            return []
        if len(self.done) > MAX_OBJECTS:
            raise RefusedError(f"is damaged: it has more than {MAX_OBJECTS:,} groups and datasets.")
        if isinstance(item, self.h5py.Group):
            return [(f"{path}/", item, target.create_group(name))]
        copied = target.create_dataset(
            name, data=self.values(item) if isinstance(item, self.h5py.Dataset) else NOTHING
        )
        self.attributes(item, copied)
        return []

    def values(self, dataset: Any) -> Any:
        """The numbers of a dataset, or `NOTHING`."""
        what, dtype = f"dataset {dataset.name!r}", dataset.dtype
        if dataset.is_virtual or dataset.external:
            raise RefusedError(
                f"keeps {what} in another file, which is not opened: save the model again into one "
                "file."
            )
        if dataset.shape is None or dtype.kind not in "fiuV" or dtype.fields or dtype.subdtype:
            return NOTHING
        size = math.prod(dataset.shape) * dtype.itemsize
        stored = int(dataset.id.get_storage_size())
        self.spend(size)
        if size > stored and (dataset.chunks is None or size > MAX_COMPRESSION * stored):
            raise RefusedError(
                f"is damaged: {what} claims {size:,} bytes, but the file holds {stored:,} of them."
            )
        if (
            dataset.chunks is not None
            and math.prod(dataset.chunks) * dtype.itemsize > 2 * size + MAX_ATTRIBUTE
        ):
            raise RefusedError(f"is damaged: {what} has chunks that are larger than it is.")
        return dataset[()]

    def spend(self, size: int) -> None:
        """Take `size` bytes of those that are left."""
        self.left -= size
        if self.left < 0:
            raise RefusedError(
                "is damaged: its content claims many times as many bytes as the file has."
            )

    def attributes(self, item: Any, target: Any) -> None:
        """Copy attributes. Long lists become pieces `name0`, `name1`, …, as Keras writes them."""
        for name in item.attrs:
            stored = self.h5py.h5a.open(item.id, name.encode("utf-8", "surrogateescape"))
            self.spend(math.prod(stored.shape) * max(stored.dtype.itemsize, 1))
            if stored.dtype.kind not in "SOfiu":
                continue
            value = item.attrs[name]
            pieces = _pieces(value, stored.dtype)
            for index, piece in enumerate(pieces):
                target.attrs[name if len(pieces) == 1 else f"{name}{index}"] = piece

    def _address(self, item: Any) -> int:
        return self.h5py.h5o.get_info(item.id).addr


def _pieces(value: Any, dtype: Any) -> list[Any]:
    """An attribute's value in pieces that fit into a header."""
    size = getattr(value, "size", 1) * max(dtype.itemsize, 16)
    if size <= MAX_ATTRIBUTE or not getattr(value, "ndim", 0):
        return [value]
    count = math.ceil(MAX_ATTRIBUTE / max(dtype.itemsize, 16))
    flat = value.reshape(-1)
    return [flat[start : start + count] for start in range(0, len(flat), count)]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
