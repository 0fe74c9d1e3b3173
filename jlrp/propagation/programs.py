"""The compiled program: one walk forward, and one walk back for each class and condition."""

import dataclasses
from functools import partial
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
from jax import Array

import ir
from jlrp.propagation.batches import chunk_size, in_chunks
from jlrp.propagation.compiling import program
from jlrp.propagation.conditions import Conditions
from jlrp.propagation.explanation import Explanation
from jlrp.propagation.interpreter import check_shapes
from jlrp.propagation.plan import Plan, Rules
from jlrp.propagation.walk import Walk
from jlrp.propagation.weights import Prepared, dtype_of, in_dtype, prepare


@flax.struct.dataclass
class Question:
    """What is asked of a batch of images.

    Attributes:
        target: `None`, (N,) classes, or the start relevance; with several classes (classes, N).
        region: `None`, or where relevance starts, (N, …positions).
        conditions: `None`, or several at once.
        classes: Whether `target` has several classes first.
    """

    target: Any = None
    region: Any = None
    conditions: Conditions | None = None
    classes: bool = flax.struct.field(pytree_node=False, default=False)

    @property
    def leading(self) -> tuple[str, ...]:
        """The axes of the relevance before the images."""
        return ("class",) * self.classes + ("condition",) * (self.conditions is not None)

    def axes(self) -> "Question":
        """Where the batch lies in each array, a pytree like this one; `None` where it does not."""
        return dataclasses.replace(
            self,
            target=None if self.target is None else int(self.classes),
            region=None if self.region is None else 0,
            conditions=jax.tree.map(lambda _: None, self.conditions),
        )


@program()
def explain(
    plan: Plan, rules: Rules, weights: ir.Params | Prepared, images: tuple[Array, ...], question: Question
) -> Explanation:
    """The answer for each image, with the question's leading axes first.

    The batch is walked through as many images at a time as the formulation likes.
    """
    prepared = weights if isinstance(weights, Prepared) else prepare(plan, rules, weights)
    dtype = dtype_of(prepared.params)
    _require_available(dtype)
    images = tuple(jnp.asarray(x, dtype) for x in images)
    shapes = check_shapes(plan.graph, prepared.params, images)
    batch = images[0].shape[0]
    size = chunk_size(batch, plan.formulation.images_at_once(shapes.values(), dtype))
    target = question.target
    if target is not None and target.shape[question.classes : question.classes + 1] != (batch,):
        size = batch  # does not fit, which is for the walk to say
    numbers = in_dtype(rules, dtype)

    def chunk(args: tuple[tuple[Array, ...], Question]) -> Explanation:
        images, part = args
        return _answer(Walk(plan, numbers, prepared, images, shapes), part)

    args, axes = (images, question), (tuple(0 for _ in images), question.axes())
    return in_chunks(chunk, batch, size, args, axes, partial(batch_axes, question.leading))


def _require_available(dtype: Any) -> None:
    """`ValueError` where JAX computes in fewer bits than the weights have that were bound."""
    if jax.dtypes.canonicalize_dtype(dtype) != dtype:
        raise ValueError(
            f"The explainer was bound to weights of {dtype}, which JAX computes in only with "
            "jax_enable_x64: switch it on for this call too, or bind the explainer without it."
        )


def _answer(walk: Walk, question: Question) -> Explanation:
    """One walk back for each class and each condition, one after the other.

    On a CPU that takes a third of the time of all at once, whose arrays leave the cache.
    """

    def under_conditions(start: Array, target: Array) -> Explanation:
        if question.conditions is None:
            return walk.back(start, target)
        result = jax.lax.map(lambda condition: walk.back(start, target, condition), question.conditions)
        return dataclasses.replace(result, target=target, start=result.start[0])

    if question.classes:
        assert question.target is not None
        starts = jax.vmap(lambda target: walk.start(target, question.region)[0])(question.target)
        result = jax.lax.map(lambda each: under_conditions(*each), (starts, question.target))
    else:
        result = under_conditions(*walk.start(question.target, question.region))
    return dataclasses.replace(
        result,
        output=walk.output,
        prediction=walk.prediction,
        axes=tuple((*question.leading, *axes) for axes in result.axes),
        layer_axes=tuple((name, (*question.leading, *axes)) for name, axes in result.layer_axes),
    )


def batch_axes(leading: tuple[str, ...], found: Explanation) -> Explanation:
    """Where the batch lies in each array of an explanation with these axes first; in the ledger it is last."""
    classes = leading.count("class")
    at = jax.tree.map(lambda _: len(leading), found)
    ledger = found.ledger and dataclasses.replace(at.ledger, entries=len(leading) + 2)
    return dataclasses.replace(at, output=0, prediction=0, target=classes, start=classes, ledger=ledger)
