"""Read images, arrays and class names as a model takes them; write explanations to files and back.

Images need pillow, which comes with the extra `cli`. Everything else needs only the library. A name
is imported from its home when it is first used.

Example:
    >>> import ir, jlrp
    >>> model = ir.load("jlrp/data/digits_resnet.h5")
    >>> photos = jlrp.datasets.load_images(model, "jlrp/data/digits/digit_3_a.png")
    >>> jlrp.explain(model, photos.images, "epsilon_plus_flat").target.tolist()
    [3]
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jlrp.datasets.arrays import load_arrays as load_arrays
    from jlrp.datasets.errors import DataError as DataError
    from jlrp.datasets.frame import Frame as Frame
    from jlrp.datasets.frame import frame_of as frame_of
    from jlrp.datasets.images import Images as Images
    from jlrp.datasets.images import image_batches as image_batches
    from jlrp.datasets.images import load_images as load_images
    from jlrp.datasets.labels import Labels as Labels
    from jlrp.datasets.labels import load_labels as load_labels
    from jlrp.datasets.outputs import Output as Output
    from jlrp.datasets.outputs import Scores as Scores
    from jlrp.datasets.outputs import output_of as output_of
    from jlrp.datasets.results import load_explanation as load_explanation
    from jlrp.datasets.results import save_explanation as save_explanation

_NAMES = {
    "arrays": "load_arrays",
    "errors": "DataError",
    "frame": "Frame frame_of",
    "images": "Images image_batches load_images",
    "labels": "Labels load_labels",
    "outputs": "Output Scores output_of",
    "results": "load_explanation save_explanation",
}
"""The public names by their homes."""

_HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name from its home."""
    if name not in _HOMES:
        raise AttributeError(f"module 'jlrp.datasets' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"jlrp.datasets.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "PIL":
            raise
        raise ModuleNotFoundError(
            f"jlrp.datasets.{name} needs pillow, which comes with the extra cli: "
            "pip install '.[cli]' in a checkout.",
            name=error.name,
        ) from None
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the names for `dir`."""
    return sorted({*globals(), *__all__})
