"""What some options may be, by name. Imports nothing, so that help is there at once."""

from enum import StrEnum


class Resize(StrEnum):
    """How an image is brought to the model's size."""

    nearest = "nearest"
    bilinear = "bilinear"
    bicubic = "bicubic"
    lanczos = "lanczos"


class Preprocess(StrEnum):
    """The ways of `keras.applications` (caffe, tf, torch), 0…1 (unit) and 0…255 (none)."""

    caffe = "caffe"
    tf = "tf"
    torch = "torch"
    unit = "unit"
    none = "none"


class Start(StrEnum):
    """What relevance starts as at the explained class."""

    logit = "logit"
    one = "one"


class Contrast(StrEnum):
    """What is taken off: the mean of all other classes, or the strongest other class."""

    others = "others"
    runner_up = "runner_up"


class Colours(StrEnum):
    """The colour maps of `jlrp.plot`."""

    bwr = "bwr"
    blue_orange = "blue_orange"
    coolwarm = "coolwarm"
    seismic = "seismic"
    magma = "magma"


class Scale(StrEnum):
    """Which maps share one colour scale."""

    image = "image"
    row = "row"
    column = "column"
    all = "all"


class Channels(StrEnum):
    """How the channels of a pixel become one number."""

    sum = "sum"
    norm = "norm"
