"""Keras's `.keras` archives: a configuration and a file of weights in a zip archive."""

from ir.errors import LoadError
from ir.formats import archive, hdf5
from ir.formats.archive import Archive
from ir.formats.keras import checkpoint, h5
from ir.formats.keras.assembly import assemble
from ir.formats.keras.blueprint import Blueprint, from_json
from ir.formats.keras.config import json_object
from ir.formats.keras.weights import Origin
from ir.formats.keras.weights import read as read_arrays
from ir.formats.request import Request
from ir.formats.source import Source
from ir.model import Model

WEIGHTS = "model.weights.h5"


def begins(start: bytes) -> bool:
    """Whether a file that begins with these bytes is a zip archive."""
    return start.startswith(archive.SIGNATURE)


def read(source: Source, request: Request) -> Model:
    """Read the model in an archive, or its weights into the given architecture."""
    contents = Archive(source)
    if request.architecture is not None:
        with hdf5.open_root(contents.weights(WEIGHTS), request.only_own_hdf5) as root:
            return h5.read_into_architecture(root, request)
    blueprint = _blueprint(contents)
    with hdf5.open_root(contents.weights(WEIGHTS), request.only_own_hdf5) as root:
        params = read_arrays(checkpoint.locate(root, blueprint.spec), Origin(3))
    return assemble(blueprint.spec, params, {"format": "Keras archive", **blueprint.source})


def read_architecture(source: Source, request: Request) -> Blueprint:
    """Read the architecture in an archive."""
    return _blueprint(Archive(source))


def _blueprint(contents: Archive) -> Blueprint:
    metadata = json_object(contents.text("metadata.json"), "metadata")
    version = metadata.get("keras_version")
    if not isinstance(version, str):
        raise LoadError("is damaged: its metadata does not say which version of Keras wrote it.")
    return from_json(contents.text("config.json"), version)
