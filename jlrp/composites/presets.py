"""Presets: the composites that the literature knows by name."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import ir
from jlrp.composites.attention import attnlrp, attnlrp_gamma, cp_lrp
from jlrp.composites.backprop import deconvnet, guided_backprop
from jlrp.composites.composite import Composite, Entry
from jlrp.composites.crawford import crawford2019, crawford2019_original
from jlrp.composites.flow import attention
from jlrp.composites.predicates import Fact, First, Head, Kind, Pointwise
from jlrp.composites.rows import common_rows
from jlrp.rules import AlphaBeta, Epsilon, Flat, Gamma, Norm, Rule, SmallWindow, ZBox, Zero, ZPlus


def _composite(
    convolution: Rule,
    dense: Rule,
    *,
    epsilon: float = 1e-6,
    first: Entry | None = None,
    sums: Rule | None = None,
) -> Composite:
    """The table of all presets but the crawford ones.

    Args:
        convolution: The rule of convolutions.
        dense: The rule of dense layers and the head.
        epsilon: The stabiliser at sums, means and products.
        first: The entry of the first layer.
        sums: The rule of sums and means.
    """
    return Composite(
        [
            (Head(), dense),
            *([] if first is None else [first]),
            (Fact("sums"), sums or Norm(epsilon)),
            (Kind(ir.Convolution) | Pointwise(), convolution),
            (Fact("has_kernel"), dense),
            *common_rows(epsilon),
        ]
    )


def _flat(otherwise: Rule) -> Entry:
    """The flat rule on first convolutions whose windows are small; `otherwise` on the others."""
    return (First((ir.Convolution,)), SmallWindow(Flat(), otherwise))


def zero() -> Composite:
    """LRP-0 everywhere: in proportion to each contribution (gradient × input for ReLU networks).

    There is no stabiliser.
    """
    return _composite(Zero(), Zero(), epsilon=0.0)


def epsilon() -> Composite:
    """LRP-ε everywhere: in proportion to each contribution; detailed and noisy."""
    return _composite(Epsilon(), Epsilon())


def epsilon_plus() -> Composite:
    """z⁺ on convolutions, ε on dense layers and head: smooth, shows evidence for the class."""
    return _composite(ZPlus(), Epsilon())


def epsilon_plus_flat() -> Composite:
    """As epsilon_plus, with flat on the first convolution: regions, whatever the pixel values.

    A first layer with large windows (a dense layer, a patch embedding) keeps its rule of
    epsilon_plus. There the flat rule would give the same relevance to all that a window sees.
    """
    return _composite(ZPlus(), Epsilon(), first=_flat(ZPlus()))


def epsilon_alpha2_beta1() -> Composite:
    """αβ with α = 2, β = 1 on convolutions, ε on dense layers: shows evidence for and against."""
    return _composite(AlphaBeta(2.0, 1.0), Epsilon())


def epsilon_alpha2_beta1_flat() -> Composite:
    """As epsilon_alpha2_beta1, with flat on the first convolution, as in epsilon_plus_flat."""
    return _composite(AlphaBeta(2.0, 1.0), Epsilon(), first=_flat(AlphaBeta(2.0, 1.0)))


def epsilon_gamma_box(low: Any, high: Any) -> Composite:
    """γ = 0.25 on convolutions, ε on dense layers, box rule on the first: needs the input's bounds.

    The bounds are those of the model's input, for example black and white after preprocessing. The
    rule follows them through layers that scale the input.

    Args:
        low: The least value that the input can have: a number, one per channel, or of an image's
            shape.
        high: The greatest value, likewise.
    """
    return _composite(
        Gamma(0.25), Epsilon(), first=(First((ir.Convolution,)), ZBox(low, high, of="image"))
    )


def excitation_backprop() -> Composite:
    """z⁺ on all layers and sums, from a start of 1: where the class is found; never negative.

    Zhang et al. start from a prior that is not negative. zennit has the ε rule at sums:
    `excitation_backprop().with_rules((ir.Add, jlrp.Norm()))`.

    References:
        Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016.
    """
    return replace(_composite(ZPlus(), ZPlus(), sums=ZPlus()), start="one", one="plus")


Maker = Callable[..., Composite]
"""A function that makes a preset. It may need numbers."""


class _Presets(Mapping[str, Maker]):
    """Makers by name: a read-only mapping, to which `register_preset` adds."""

    def __init__(self, makers: dict[str, Maker]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> Maker:
        return self._makers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __setitem__(self, name: str, make: Maker) -> None:
        raise TypeError(
            f"PRESETS is read-only: add a preset by jlrp.register_preset({name!r}, make)."
        )

    def __repr__(self) -> str:
        return f"jlrp.PRESETS({', '.join(self)})"


_MAKERS: dict[str, Maker] = {
    preset.__name__: preset
    for preset in (
        zero,
        epsilon,
        epsilon_plus,
        epsilon_plus_flat,
        epsilon_alpha2_beta1,
        epsilon_alpha2_beta1_flat,
        epsilon_gamma_box,
        excitation_backprop,
        deconvnet,
        guided_backprop,
        crawford2019,
        crawford2019_original,
        attnlrp,
        attnlrp_gamma,
        cp_lrp,
    )
}

PRESETS: Mapping[str, Maker] = _Presets(_MAKERS)
"""The presets by name, each with the function that makes it.

Example:
    >>> import jlrp
    >>> sorted(jlrp.PRESETS)[:2]
    ['crawford2019', 'crawford2019_original']
"""


def register_preset(name: str, make: Maker) -> None:
    """Add a preset, so that explainers and the command line know it by its name.

    Args:
        name: The preset's name.
        make: A function that returns the `Composite`. Its first docstring line is what
            `jlrp presets` shows. A preset whose maker needs arguments cannot be used by name alone.

    Raises:
        ValueError: The name is taken by another preset.
        TypeError: The name is no text, or `make` is no function.

    Example:
        >>> import jlrp
        >>> def epsilon_half():
        ...     "LRP-ε with ε = 0.5 on every layer."
        ...     return jlrp.Composite([(ir.Op, jlrp.Epsilon(0.5))])
        >>> jlrp.register_preset("epsilon_half", epsilon_half)
        >>> "epsilon_half" in jlrp.PRESETS
        True
    """
    if not isinstance(name, str) or not callable(make):
        raise TypeError(
            "register_preset takes a name and a function that returns a jlrp.Composite, "
            f"but was given {name!r} and {make!r}."
        )
    if _MAKERS.get(name, make) is not make:
        raise ValueError(f"There is a preset {name!r} already: give the new one another name.")
    _MAKERS[name] = make


FOR_ATTENTION = ("attnlrp", "attnlrp_gamma", "cp_lrp")
"""The presets for networks with attention."""

_WITHOUT_ATTENTION = _MAKERS.keys() - {*FOR_ATTENTION, "deconvnet", "guided_backprop"}


def preset_for(graph: ir.Graph) -> str:
    """The preset of a graph for which none was chosen."""
    return "attnlrp" if attention(graph) else "epsilon_plus"


def require_preset_for(rules: Any, graph: ir.Graph) -> None:
    """Check that a preset, by its name, is for a graph.

    With attention, the presets for convolutional networks pass relevance through LayerNorm as it
    is, and maps become many orders of magnitude larger than the decision value.

    Raises:
        ValueError: The graph has attention, and the preset is not for it.
    """
    if isinstance(rules, str) and rules in _WITHOUT_ATTENTION and attention(graph):
        layer = next(iter(attention(graph)))
        raise ValueError(
            f"The preset {rules!r} is not for networks with attention, such as that of layer "
            f"{layer!r}: its maps of them are noise. Give {', '.join(FOR_ATTENTION[:-1])} or "
            f"{FOR_ATTENTION[-1]}."
        )


def composite_of(rules: str | Composite) -> Composite:
    """A preset by its name, or the composite itself.

    Raises:
        ValueError: No preset has the name (the message lists all), or the preset needs numbers.
        TypeError: The rules are neither.
    """
    if isinstance(rules, Composite):
        return rules
    if not isinstance(rules, str):
        raise TypeError(
            f"Rules are a preset's name or a jlrp.Composite, not {type(rules).__name__}."
        )
    if rules not in PRESETS:
        close = get_close_matches(rules, PRESETS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(
            f"There is no preset {rules!r}: the presets are {', '.join(PRESETS)}.{hint}"
        )
    parameters = inspect.signature(PRESETS[rules]).parameters.values()
    needed = ", ".join(f"{p.name}=…" for p in parameters if p.default is p.empty)
    if needed:
        raise ValueError(
            f"The preset {rules!r} needs numbers: give jlrp.PRESETS[{rules!r}]({needed})."
        )
    return PRESETS[rules]()
