"""The registry of Keras layer classes, and what a converter receives and returns.

A new layer class is one function, entered under the class's name:

    @layer("Dense", weights=dense_weights)
    def dense(call: LayerCall) -> list[Part]:
        return [Part(Dense(), weights="")]
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as copy_with
from typing import Any, Literal, get_args

from ir.errors import LoadError
from ir.formats.keras.spec import Call, LayerSpec
from ir.ops import Op, Shape

RECURRENT = ("RNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Bidirectional")
"""Layers with a loop over time (any class whose name ends in one of these)."""

FOREIGN: set[str] = set()
"""Names of classes that are known though they are no classes of Keras."""

ADDONS = "Addons>"
"""What tensorflow-addons puts before the names of its classes and functions."""

BEFORE_LOADING = "Say what it does before loading"
"""Where the lines go that an error shows; the command line has a file for them and says so."""


@dataclass(frozen=True)
class Weight:
    """One array that a layer stores.

    Attributes:
        role: Its name in `params`.
        names: Its names in files, without the layer's name.
        shape: The shape that the configuration gives; `None` stands for what the input decides.
        part: The part of the layer that it belongs to, if that has weights of its own:
            `"depthwise"`, for example.
        trainable: Whether training changes it.
        kernel: Whether it is a convolution's kernel, window first. Old versions and Theano store
            kernels in another order.
        used: Whether the layer reads it at inference. Arrays that it does not read are left out of
            `params`.
        within: The attribute of the layer that holds it, if that is a layer itself: `"conv"` for
            `self.conv.kernel`.

    Example:
        >>> import ir.keras
        >>> ir.keras.Weight("kernel", ("kernel",), (None, 10)).role
        'kernel'
    """

    role: str
    names: tuple[str, ...]
    shape: Shape | None
    part: str = ""
    trainable: bool = True
    kernel: bool = False
    used: bool = True
    within: str = ""


@dataclass(frozen=True)
class Part:
    """One op of a layer.

    Attributes:
        op: The op.
        name: What follows the layer's name in the node's name: `linear` for `conv1/linear`. The
            last part has none.
        weights: The part whose weights it has: `""` for the layer's own, `None` for no weights.
        reads: What it is applied to: the layer's inputs by number, earlier parts by name. By
            default the part before it, and for the first part all inputs.
        constants: Weights that stand in the configuration and not in the file's arrays, by role.
        arrays: A function from the layer's weights to the op's weights, both by role. It is for
            layers that store a kernel in two factors, or in another shape. By default the op's
            weights are those that `weights` names.

    Example:
        >>> import ir, ir.keras
        >>> ir.keras.Part(ir.Relu(), name="linear").reads is None
        True
    """

    op: Op
    name: str = ""
    weights: str | None = None
    reads: tuple[int | str, ...] | None = None
    constants: Mapping[str, Any] = field(default_factory=dict)
    arrays: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None


class Outputs(list[Part]):
    """The parts of a layer with several outputs: each part is one of them, in order.

    Example:
        >>> import ir
        >>> first = Part(ir.Slice((0,)), "first", reads=(0,))
        >>> Outputs([first, Part(ir.Slice((1,)), "second", reads=(0,))])[1].name
        'second'
    """


@dataclass(frozen=True)
class LayerCall:
    """One call of a layer, as converters see it.

    Attributes:
        spec: `.name`, `.class_name` and `.config`, the configuration as the file has it.
        call: The call's arguments.
        shapes: The shapes of the layer's inputs, batch first.
        keras_version: The major version that wrote the architecture.

    Example:
        >>> import ir.keras
        >>> sorted(ir.keras.LayerCall.__dataclass_fields__)
        ['call', 'keras_version', 'shapes', 'spec']
    """

    spec: LayerSpec
    call: Call
    shapes: tuple[Shape, ...]
    keras_version: int


Convert = Callable[[LayerCall], Sequence[Part]]
ListWeights = Callable[[LayerSpec], Sequence[Weight]]
Kind = Literal["class", "layer", "activation", "function"]


@dataclass(frozen=True)
class LayerClass:
    """What is known of one Keras class, or of one layer by its name.

    convert: its ops; `None` where they are those of its class. weights: its arrays; `None`
    likewise. like: the class whose ops and arrays it has. registered: whether a user entered it,
    and so is believed whatever `training` is.
    """

    convert: Convert | None
    weights: ListWeights | None
    like: str | None = None
    registered: bool = False


_known: dict[Kind, dict[str, LayerClass]] = {kind: {} for kind in get_args(Kind)}
_classes = _known["class"]


def no_weights(spec: LayerSpec) -> Sequence[Weight]:
    """The weights of a layer without weights."""
    return ()


def layer(*class_names: str, weights: ListWeights = no_weights) -> Callable[[Convert], Convert]:
    """Enter a converter under the names of Keras classes.

    `weights` lists what they store, in the order stored.
    """

    def enter(convert: Convert) -> Convert:
        for name in class_names:
            _classes[name] = LayerClass(convert, weights)
        return convert

    return enter


def register(
    name: str,
    convert: Convert | Op | None = None,
    weights: Sequence[str] | ListWeights | None = None,
    *,
    kind: Kind = "class",
    like: str | None = None,
    training: bool = False,
    replace: bool = False,
) -> None:
    """Say what an unknown layer does, so that models with it can be loaded.

    Nothing in a file is executed. Its configuration and the names of its arrays go to the function
    that is registered here.

    Args:
        name: The name in files: of a class of layers (`"Gain"`, `"Lambda"`), of one layer
            (`"lambda_3"`), of an activation (`"my_swish"`), or of a function (TensorFlow's
            `"math.cumsum"`, Keras's `"Cumsum"`).
        convert: A function from a `LayerCall` to the ops that compute it, as a list of `Part`. The
            list is empty for a layer that does nothing at inference. A single op stands for itself.
            Your own ops are subclasses of `ir.Op` with a computation in `jlrp.apply` or
            `jlrp.affine`.
        weights: The names of the arrays that a layer stores, trainable ones first, each in the
            order of `add_weight`. They are the roles in `params` too. `"conv/kernel"` is the kernel
            of the layer `self.conv` inside it, and has the part `"conv"`. A function from the
            layer's `spec` to a list of `Weight` is possible too.
        kind: What has this name: `"class"`, `"layer"`, `"activation"` or `"function"`.
        like: A known class of layers whose ops it has, and whose arrays unless `weights` says
            otherwise: `"Conv1D"`, `"Identity"` for nothing, `"Wrapper"` for what the layer inside
            does.
        training: Whether to read calls with `training=True` as at inference: a dropout as its mean.
        replace: Whether to replace an entry of the same name.

    Raises:
        ValueError: The name is known already, `like` is unknown, or nothing says what the layer
            does.

    Example:
        >>> import ir, ir.keras
        >>> def scaled_relu(call):
        ...     return [ir.keras.Part(ir.Scale(), name="scaled", weights=""), ir.keras.Part(ir.Relu())]
        >>> ir.keras.register("ScaledRelu", scaled_relu, weights=["scale"])
        >>> ir.keras.register("lambda_3", ir.Rescale(1 / 255), kind="layer")
        >>> ir.keras.register("WeightNormConv", like="Conv1D")
        >>> ir.keras.register("Dropout", training=True)
        >>> "ScaledRelu" in ir.keras.supported()
        True
    """
    if kind not in _known:
        raise ValueError(
            f"There is no kind {kind!r}: the kinds are {', '.join(map(repr, _known))}."
        )
    if convert is not None and like is not None:
        raise ValueError(f"What {name!r} does is said by convert or by like, but both were given.")
    if convert is None and like is None and not training:
        raise ValueError(f"What {name!r} does is not said: give convert or like.")
    if (like is not None or training) and kind in ("activation", "function"):
        raise ValueError(
            f"The {kind} {name!r} needs convert: like and training are for layers and their "
            "classes."
        )
    if like is not None and like not in _classes:
        raise ValueError(
            f"There is no class {like!r} for {name!r} to be like: see ir.keras.supported()."
        )
    chain = like if kind == "class" else None
    while chain is not None:
        if chain == name:
            raise ValueError(
                f"The class {name!r} cannot be like itself, directly or through others."
            )
        chain = _classes[chain].like if chain in _classes else None
    known = _known[kind].get(name)
    only_training = convert is None and like is None
    if only_training and kind == "class" and known is None:
        raise ValueError(
            f"The layer class {name!r} is not known: give convert or like with training=True."
        )
    if known is not None and not replace and not only_training:
        what = "layer class" if kind == "class" else kind
        raise ValueError(
            f"The {what} {name!r} is known already: give replace=True to enter it anew."
        )
    if isinstance(convert, Op):
        convert = _always(convert, weighted=bool(weights))
    if only_training and known is not None:
        _known[kind][name] = copy_with(known, registered=True)
        return
    listed = _lister(weights) if weights is not None else None if convert is None else no_weights
    _known[kind][name] = LayerClass(convert, listed, like, registered=True)


def _always(op: Op, weighted: bool) -> Convert:
    return lambda call: [Part(op, weights="" if weighted else None)]


def _lister(weights: Sequence[str] | ListWeights) -> ListWeights:
    if callable(weights):
        return weights
    fixed = []
    for path in weights:
        within, _, role = path.rpartition("/")
        fixed.append(Weight(role, (role,), None, part=within, within=within))
    return lambda spec: fixed


def is_registered(class_name: str, name: str = "") -> bool:
    """Whether a user entered the class, or the layer of this name."""
    entries = (_classes.get(class_name), _classes.get(bare(class_name)), _known["layer"].get(name))
    return any(entry is not None and entry.registered for entry in entries)


def converter_of(kind: Kind, name: str) -> Convert | None:
    """What a user entered under the name of an activation or function, with its package or without."""
    entry = _known[kind].get(name) or _known[kind].get(bare(name))
    return None if entry is None else entry.convert


def supported() -> tuple[str, ...]:
    """The names of the Keras classes that can be loaded.

    Example:
        >>> import ir.keras
        >>> "Conv2D" in ir.keras.supported()
        True
    """
    return tuple(sorted(_classes))


def convert_layer(call: LayerCall) -> Sequence[Part]:
    """The ops of one call of a layer, none for a layer that does nothing at inference."""
    spec = call.spec
    for entry in _entries(spec):
        if entry.like is not None:
            return convert_layer(
                copy_with(
                    call, spec=copy_with(spec, name="", class_name=entry.like, shown=spec.title)
                )
            )
        if entry.convert is not None:
            return entry.convert(call)
    raise unknown(spec)


UNNAMED: dict[str, LayerClass] = {}
"""Classes that are known in some places only, and so are not `supported`."""


def weights_of(spec: LayerSpec) -> list[Weight]:
    """The arrays that a layer stores, trainable ones first, as all versions of Keras order them."""
    if spec.weights is not None:
        return list(spec.weights)
    config = spec.config
    if (
        config.get("quantization_config")
        or config.get("lora_rank")
        or _quantized(config.get("dtype"))
    ):
        raise refusal(
            spec,
            "is quantized or has LoRA weights, which is not supported: save the model in float32",
        )
    for entry in _entries(spec):
        if entry.weights is not None:
            return list(entry.weights(spec))
        if entry.like is not None:
            return weights_of(copy_with(spec, name="", class_name=entry.like, shown=spec.title))
    raise unknown(spec)


def wrapper_of(class_name: str, name: str) -> str | None:
    """The class of wrappers that a layer is of, or is said to be like.

    `None` for a layer without one inside.
    """
    while True:
        entry = next(iter(_entries(LayerSpec(name, class_name))), None)
        if entry is None or entry.like is None:
            return (
                bare(class_name)
                if bare(class_name) in WRAPPERS and entry is not None and not entry.registered
                else None
            )
        class_name, name = entry.like, ""


WRAPPERS = ("Wrapper", "TimeDistributed", "SpectralNormalization")
"""Classes of layers that hold another in `config["layer"]`, and apply it."""


def acts_in_training(spec: LayerSpec) -> bool:
    """Whether a layer may do otherwise in training, and no user said that its calls are to be read
    as at inference."""
    entries = list(_entries(spec))
    name = bare(spec.class_name)
    known = any(
        word in name
        for word in ("Dropout", "Dropping", "BatchNorm", "Random", "Gaussian", "Stochastic")
    )
    return not any(entry.registered for entry in entries) and (
        known or name in ("SpectralNormalization", "MixUp", "CutMix")
    )


def refusal(spec: LayerSpec, why: str) -> LoadError:
    """An error about one layer."""
    return LoadError(f"has the layer {spec.title!r} ({spec.class_name}), which {why}.")


def unknown(spec: LayerSpec, module: str | None = None) -> LoadError:
    """An error about a layer of a class that is not known, with what to do about it."""
    name, title = spec.class_name, f"the layer {spec.title!r} of the class {spec.class_name!r}"
    if name == "Lambda":
        return LoadError(
            f"has the Lambda layer {spec.title!r}, which holds Python code; code from a file is "
            "never executed. " + three_lines(spec.title, "ir.Rescale(1 / 255)", ', kind="layer"')
        )
    if bare(name).endswith(RECURRENT):
        return LoadError(
            f"has the recurrent layer {spec.title!r} ({name}), which is not supported: its loop "
            "over time has no place in the graph. Explain the part of the model without it, saved "
            "as a model of its own."
        )
    if name == "KerasLayer" or "tensorflow_hub" in (module or ""):
        return LoadError(
            f"has {title} of TensorFlow Hub, whose network is not in the file: build the network "
            "of Keras layers (keras.applications has many), copy the weights, and save that model."
        )
    if "Attention" in name or bare(name) in (
        "TransformerEncoder",
        "TransformerDecoder",
        "TransformerEncoderBlock",
    ):
        return LoadError(
            f"has {title}, which is not supported: there are no rules for attention. Explain the "
            "part of the model without it, saved as a model of its own."
        )
    source = f" (from {module!r})" if module is not None else ""
    if module is not None:
        title = f"the layer {spec.title!r} of the custom class {name!r}"
    return LoadError(
        f"has {title}{source}, which is not supported: its code is not in the file. "
        + three_lines(bare(name), "ir.Scale()", ', weights=["scale"]')
    )


def three_lines(name: str, op: str, more: str) -> str:
    """What to write so that a layer, a function or an activation is known.

    Three lines of Python.
    """
    word = re.sub(r"\W|^(?=\d)", "_", name).lower()[:40]
    quoted = name[:200].replace("\\", "\\\\").replace('"', '\\"')
    known = (
        ', or like="…" for what a known layer does'
        if "activation" not in more and "function" not in more
        else ""
    )
    part = f"[ir.keras.Part({op}" + (', weights="")]' if "weights" in more else ")]")
    return (
        f"{BEFORE_LOADING}, in three lines such as (1) `import ir, ir.keras` (2) `def "
        f"{word}(call): return {part}` "
        f'(3) `ir.keras.register("{quoted}", {word}{more})`, with its own ops and arrays{known}.'
    )


def bare(class_name: str) -> str:
    """A class's name without the package that it was registered under: `Gain` of `mine>Gain`."""
    return class_name.rpartition(">")[2]


def _entries(spec: LayerSpec) -> Iterator[LayerClass]:
    """What is known of a layer: by its own name, by its class's, by that without the package."""
    if spec.name in _known["layer"]:
        yield _known["layer"][spec.name]
    name = spec.class_name
    if name in _classes:
        yield _classes[name]
    elif bare(name) in _classes and (_classes[bare(name)].registered or _is_foreign(name)):
        yield _classes[bare(name)]
    elif (function := _known["function"].get(name)) is not None:
        yield copy_with(function, weights=no_weights)
    elif name in UNNAMED:
        yield UNNAMED[name]


def _is_foreign(name: str) -> bool:
    """Whether a class of a package is known by its bare name.

    One that is not Keras's, or one of tensorflow-addons.
    """
    return name.startswith(ADDONS) or bare(name) in FOREIGN


def _quantized(dtype: object) -> bool:
    """Whether a dtype policy is one of whole numbers or 8-bit floats."""
    return any(mark in str(dtype) for mark in ("int8", "int4", "float8"))
