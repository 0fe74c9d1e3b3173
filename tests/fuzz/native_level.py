"""Changes of the library's own files.

Of the header's length, the tensors' places, the ops and their attributes.
"""

import json
import struct
from random import Random
from typing import Any

import ir
from ir.formats.native import model as native
from ir.formats.native import tensors
from tests.fuzz import json_level

OPS = (*ir.ops.__all__, "foo.Bar", "", "os.system", "builtins.eval")


# --- of the header
# ------------------------------------------------------------------------------------------------


def dtype_changed(header: dict[str, Any], rng: Random) -> None:
    _tensor(header, rng)["dtype"] = rng.choice([*tensors.DTYPES, "F8_E4M3", "BF32", ""])


def shape_changed(header: dict[str, Any], rng: Random) -> None:
    tensor = _tensor(header, rng)
    tensor["shape"] = rng.choice(
        ([*tensor["shape"][::-1]], [*tensor["shape"], 1], [0], [2**62, 4], [-1], [])
    )


def offsets_changed(header: dict[str, Any], rng: Random) -> None:
    tensor = _tensor(header, rng)
    tensor["data_offsets"] = [n + rng.randint(-8, 8) for n in tensor["data_offsets"]]


def tensors_swapped(header: dict[str, Any], rng: Random) -> None:
    key = rng.choice(("dtype", "shape", "data_offsets"))
    a, b = _tensor(header, rng), _tensor(header, rng)
    a[key], b[key] = b[key], a[key]


def tensor_renamed(header: dict[str, Any], rng: Random) -> None:
    name = rng.choice([name for name in header if name != tensors.METADATA])
    header[rng.choice(("a", "a/b", "", "/", f"{name}2"))] = header.pop(name)


def metadata_added(header: dict[str, Any], rng: Random) -> None:
    header[tensors.METADATA][rng.choice(("x", native.FORMAT, native.MODEL))] = rng.choice(
        ("1", "2", "{}", "")
    )


HEADER = (
    dtype_changed,
    shape_changed,
    offsets_changed,
    tensors_swapped,
    tensor_renamed,
    metadata_added,
)


# --- of the model
# -------------------------------------------------------------------------------------------------


def op_swapped(model: dict[str, Any], rng: Random) -> None:
    node = _node(model, rng)
    node["op"] = rng.choice(OPS)
    if rng.random() < 0.5:
        node["attributes"] = {}


def attributes_swapped(model: dict[str, Any], rng: Random) -> None:
    a, b = _node(model, rng), _node(model, rng)
    a["attributes"], b["attributes"] = b["attributes"], a["attributes"]


def attribute_changed(model: dict[str, Any], rng: Random) -> None:
    attributes = _node(model, rng)["attributes"]
    if attributes:
        json_level.value_replaced(attributes, rng)


def attribute_removed(model: dict[str, Any], rng: Random) -> None:
    attributes = _node(model, rng)["attributes"]
    if attributes:
        del attributes[rng.choice(list(attributes))]


def inputs_changed(model: dict[str, Any], rng: Random) -> None:
    node, other = _node(model, rng), _node(model, rng)
    node["inputs"] = rng.choice(
        ([*node["inputs"], other["name"]], other["inputs"], [other["name"]], node["inputs"][:-1])
    )


def output_added(model: dict[str, Any], rng: Random) -> None:
    model["graph"]["outputs"].append(_node(model, rng)["name"])


def alias_added(model: dict[str, Any], rng: Random) -> None:
    model["graph"]["aliases"].append(
        [rng.choice(("a", _node(model, rng)["name"])), _node(model, rng)["name"]]
    )


def input_shape_changed(model: dict[str, Any], rng: Random) -> None:
    shape = rng.choice(model["input_shapes"])
    shape[rng.randrange(len(shape))] = rng.choice((None, 1, 8, 32, 10**9, 2**63, -1))


MODEL = (
    op_swapped,
    attributes_swapped,
    attribute_changed,
    attribute_changed,
    attribute_removed,
    inputs_changed,
    output_added,
    alias_added,
    input_shape_changed,
)


# --- both
# ---------------------------------------------------------------------------------------------------------


def mutated_header(content: bytes, rng: Random) -> tuple[bytes, list[str]]:
    """The file with a changed header, or with another length of it."""
    header, data = parts(content)
    if rng.random() < 0.1:
        length = len(header)
        choices = (
            0,
            1,
            7,
            8,
            length - 1,
            length + 1,
            len(content) - 8,
            len(content),
            2**31,
            2**63,
            2**64 - 1,
        )
        return struct.pack("<Q", rng.choice(choices)) + content[8:], ["length_changed"]
    text, done = json_level.mutated(header.decode(), rng, HEADER)
    return joined(text.encode("utf-8", "surrogatepass"), data), done


def mutated_model(content: bytes, rng: Random) -> tuple[bytes, list[str]]:
    """The file with a changed model."""
    text, data = parts(content)
    header = json.loads(text)
    metadata = header[tensors.METADATA]
    metadata[native.MODEL], done = json_level.mutated(metadata[native.MODEL], rng, MODEL)
    return joined(json.dumps(header).encode(), data), done


def parts(content: bytes) -> tuple[bytes, bytes]:
    """The header and the buffer."""
    end = 8 + struct.unpack("<Q", content[:8])[0]
    return content[8:end], content[end:]


def joined(header: bytes, data: bytes) -> bytes:
    """The file of a header and a buffer."""
    return struct.pack("<Q", len(header)) + header + data


def _tensor(header: dict[str, Any], rng: Random) -> dict[str, Any]:
    return rng.choice([entry for name, entry in header.items() if name != tensors.METADATA])


def _node(model: dict[str, Any], rng: Random) -> dict[str, Any]:
    return rng.choice(model["graph"]["nodes"])
