"""Write `docs/primitives.md`: which primitives of JAX `jlrp.trace` follows, and which it refuses.

    KERAS_BACKEND=jax python -m tools.write_primitives

The primitives come from JAX and from the tables of `jlrp.tracing`. Those in bold are met in the
networks and layers of `tests/tracing`.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import primitives as jax_primitives

from jlrp.tracing import jaxprs
from jlrp.tracing.build import ANCHORS, MERGES
from jlrp.tracing.numeric import ELEMENTWISE, MOVES, REDUCTIONS, WINDOWS
from jlrp.tracing.walk import UNCHANGED

PAGE = Path(__file__).parent.parent / "docs" / "primitives.md"

MADE_UP = {"index", "loop", "part"}
"""Names of equations that `jlrp.tracing` makes itself."""

GROUPS = {
    "entered: the function that is called is walked": jaxprs.CALLS,
    "loops and branches": {"scan", "cond"},
    "products, rows of a table": ANCHORS.keys(),
    "of single values": ELEMENTWISE,
    "sums, means, extremes": REDUCTIONS.keys() | WINDOWS.keys(),
    "moves": MOVES | {"split", "unstack"},
    "left out, as they change no value": UNCHANGED,
}
"""What is followed, by kind."""


def equations(closed: Any) -> Iterator[Any]:
    """All equations of a jaxpr, with those of the functions that it calls."""
    for equation in closed.jaxpr.eqns:
        yield equation
        for inner in jaxprs.inner_jaxprs(equation.params):
            yield from equations(inner)


def met() -> set[str]:
    """The primitives in the networks and layers of the tests."""
    from tests.tracing import transformers, zoo

    found: set[str] = set()
    for make in zoo.CASES.values():
        case = make()
        x = jnp.ones((2, *case.shape))
        found |= _names(case.function, case.params, x)
    for name, network in (("vit_cls", transformers.vit), ("lm_llama", transformers.language_model)):
        config, weights, reference = transformers.loaded(name)
        found |= _names(partial(network, config), weights, jnp.asarray(reference["inputs"]))
    return found


def _names(function: Any, params: Any, x: Any) -> set[str]:
    return {jaxprs.name_of(each) for each in equations(jax.make_jaxpr(function)(params, x))}


def known() -> set[str]:
    """The primitives of JAX."""
    values = (getattr(jax_primitives, name) for name in dir(jax_primitives) if name.endswith("_p"))
    return {value.name for value in values}


def listed(names: Iterable[str], used: set[str]) -> str:
    """Names in a line, those that are used in bold."""
    return ", ".join(f"**{n}**" if n in used else n for n in sorted(names))


def page() -> str:
    """The page."""
    used = met()
    followed = set().union(*GROUPS.values()) - MADE_UP
    merged = MERGES.keys() - MADE_UP
    lines = [
        "# Primitives",
        "",
        "A function of JAX is a list of *primitives*. [`jlrp.trace`](tracing.md) follows those of the",
        "first table, and refuses all others by name, with the line of your code. Those in **bold** are",
        "met in the networks and layers that the tests trace. `python -m tools.write_primitives` writes",
        f"this page; here with JAX {jax.__version__}.",
        "",
        "| what | primitives |",
        "| --- | --- |",
        *(f"| {kind} | {listed(set(names) - MADE_UP, used)} |" for kind, names in GROUPS.items()),
        f"| the same, where they join values of several branches | {listed(merged, used)} |",
        "",
        "What depends on the params alone may be made by any primitive. Single values, sums and moves are",
        "followed too, but only if what they compute together is a known op, for example a softmax or a",
        "LayerNorm. A function of single values needs no name.",
        "",
        "**Refused** where they meet images:",
        "",
        listed(known() - followed, set()) + ".",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE}")
