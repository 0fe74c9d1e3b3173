"""The composites that the field knows by name."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

import ir
from jlrp.composites.backprop import deconvnet, guided_backprop
from jlrp.composites.composite import Composite, Entry
from jlrp.composites.crawford import crawford2019, crawford2019_original
from jlrp.composites.predicates import Fact, First, Head, Kind, Pointwise
from jlrp.composites.rows import common_rows
from jlrp.rules import AlphaBeta, Epsilon, Flat, Gamma, Norm, Rule, SmallWindow, ZBox, Zero, ZPlus


def _composite(
    convolution: Rule, dense: Rule, *, epsilon: float = 1e-6, first: Entry | None = None, sums: Rule | None = None
) -> Composite:
    """The table that all presets but the crawford ones share.

    epsilon: of sums, means and products. first: the entry of the first layer. sums: the rule of sums and means.
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
    """The flat rule on first convolutions, as far as their windows are small."""
    return (First((ir.Convolution,)), SmallWindow(Flat(), otherwise))


def zero() -> Composite:
    """LRP-0 everywhere: in proportion to every contribution, without a stabiliser (ReLU networks: gradient × input)."""
    return _composite(Zero(), Zero(), epsilon=0.0)


def epsilon() -> Composite:
    """LRP-ε everywhere: in proportion to every contribution; detailed and noisy."""
    return _composite(Epsilon(), Epsilon())


def epsilon_plus() -> Composite:
    """z⁺ on convolutions, ε on dense layers and the head: smooth, shows what speaks for the class."""
    return _composite(ZPlus(), Epsilon())


def epsilon_plus_flat() -> Composite:
    """As epsilon_plus, with the flat rule on the first convolution: regions, independent of pixel values.

    A first layer whose windows are large (a dense layer, a patch embedding) has its rule of epsilon_plus: the flat
    rule would give all that it sees the same relevance.
    """
    return _composite(ZPlus(), Epsilon(), first=_flat(ZPlus()))


def epsilon_alpha2_beta1() -> Composite:
    """αβ with α = 2, β = 1 on convolutions, ε on dense layers: shows evidence for and against."""
    return _composite(AlphaBeta(2.0, 1.0), Epsilon())


def epsilon_alpha2_beta1_flat() -> Composite:
    """As epsilon_alpha2_beta1, with the flat rule on the first convolution, as in epsilon_plus_flat."""
    return _composite(AlphaBeta(2.0, 1.0), Epsilon(), first=_flat(AlphaBeta(2.0, 1.0)))


def epsilon_gamma_box(low: Any, high: Any) -> Composite:
    """γ = 0.25 on convolutions, ε on dense layers, the box rule on the first convolution: needs the input's bounds.

    low, high: the least and the greatest input there can be (black and white after preprocessing): scalars, per
    channel, or of an image's size. They are those of what the model is given: layers that scale it are reckoned with.
    """
    return _composite(Gamma(0.25), Epsilon(), first=(First((ir.Convolution,)), ZBox(low, high, of="image")))


def excitation_backprop() -> Composite:
    """z⁺ on all layers and sums, from a start of 1: where a class finds what excites it; never negative.

    Zhang et al., "Top-down Neural Attention by Excitation Backprop", ECCV 2016, start from a prior that is not
    negative. zennit has the ε rule at sums: `excitation_backprop().with_rules((ir.Add, jlrp.Norm()))`.
    """
    return replace(_composite(ZPlus(), ZPlus(), sums=ZPlus()), start="one", one="plus")


Maker = Callable[..., Composite]
"""A function that makes a preset, from numbers that it may need."""


class _Presets(Mapping[str, Maker]):
    """Makers by name, to be read like a dictionary and added to by `register_preset`."""

    def __init__(self, makers: dict[str, Maker]) -> None:
        self._makers = makers

    def __getitem__(self, name: str) -> Maker:
        return self._makers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __setitem__(self, name: str, make: Maker) -> None:
        raise TypeError(f"PRESETS is read-only: add a preset by jlrp.register_preset({name!r}, make).")

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
    )
}

PRESETS: Mapping[str, Maker] = _Presets(_MAKERS)
"""Preset names and the functions that make them.

Example:
    >>> import jlrp
    >>> sorted(jlrp.PRESETS)[:2]
    ['crawford2019', 'crawford2019_original']
"""


def register_preset(name: str, make: Maker) -> None:
    """Add a preset, which explainers and the command line then know by its name.

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


def composite_of(rules: "str | Composite") -> Composite:
    """A preset by name, or the composite itself; `ValueError` that lists the presets for an unknown name."""
    if isinstance(rules, Composite):
        return rules
    if not isinstance(rules, str):
        raise TypeError(f"Rules are a preset's name or a jlrp.Composite, not {type(rules).__name__}.")
    if rules not in PRESETS:
        close = get_close_matches(rules, PRESETS, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise ValueError(f"There is no preset {rules!r}: the presets are {', '.join(PRESETS)}.{hint}")
    needed = ", ".join(f"{name}=…" for name in inspect.signature(PRESETS[rules]).parameters)
    if needed:
        raise ValueError(f"The preset {rules!r} needs numbers: give jlrp.PRESETS[{rules!r}]({needed}).")
    return PRESETS[rules]()
