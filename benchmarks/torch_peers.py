"""The same networks and rules in PyTorch: zennit, captum, and a minimal version by hand.

All take the network that `Network` builds from a folded `ir.Graph`, so nobody folds BatchNorm while
the clock runs. Arrays are (N, C, H, W) in PyTorch's channels-last memory format, the faster one on
a CPU.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import ir
from ir.ops.window import window_padding

Explain = Callable[[Tensor], Tensor]
"""A function from images to the relevance of each one's largest output, both (N, C, H, W)."""


class Sum(nn.Module):
    """A residual connection."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return a + b


class Network(nn.Module):
    """A graph of convolutions, dense layers, ReLU, pooling and sums as a PyTorch module.

    There is a submodule for each node.

    Args:
        shape: The shape of an image, (H, W, C).
        make_sum: The module of a residual connection; zennit has its own, for its rule.
    """

    def __init__(
        self,
        graph: ir.Graph,
        params: ir.Params,
        shape: ir.Shape,
        make_sum: Callable[[], nn.Module] = Sum,
    ) -> None:
        super().__init__()
        self.graph = graph
        shapes = graph.shapes(params, [(1, *shape)])
        self.layers = nn.ModuleDict()
        for node in graph.nodes:
            weights = {} if node.params is None else params[node.params]
            self.layers[node.name] = _module(node.op, weights, shapes[node.inputs[0]], make_sum)

    def forward(self, images: Tensor) -> Tensor:
        values = {self.graph.inputs[0]: images}
        for node in self.graph.nodes:
            values[node.name] = self.layers[node.name](*(values[name] for name in node.inputs))
        return values[self.graph.outputs[0]]


class _Pad(nn.Module):
    """Zero padding of rows and columns, where PyTorch's convolution has no such padding."""

    def __init__(self, pairs: Any, value: float = 0.0) -> None:
        super().__init__()
        (top, bottom), (left, right) = pairs
        self.pads, self.value = (left, right, top, bottom), value

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.pad(x, self.pads, value=self.value)


class _ChannelsLastFlatten(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


class _SpatialMean(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.pool(x).flatten(1)


def _module(
    op: ir.Op, params: Any, shape: ir.Shape, make_sum: Callable[[], nn.Module]
) -> nn.Module:
    if isinstance(op, ir.Conv) and op.groups == 1:
        return _convolution(op, params, shape)
    if isinstance(op, ir.Dense):
        return _with_weights(
            nn.Linear(*params["kernel"].shape), params["kernel"].T, params.get("bias")
        )
    if isinstance(op, ir.MaxPool):
        pairs = window_padding(op.padding, shape[1:3], op.pool_size, op.strides)
        pool = nn.MaxPool2d(op.pool_size, op.strides, (pairs[0][0], pairs[1][0]))
        assert all(low == high for low, high in pairs), "PyTorch's pools pad alike on both sides"
        return pool
    if isinstance(op, ir.GlobalAvgPool) and not op.keepdims:
        return _SpatialMean()
    if isinstance(op, ir.Add):
        return make_sum()
    if isinstance(op, ir.ZeroPad):
        return _Pad(op.padding)
    plain: dict[type[ir.Op], Callable[[], nn.Module]] = {
        ir.Relu: nn.ReLU,
        ir.Flatten: _ChannelsLastFlatten,
    }
    if type(op) not in plain:
        raise SystemExit(f"The PyTorch peers have no {type(op).__name__}.")
    return plain[type(op)]()


def _convolution(op: ir.Conv, params: Any, shape: ir.Shape) -> nn.Module:
    kernel = params["kernel"]
    pairs = window_padding(op.padding, shape[1:3], kernel.shape[:2], op.strides)
    assert all(low == high for low, high in pairs), "PyTorch's convolutions pad alike on both sides"
    module = nn.Conv2d(
        kernel.shape[2],
        kernel.shape[3],
        kernel.shape[:2],
        op.strides,
        tuple(low for low, _ in pairs),
    )
    return _with_weights(module, kernel.transpose(3, 2, 0, 1), params.get("bias"))


def _with_weights(module: Any, kernel: np.ndarray, bias: np.ndarray | None) -> nn.Module:
    with torch.no_grad():
        module.weight.copy_(torch.from_numpy(np.ascontiguousarray(kernel)))
        if bias is None:
            module.bias = None
        else:
            module.bias.copy_(torch.from_numpy(np.array(bias)))
    return module


def zennit_explain(graph: ir.Graph, params: ir.Params, shape: ir.Shape, composite: Any) -> Explain:
    """zennit with one of its composites; relevance starts as the largest output."""
    _import_zennit()
    from zennit.attribution import Gradient
    from zennit.layer import Sum as Stacked

    class ZennitSum(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.sum = Stacked()

        def forward(self, a: Tensor, b: Tensor) -> Tensor:
            return self.sum(torch.stack([a, b], dim=-1))

    network = _placed(Network(graph, params, shape, ZennitSum))

    def explain(images: Tensor) -> Tensor:
        with Gradient(network, composite) as attributor:
            _, relevance = attributor(images, _largest_only)
        return relevance

    return explain


def captum_explain(graph: ir.Graph, params: ir.Params, shape: ir.Shape, rule: str) -> Explain:
    """captum's LRP.

    Convolutions have `rule` (`"Alpha1_Beta0_Rule"` or `"EpsilonRule"`), everything else has ε.
    """
    from captum.attr import LRP
    from captum.attr._utils import lrp_rules
    from captum.attr._utils.custom_modules import Addition_Module

    network = _placed(Network(graph, params, shape, Addition_Module))
    convolution = getattr(lrp_rules, rule)
    attribution = LRP(network)

    def explain(images: Tensor) -> Tensor:
        with torch.no_grad():
            target = network(images).argmax(1)
        for module in network.modules():  # captum takes the rules off after every call
            if isinstance(module, nn.Conv2d):
                module.rule = convolution()  # type: ignore[assignment]
            elif isinstance(module, _Pad | _ChannelsLastFlatten):
                module.rule = lrp_rules.EpsilonRule()  # type: ignore[assignment]
        return attribution.attribute(images, target=target)

    return explain


def minimal_explain(graph: ir.Graph, params: ir.Params, shape: ir.Shape) -> Explain:
    """z⁺ on convolutions and ε elsewhere, by hand, for networks of ReLUs.

    A research script does about this. The forward pass keeps every value. On the way back each
    convolution runs once more with `W⁺`, and autograd transposes it. Weights are split once. The
    first convolution takes both signs of the pixels.
    """
    network = _placed(Network(graph, params, shape))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.plus, module.minus = (
                module.weight.detach().clamp(min=0),
                module.weight.detach().clamp(max=0),
            )  # type: ignore[assignment]

    def explain(images: Tensor) -> Tensor:
        values = {graph.inputs[0]: images}
        with torch.no_grad():
            for node in graph.nodes:
                values[node.name] = network.layers[node.name](
                    *(values[name] for name in node.inputs)
                )
            output = values[graph.outputs[0]]
            arrived = {graph.outputs[0]: _largest_only(output)}
        for node in reversed(graph.nodes):
            inputs = [values[name] for name in node.inputs]
            first = node.inputs[0] in graph.inputs
            shares = _minimal_rule(
                network.layers[node.name], inputs, values[node.name], arrived.pop(node.name), first
            )
            for name, share in zip(node.inputs, shares, strict=True):
                arrived[name] = arrived[name] + share if name in arrived else share
        return arrived[graph.inputs[0]]

    return explain


def _minimal_rule(
    module: nn.Module, inputs: list[Tensor], output: Tensor, relevance: Tensor, first: bool
) -> tuple[Tensor, ...]:
    if isinstance(module, nn.ReLU):
        return (relevance,)
    if isinstance(module, nn.Conv2d):
        (x,) = inputs
        bias = None if module.bias is None else module.bias.detach().clamp(min=0)
        convolve = nn.functional.conv2d
        with torch.no_grad():
            z = convolve(
                x.clamp(min=0) if first else x, module.plus, bias, module.stride, module.padding
            )
            if first:
                z = z + convolve(x.clamp(max=0), module.minus, None, module.stride, module.padding)
            s = relevance / (z + 1e-6)
            back = _convolve_back(module, module.plus, s, x)
            if first:
                return (
                    x.clamp(min=0) * back
                    + x.clamp(max=0) * _convolve_back(module, module.minus, s, x),
                )
            return (x * back,)
    with torch.enable_grad():
        inputs = [x.detach().requires_grad_() for x in inputs]
        z = module(*inputs)
        if isinstance(module, nn.Linear | Sum | _SpatialMean):
            gradients = torch.autograd.grad(
                z, inputs, relevance / (z + 1e-6 * torch.where(z >= 0, 1.0, -1.0))
            )
            return tuple(x.detach() * g for x, g in zip(inputs, gradients, strict=True))
        return torch.autograd.grad(z, inputs, relevance)


def _convolve_back(module: nn.Conv2d, weight: Tensor, s: Tensor, x: Tensor) -> Tensor:
    return nn.grad.conv2d_input(x.shape, weight, s, module.stride, module.padding)


def forward(graph: ir.Graph, params: ir.Params, shape: ir.Shape) -> Explain:
    """The network's own output, the measure of everything else."""
    network = _placed(Network(graph, params, shape))

    def run(images: Tensor) -> Tensor:
        with torch.no_grad():
            return network(images)

    return run


def as_images(images: np.ndarray) -> Tensor:
    """(N, H, W, C) as (N, C, H, W), channels last in memory."""
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2)


def as_array(relevance: Tensor) -> np.ndarray:
    """(N, C, H, W) as (N, H, W, C)."""
    return relevance.detach().permute(0, 2, 3, 1).numpy()


def zennit_composite(preset: str, low: np.ndarray, high: np.ndarray) -> Any:
    """zennit's counterpart of one of our presets; `low` and `high` (C,) bound the pixels."""
    _import_zennit()
    from zennit import composites, rules, types

    def bound(values: np.ndarray) -> Tensor:
        return torch.tensor(np.asarray(values, np.float32))[None, :, None, None]

    if preset == "epsilon":
        linear = (types.Convolution, types.Linear)
        return composites.LayerMapComposite(
            [*composites.layer_map_base(), (linear, rules.Epsilon())]
        )
    made = {
        "epsilon_plus": lambda: composites.EpsilonPlus(),
        "epsilon_plus_flat": lambda: composites.EpsilonPlusFlat(),
        "epsilon_alpha2_beta1": lambda: composites.EpsilonAlpha2Beta1(),
        "epsilon_gamma_box": lambda: composites.EpsilonGammaBox(low=bound(low), high=bound(high)),
    }
    return made[preset]()


def _largest_only(output: Tensor) -> Tensor:
    return output.detach() * nn.functional.one_hot(output.argmax(1), output.shape[1])


def _placed(network: Network) -> Network:
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _import_zennit() -> None:
    """Import zennit, which needs torchvision only for its names.

    torchvision's compiled part asks for the CUDA libraries. Without them, its Python part can be
    imported if the two operators that it describes are declared.
    """
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _LIBRARIES.append(library)
    import zennit  # noqa: F401


_LIBRARIES: list[Any] = []
"""Kept alive: torch forgets what a library defined when the library is deleted."""
