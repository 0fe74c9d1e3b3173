"""From a graph, rules and options to an explainer."""

import warnings
from collections.abc import Callable, Iterable, Sequence

import jax
import numpy as np

import ir
from ir.passes import Decision, select_output
from jlrp.composites.composite import Composite, decision_of, distinct
from jlrp.composites.flow import heads
from jlrp.composites.presets import composite_of, preset_for, require_preset_for
from jlrp.fast import Fast
from jlrp.fast.zeros import rectified
from jlrp.propagation.explainer import Explainer
from jlrp.propagation.formulation import PLAIN, Formulation
from jlrp.propagation.given import graph_of
from jlrp.propagation.plan import Plan, kinds, values_of
from jlrp.propagation.start import Start, check_start

FORMULATIONS: dict[str, Callable[[], Formulation]] = {
    "fast": lambda: Fast(jax.default_backend()),
    "plain": lambda: PLAIN,
}
"""Formulations by name. Each function makes one for the backend in use."""

DECISIONS = ("value", "output")
"""What is explained: the decision value, or the model's own output."""


def explainer(
    graph: ir.Graph | ir.Model,
    rules: str | Composite | None = None,
    *,
    start: str | None = None,
    contrast: str | None = None,
    record: Iterable[str] | bool = (),
    output: str | None = None,
    position: int | None = None,
    ledger: bool = False,
    decision: str = "value",
    labels: Sequence[str] | None = None,
    formulation: str | Formulation = "fast",
) -> Explainer:
    """Make the function `explain(params, images)` of a graph under some rules.

    It is compiled once for each shape of the images.

    Args:
        graph: A graph as loaded, or an `ir.Model`, whose labels the explainer then knows.
        rules: A preset's name (`jlrp.PRESETS`) or a `jlrp.Composite`. By default `epsilon_plus`,
            or `attnlrp` for a graph with attention.
        start: What relevance starts as: the decision value of the target (`"logit"`) or 1
            (`"one"`). By default the rules decide: 1 for `excitation_backprop`, else the decision
            value. A start of 1 means the sign of the decision value, because LRP divides by that
            value. For `excitation_backprop`, the crawford presets and the presets of gradients it
            means +1.
        contrast: `"others"` subtracts the mean relevance of all other classes. `"runner_up"`
            subtracts the relevance of the strongest other class (Gu et al., "Understanding
            Individual Decisions of CNNs via Contrastive Backpropagation", 2018).
        record: Names of layers whose relevance to return in `result.layers`, or `True` for all.
        output: Which of several outputs to explain (the first by default), or any layer to start
            at.
        position: For an output with one class for each position, such as (N, T, tokens) of a
            language model: the position to explain, a negative one counted from the end. The output
            is then that of a classifier, (N, tokens).
        ledger: Whether `result.ledger` says where relevance went.
        decision: `"value"` explains the decision value: the input of the squashing activation
            (softmax, sigmoid, ReLU, tanh, …) that ends the network. `"output"` explains the
            model's own output.
        labels: The names of the classes; by default those of the model. For an output of one unit
            two labels name its two sides: the second is the unit, the first its negative.
        formulation: `"plain"` computes each rule as its formula is written. `"fast"` (`jlrp.fast`)
            computes the same numbers, up to rounding, in less time. A `Formulation` of
            `jlrp.propagation.formulation` is used as it is.

    Returns:
        The `jlrp.Explainer`.

    Raises:
        ValueError: The preset, start, output, layer, decision or formulation is unknown, or the
            preset is not for the graph.
        TypeError: The graph is no graph, or the rules are no rules.
        jlrp.CompositeError: A layer has no rule.

    Warns:
        UserWarning: The output is squashed but has no single decision value, so that the output
            itself is explained. Examples are heads that are averaged, and a softmax that a dense
            layer reads.

    Example:
        >>> import numpy as np, ir, jlrp
        >>> nodes = [ir.Node("fc", ir.Dense(), ("x",), "fc"), ir.Node("p", ir.Softmax(), ("fc",))]
        >>> explain = jlrp.explainer(ir.Graph(nodes, ["x"], ["p"]), "epsilon")
        >>> params = {"fc": {"kernel": np.array([[1.0, 0.0], [2.0, 1.0]])}}
        >>> result = explain(params, np.array([[1.0, 1.0]]))
        >>> result.target.tolist(), result.output.tolist(), result.relevance.round(3).tolist()
        ([0], [[3.0, 1.0]], [[1.0, 2.0]])
        >>> [[f"{p:.3f}" for p in row] for row in result.prediction]  # what the model says
        [['0.881', '0.119']]
    """
    graph, names = graph_of(graph, labels)
    check_start(start, contrast)
    computation = _formulation_of(formulation)
    inner = output is not None and graph.values.get(output) not in graph.outputs
    if position is not None:
        graph, output = _at_position(graph, output, position), None
    explained = _select_decision(graph, output, decision)
    require_preset_for(rules, explained.graph)
    composite = composite_of(preset_for(explained.graph) if rules is None else rules)
    if inner:
        composite = composite.for_inner_layers()
    rewritten = composite.folded(explained.graph)
    seen = rewritten.graph  # the graph that the rules see
    assignment = composite.assign(seen)
    chosen, rule_of_node = distinct(assignment, seen)
    kind = composite.start if start is None else start
    plan = Plan(
        rewritten=rewritten,
        kinds=kinds(chosen),
        rule_of_node=rule_of_node,
        followed=composite.followed(seen) if composite.followed else None,
        start=Start(
            composite.one if kind == "one" else kind,
            contrast,
            two_labels=len(names) == 2,
            scores=bool(heads(seen)) and not inner,
            squashed=explained.tail is not None,
            at_position=position is not None,
        ),
        tail=explained.tail,
        record=values_of(rewritten, seen.values if record is True else record or (), "record"),
        ledger=ledger,
        formulation=computation,
        rectified=rectified(seen, assignment),
    )
    return Explainer(plan, chosen, explained, names)


def _formulation_of(given: str | Formulation) -> Formulation:
    """A formulation by name, or the one that was given."""
    if isinstance(given, Formulation):
        return given
    _check_name("formulation", given, FORMULATIONS)
    return FORMULATIONS[given]()


def _at_position(graph: ir.Graph, output: str | None, position: int) -> ir.Graph:
    """A graph that ends at one position of an output."""
    if isinstance(position, bool) or not isinstance(position, int | np.integer):
        raise ValueError(
            f"A position is a whole number, -1 for the last one, but {position!r} was given."
        )
    part = select_output(graph, output)
    (whole,) = part.outputs
    name = f"{whole}/{position}"
    cell = ir.Node(name, ir.Slice((int(position),)), (whole,))
    return ir.Graph([*part.nodes, cell], part.inputs, [name], part.aliases)


def _select_decision(graph: ir.Graph, output: str | None, decision: str) -> Decision:
    """The part of a graph that is explained."""
    _check_name("decision", decision, DECISIONS)
    if decision == "output":
        return Decision(select_output(graph, output))
    found = decision_of(graph, output)
    if found.note:
        warnings.warn(
            f"{found.note}: there is no single decision value before it. "
            "The output itself is explained.",
            stacklevel=3,
        )
    return found


def _check_name(what: str, given: str, known: Iterable[str]) -> None:
    """`ValueError` for an unknown name of a formulation or decision."""
    if given not in known:
        raise ValueError(f"There is no {what} {given!r}: it is {' or '.join(map(repr, known))}.")
