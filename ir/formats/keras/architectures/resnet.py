"""ResNet-50, -101 and -152 as the versions of Keras build them.

A file of weights holds neither the edges nor ε of batch normalisation. So the same weights fit
several builds:

- `keras1`, Keras 1 to 2.1.6, ResNet-50 only: no padding before the pooling after the stem,
  ε = 10⁻³, average pooling over 7×7 and flatten. Without the head, the average pooling stays.
  Layers have names like `res2a_branch2a`.
- `keras2.2.4`, Keras 2.2.4 and 2.3 (keras_applications' `resnet50.py` from 1.0.6 on), ResNet-50
  only: padding before the pooling and global average pooling, otherwise the same.
- `resnet_common`, keras_applications' `resnet.py`, tf.keras and Keras 3: ε = 1.001·10⁻⁵. Layers
  have names like `conv2_block1_1_conv`.

All halve the image in the first 1×1 convolution of a stage.
"""

from collections.abc import Mapping
from typing import Any

from ir.formats.keras.architectures.head import Build, Head
from ir.formats.keras.spec import Call, LayerSpec, ModelSpec, Tensor

BLOCKS = {"resnet50": (3, 4, 6, 3), "resnet101": (3, 4, 23, 3), "resnet152": (3, 8, 36, 3)}
"""The number of blocks in each of the four stages."""


def variants(name: str) -> Mapping[str, Build]:
    """The builds of `resnet50`, `resnet101` or `resnet152` by the variant's name."""
    common: dict[str, Build] = {
        "resnet_common": lambda head, channels: _resnet_common(name, head, channels)
    }
    if name != "resnet50":
        return common
    first: Build = lambda head, channels: _resnet50(head, channels, padded_pool=False)  # noqa: E731
    second: Build = lambda head, channels: _resnet50(head, channels, padded_pool=True)  # noqa: E731
    return {"keras2.2.4": second, "keras1": first, **common}


def _resnet50(head: Head | None, channels: int, padded_pool: bool) -> ModelSpec:
    """The builds with layer names like `res2a_branch2a`."""
    net = _Layers(head, channels, input_name="input_1", epsilon=1e-3)
    x = net.add("ZeroPadding2D", "conv1_pad", net.input, padding=3)
    x = net.activate(net.normalise(net.conv("conv1", x, 64, window=7, stride=2), "bn_conv1"))
    if padded_pool:
        x = net.add("ZeroPadding2D", "pool1_pad", x, padding=1)
    x = net.add("MaxPooling2D", "max_pooling2d_1", x, pool_size=3, strides=2)
    for stage, blocks in enumerate(BLOCKS["resnet50"], start=2):
        for block in range(blocks):
            x = _lettered_block(net, x, stage, block)
    if not padded_pool:
        x = net.add("AveragePooling2D", "avg_pool", x, pool_size=7)
    if head is not None:
        x = (
            net.add("GlobalAveragePooling2D", "avg_pool", x)
            if padded_pool
            else net.add("Flatten", "flatten_1", x)
        )
        x = net.classify(x, head, "fc1000")
    return net.model("resnet50", x)


def _lettered_block(net: "_Layers", x: str, stage: int, block: int) -> str:
    filters, stride = 64 * 2 ** (stage - 2), 2 if stage > 2 and block == 0 else 1
    label = f"{stage}{'abcdef'[block]}_branch"
    y = net.conv(f"res{label}2a", x, filters, stride=stride)
    y = net.activate(net.normalise(y, f"bn{label}2a"))
    y = net.conv(f"res{label}2b", y, filters, window=3, padding="same")
    y = net.activate(net.normalise(y, f"bn{label}2b"))
    y = net.conv(f"res{label}2c", y, 4 * filters)
    if block == 0:
        x = net.conv(f"res{label}1", x, 4 * filters, stride=stride)
    y = net.normalise(y, f"bn{label}2c")
    if block == 0:
        x = net.normalise(x, f"bn{label}1")
    return net.activate(net.add("Add", f"add_{net.next_number('Add')}", y, x))


def _resnet_common(name: str, head: Head | None, channels: int) -> ModelSpec:
    """The build with layer names like `conv2_block1_1_conv`."""
    net = _Layers(head, channels, input_name="input_1", epsilon=1.001e-5)
    x = net.add("ZeroPadding2D", "conv1_pad", net.input, padding=3)
    x = net.normalise(net.conv("conv1_conv", x, 64, window=7, stride=2), "conv1_bn")
    x = net.activate(x, "conv1_relu")
    x = net.add("ZeroPadding2D", "pool1_pad", x, padding=1)
    x = net.add("MaxPooling2D", "pool1_pool", x, pool_size=3, strides=2)
    for stage, blocks in enumerate(BLOCKS[name], start=2):
        for block in range(1, blocks + 1):
            x = _numbered_block(net, x, stage, block)
    if head is not None:
        x = net.classify(net.add("GlobalAveragePooling2D", "avg_pool", x), head, "predictions")
    return net.model(name, x)


def _numbered_block(net: "_Layers", x: str, stage: int, block: int) -> str:
    filters, stride = 64 * 2 ** (stage - 2), 2 if stage > 2 and block == 1 else 1
    label = f"conv{stage}_block{block}"
    y = net.conv(f"{label}_1_conv", x, filters, stride=stride)
    y = net.activate(net.normalise(y, f"{label}_1_bn"), f"{label}_1_relu")
    y = net.conv(f"{label}_2_conv", y, filters, window=3, padding="same")
    y = net.activate(net.normalise(y, f"{label}_2_bn"), f"{label}_2_relu")
    if block == 1:
        x = net.conv(f"{label}_0_conv", x, 4 * filters, stride=stride)
    y = net.conv(f"{label}_3_conv", y, 4 * filters)
    if block == 1:
        x = net.normalise(x, f"{label}_0_bn")
    y = net.normalise(y, f"{label}_3_bn")
    return net.activate(net.add("Add", f"{label}_add", x, y), f"{label}_out")


class _Layers:
    """The layers so far, in Keras's order. Each method adds a layer and returns its name."""

    def __init__(self, head: Head | None, channels: int, input_name: str, epsilon: float) -> None:
        size = 224 if head is not None else None
        self.input = input_name
        self.epsilon = epsilon
        self.layers = [
            LayerSpec(input_name, "InputLayer", {"batch_shape": (None, size, size, channels)})
        ]

    def add(self, class_name: str, name: str, *inputs: str, **config: Any) -> str:
        call = Call(tuple(Tensor(i) for i in inputs))
        self.layers.append(LayerSpec(name, class_name, config, (call,)))
        return name

    def conv(
        self,
        name: str,
        x: str,
        filters: int,
        window: int = 1,
        stride: int = 1,
        padding: str = "valid",
    ) -> str:
        return self.add(
            "Conv2D", name, x, filters=filters, kernel_size=window, strides=stride, padding=padding
        )

    def normalise(self, x: str, name: str) -> str:
        return self.add("BatchNormalization", name, x, epsilon=self.epsilon)

    def activate(self, x: str, name: str | None = None) -> str:
        return self.add(
            "Activation",
            name or f"activation_{self.next_number('Activation')}",
            x,
            activation="relu",
        )

    def classify(self, x: str, head: Head, name: str) -> str:
        return self.add("Dense", head.name or name, x, units=head.classes, activation="softmax")

    def next_number(self, class_name: str) -> int:
        """The number that Keras gives the next layer of a class without a name."""
        return 1 + sum(layer.class_name == class_name for layer in self.layers)

    def model(self, name: str, output: str) -> ModelSpec:
        return ModelSpec(name, tuple(self.layers), (Tensor(self.input),), (Tensor(output),))
