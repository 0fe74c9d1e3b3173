"""From Keras 1's layer configurations to those of Keras 2."""

from collections.abc import Iterator, Mapping
from typing import Any

CLASSES = {
    "Convolution1D": "Conv1D",
    "Convolution2D": "Conv2D",
    "Convolution3D": "Conv3D",
    "AtrousConvolution1D": "Conv1D",
    "AtrousConvolution2D": "Conv2D",
    "AtrousConv1D": "Conv1D",
    "AtrousConv2D": "Conv2D",
    "SeparableConvolution2D": "SeparableConv2D",
}
FIELDS = {
    "nb_filter": "filters",
    "output_dim": "units",
    "bias": "use_bias",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "stride": "strides",
    "filter_length": "kernel_size",
    "pool_length": "pool_size",
    "atrous_rate": "dilation_rate",
}
MERGES = {
    "sum": "Add",
    "mul": "Multiply",
    "concat": "Concatenate",
    "ave": "Average",
    "max": "Maximum",
}
FORMATS = {"th": "channels_first", "tf": "channels_last"}


def default_data_format(config: Any) -> str:
    """The data format of padding and cropping layers, which do not store it: that of the others."""
    return next((FORMATS[d] for d in _dim_orderings(config) if d in FORMATS), "channels_last")


def modernise(
    class_name: str, config: Mapping[str, Any], data_format: str
) -> tuple[str, dict[str, Any]]:
    """Turn a layer's class and configuration into those of Keras 2. It keeps unknown fields."""
    config = dict(config)
    if class_name == "Merge":
        return _merge(config)
    if class_name.startswith(("ZeroPadding", "Cropping")):
        config["data_format"] = data_format
    if class_name in ("ZeroPadding2D", "ZeroPadding3D"):
        config["padding"] = _pairs(config.get("padding"))
    kernel = [
        config[k]
        for k in ("kernel_dim1", "kernel_dim2", "kernel_dim3", "nb_row", "nb_col")
        if k in config
    ]
    for old, new in FIELDS.items():
        if old in config:
            config[new] = config.pop(old)
    if kernel:
        config["kernel_size"] = kernel
    ordering = config.get("dim_ordering")
    if isinstance(ordering, str) and ordering in FORMATS:
        config["data_format"] = FORMATS[ordering]
    if class_name == "Flatten":  # row by row as stored, in any layout
        config["data_format"] = "channels_last"
    return CLASSES.get(class_name, class_name), config


def _merge(config: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    mode = config.get("mode")
    raw = config.get("mode_type", "raw") == "raw" and "layers" not in config
    class_name = MERGES.get(mode, "Merge") if raw and isinstance(mode, str) else "Merge"
    return class_name, {**config, "axis": config.get("concat_axis", -1)}


def _pairs(padding: Any) -> Any:
    """Turn `[h, w]` and `[top, bottom, left, right]` into one pair per axis."""
    if isinstance(padding, list) and all(isinstance(n, int) for n in padding):
        if len(padding) == 4:
            return [padding[:2], padding[2:]]
        return [[n, n] for n in padding]
    if isinstance(padding, Mapping):
        top, bottom, left, right = (
            padding.get(f"{side}_pad", 0) for side in ("top", "bottom", "left", "right")
        )
        return [[top, bottom], [left, right]]
    return padding


def _dim_orderings(config: Any) -> Iterator[str]:
    stack = [config]
    while stack:
        value = stack.pop()
        if isinstance(value, Mapping):
            if isinstance(value.get("dim_ordering"), str):
                yield value["dim_ordering"]
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(item for item in value if isinstance(item, dict | list))
