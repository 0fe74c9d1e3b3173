"""The compiled program: one walk forward, and one walk back for each class and condition."""

import dataclasses
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

import ir
from jlrp.propagation.batches import chunk_size, in_chunks, one_by_one
from jlrp.propagation.compiling import program
from jlrp.propagation.conditions import Conditions
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.interpreter import check_shapes
from jlrp.propagation.plan import Plan, Rules
from jlrp.propagation.walk import Walk
from jlrp.propagation.weights import Prepared, dtype_of, in_dtype, prepare


@flax.struct.dataclass
class Question:
    """A question about a batch of images.

    Attributes:
        target: `None`, classes (N,), or the start relevance. With several classes (classes, N).
        region: `None`, or a mask (N, …positions) of where relevance starts.
        conditions: `None`, or several at once.
        classes: Whether `target` has an axis of classes first.
    """

    target: Any = None
    region: Any = None
    conditions: Conditions | None = None
    classes: bool = flax.struct.field(pytree_node=False, default=False)

    @property
    def leading(self) -> tuple[str, ...]:
        """The axes of the relevance before the images."""
        return ("class",) * self.classes + ("condition",) * (self.conditions is not None)

    def fits(self, batch: int) -> bool:
        """Whether the target, if there is one, has an entry for each image."""
        if self.target is None:
            return True
        count: tuple[int, ...] = self.target.shape[self.classes : self.classes + 1]
        return count == (batch,)

    def axes(self, batch: int) -> "Question":
        """The batch axis of each array, as a pytree like this one; `None` for arrays without it."""
        has_target = self.target is not None and self.fits(batch)
        return dataclasses.replace(
            self,
            target=int(self.classes) if has_target else None,
            region=None if self.region is None else 0,
            conditions=jax.tree.map(lambda _: None, self.conditions),
        )


@program()
def explain(
    plan: Plan,
    rules: Rules,
    weights: ir.Params | Prepared,
    images: tuple[Array, ...],
    question: Question,
) -> Explanation:
    """Answer a question for each image, with the question's leading axes first.

    The formulation says how many images to work on at a time.
    """
    prepared = weights if isinstance(weights, Prepared) else prepare(plan, rules, weights)
    dtype = dtype_of(prepared.params)
    _require_available(dtype)
    images = tuple(jnp.asarray(x, dtype) for x in images)
    shapes = check_shapes(plan.graph, prepared.params, images)
    batch = images[0].shape[0]
    size = chunk_size(batch, plan.formulation.images_at_once(shapes.values(), dtype))
    if not question.fits(batch):
        size = batch  # the walk then raises the error
    numbers = in_dtype(rules, dtype)

    def explain_chunk(args: tuple[tuple[Array, ...], Question]) -> Explanation:
        images, part = args
        return _answer(Walk(plan, numbers, prepared, images, shapes), part)

    args, axes = (images, question), (tuple(0 for _ in images), question.axes(batch))
    return in_chunks(explain_chunk, batch, size, args, axes, partial(batch_axes, question.leading))


def explain_in_batches(
    plan: Plan,
    rules: Rules,
    weights: ir.Params | Prepared,
    images: tuple[Array, ...],
    question: Question,
    size: int,
) -> Explanation:
    """Answer a question with one call of `explain` for each `size` images, as NumPy arrays."""
    prepared = weights if isinstance(weights, Prepared) else prepare(plan, rules, weights)
    axes = (tuple(0 for _ in images), question.axes(images[0].shape[0]))
    found: Explanation = one_by_one(
        lambda args: explain(plan, rules, prepared, *args),
        (images, question),
        axes,
        size,
        partial(batch_axes, question.leading),
    )
    return found


def _require_available(dtype: np.dtype[Any]) -> None:
    """`ValueError` where JAX would compute in fewer bits than the bound weights have."""
    if jax.dtypes.canonicalize_dtype(dtype) != dtype:
        raise ValueError(
            f"The explainer was bound to weights of {dtype}, which JAX computes in only with "
            "jax_enable_x64: switch it on for this call too, or bind the explainer without it."
        )


def _answer(walk: Walk, question: Question) -> Explanation:
    """One walk back for each class and each condition, one after the other.

    On a CPU all at once takes three times as long, because the arrays leave the cache.
    """

    def under_conditions(start: Array, target: Array) -> Explanation:
        if question.conditions is None:
            return walk.back(start, target)
        result = jax.lax.map(
            lambda condition: walk.back(start, target, condition), question.conditions
        )
        return dataclasses.replace(result, target=target, start=result.start[0])

    if question.classes:
        starts = jax.vmap(lambda target: walk.start(target, question.region)[0])(question.target)
        result = jax.lax.map(lambda each: under_conditions(*each), (starts, question.target))
    else:
        result = under_conditions(*walk.start(question.target, question.region))
    leading = question.leading
    return dataclasses.replace(
        result,
        output=walk.output,
        prediction=walk.prediction,
        axes=tuple((*leading, *axes) for axes in result.axes),
        layer_axes=tuple((name, (*leading, *axes)) for name, axes in result.layer_axes),
    )


def batch_axes(leading: tuple[str, ...], found: Explanation) -> Explanation:
    """The batch axis of each array of an explanation with these axes first.

    In the ledger's entries the batch is last.
    """
    classes = leading.count("class")
    at = jax.tree.map(lambda _: len(leading), found)
    ledger = found.ledger and dataclasses.replace(at.ledger, entries=len(leading) + 2)
    return dataclasses.replace(
        at, output=0, prediction=0, target=classes, start=classes, ledger=ledger
    )
