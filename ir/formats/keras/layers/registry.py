"""The registry of Keras layer classes, and what a converter receives and returns.

A new layer class is one function, with the class's name:

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
"""Layers with a loop over time: every class with a name that ends in one of these."""

FOREIGN: set[str] = set()
"""Known classes that are not from Keras."""

ADDONS = "Addons>"
"""The prefix of tensorflow-addons' classes and functions."""

BEFORE_LOADING = "Say what it does before loading"
"""Where the lines in an error message go. The command line replaces it: it has a file for them."""


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
    """What is known about a Keras class, or about a layer with a name.

    Attributes:
        convert: The function to its ops; `None` for a layer whose class has it.
        weights: The function to its arrays; `None` for a layer whose class has it.
        like: The class whose ops and arrays it has.
        registered: Whether a user registered it. Then calls with `training=True` are allowed.
    """

    convert: Convert | None
    weights: ListWeights | None
    like: str | None = None
    registered: bool = False


_known: dict[Kind, dict[str, LayerClass]] = {kind: {} for kind in get_args(Kind)}
_classes = _known["class"]


def no_weights(spec: LayerSpec) -> Sequence[Weight]:
    """List no weights: for layers without any."""
    return ()


def layer(*class_names: str, weights: ListWeights = no_weights) -> Callable[[Convert], Convert]:
    """Register a converter for Keras classes.

    Args:
        class_names: The names of the classes.
        weights: A function that lists the arrays that they store, in order.
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
    """Say what an unknown layer does, so that `ir.load` can read models with it.

    Nothing in a file is executed. The function that you register receives the layer's
    configuration and the shapes of its inputs.

    Args:
        name: The name in files: of a class of layers (`"Gain"`, `"Lambda"`), of one layer
            (`"lambda_3"`), of an activation (`"my_swish"`), or of a function (TensorFlow's
            `"math.cumsum"`, Keras's `"Cumsum"`).
        convert: A function from a `LayerCall` to the ops that compute it, as a list of `Part`. The
            list is empty for a layer that does nothing at inference. You can also give a single
            op. Your own ops are subclasses of `ir.Op` with a computation in `jlrp.apply` or
            `jlrp.affine`.
        weights: The names of the arrays that the layer stores: trainable ones first, and in the
            order of `add_weight`. They are also the roles in `params`. `"conv/kernel"` is the
            kernel of the layer `self.conv` inside it, and belongs to the part `"conv"`. You can
            also give a function from the layer's `spec` to a list of `Weight`.
        kind: What has this name: `"class"`, `"layer"`, `"activation"` or `"function"`.
        like: A known class of layers. The layer has its ops, and its arrays unless you give
            `weights`. Examples are `"Conv1D"`, `"Identity"` for nothing, and `"Wrapper"` for what
            the layer inside does.
        training: Whether to read calls with `training=True` as at inference: a dropout is then its
            mean.
        replace: Whether to replace an entry with the same name.

    Raises:
        ValueError: The name is known already, `like` is unknown, or nothing says what the layer
            does.

    Example:
        >>> import ir, ir.keras
        >>> def scaled_relu(call):
        ...     scale = ir.keras.Part(ir.Scale(), name="scaled", weights="")
        ...     return [scale, ir.keras.Part(ir.Relu())]
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
    """A converter that always returns this op."""
    return lambda call: [Part(op, weights="" if weighted else None)]


def _lister(weights: Sequence[str] | ListWeights) -> ListWeights:
    """A function that lists the weights with these paths."""
    if callable(weights):
        return weights
    fixed = []
    for path in weights:
        within, _, role = path.rpartition("/")
        fixed.append(Weight(role, (role,), None, part=within, within=within))
    return lambda spec: fixed


def is_registered(class_name: str, name: str = "") -> bool:
    """Whether a user registered the class, or the layer of this name."""
    entries = (_classes.get(class_name), _classes.get(bare(class_name)), _known["layer"].get(name))
    return any(entry is not None and entry.registered for entry in entries)


def converter_of(kind: Kind, name: str) -> Convert | None:
    """The converter of an activation or function that a user registered, if there is one."""
    entry = _known[kind].get(name) or _known[kind].get(bare(name))
    return None if entry is None else entry.convert


def supported() -> tuple[str, ...]:
    """The names of the Keras classes that `ir.load` can read.

    Example:
        >>> import ir.keras
        >>> "Conv2D" in ir.keras.supported()
        True
    """
    return tuple(sorted(_classes))


def convert_layer(call: LayerCall) -> Sequence[Part]:
    """Turn one call of a layer into ops: none for a layer that does nothing at inference."""
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
    raise unknown_layer(spec)


UNNAMED: dict[str, LayerClass] = {}
"""Classes that are known in some places only. `supported` does not list them."""


def weights_of(spec: LayerSpec) -> list[Weight]:
    """The arrays that a layer stores, in the order of all versions of Keras: trainable first."""
    if spec.weights is not None:
        return list(spec.weights)
    config = spec.config
    if (
        config.get("quantization_config")
        or config.get("lora_rank")
        or _is_quantized(config.get("dtype"))
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
    raise unknown_layer(spec)


def wrapper_of(class_name: str, name: str) -> str | None:
    """The class in `WRAPPERS` that a layer has or is like; `None` for any other layer."""
    while True:
        entry = next(iter(_entries(LayerSpec(name, class_name))), None)
        if entry is None or entry.like is None:
            known = entry is not None and not entry.registered
            return bare(class_name) if known and bare(class_name) in WRAPPERS else None
        class_name, name = entry.like, ""


WRAPPERS = ("Wrapper", "TimeDistributed", "SpectralNormalization")
"""Classes of layers that apply the layer in `config["layer"]`."""


def acts_in_training(spec: LayerSpec) -> bool:
    """Whether a layer may act differently in training, and no user registered it."""
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
    """The error for one layer: `why` continues "has the layer …, which"."""
    return LoadError(f"has the layer {spec.title!r} ({spec.class_name}), which {why}.")


def unknown_layer(spec: LayerSpec, module: str | None = None) -> LoadError:
    """The error for a layer of an unknown class, with what to do."""
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
    """Three lines of Python that register a layer, a function or an activation, in a sentence."""
    word = re.sub(r"\W|^(?=\d)", "_", name).lower()[:40]
    quoted = name[:200].replace("\\", "\\\\").replace('"', '\\"')
    known = (
        ', or like="…" for what a known layer does'
        if "activation" not in more and "function" not in more
        else ""
    )
    part = f"[ir.keras.Part({op}" + (', weights="")]' if "weights" in more else ")]")
    return (
        f"{BEFORE_LOADING}, in three lines such as (1) `import ir, ir.keras` "
        f"(2) `def {word}(call): return {part}` "
        f'(3) `ir.keras.register("{quoted}", {word}{more})`, with its own ops and arrays{known}.'
    )


def bare(class_name: str) -> str:
    """A class's name without its package: `Gain` of `mine>Gain`."""
    return class_name.rpartition(">")[2]


def _entries(spec: LayerSpec) -> Iterator[LayerClass]:
    """Yield what is known about a layer: by its own name, then by its class."""
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
    """Whether a class is of tensorflow-addons, or known without its package's name."""
    return name.startswith(ADDONS) or bare(name) in FOREIGN


def _is_quantized(dtype: object) -> bool:
    """Whether a dtype policy has whole numbers or 8-bit floats."""
    return any(mark in str(dtype) for mark in ("int8", "int4", "float8"))
