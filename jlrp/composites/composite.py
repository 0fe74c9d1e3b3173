"""Which rule each layer gets: an ordered list of (predicate, rule), the first match wins."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import ir
from ir.passes import Decision, Rewritten, decide, fold_batchnorm, fold_padding, select_output
from jlrp.composites.predicates import Head, Predicate, matches
from jlrp.rules import Rule, SignalTakesAll, Steps, WithoutBias
from jlrp.rules.product import signals

Entry = tuple[Predicate, Rule]
"""A predicate and the rule of the nodes it matches."""

Edge = tuple[str, int]
"""A node's name and the position of one of its inputs."""


class CompositeError(ValueError):
    """Layers without a rule, or with one that is not defined for their op.

    Example:
        >>> import ir, jlrp
        >>> graph = ir.Graph([ir.Node("fc", ir.Dense(), ("x",), "fc")], ["x"], ["fc"])
        >>> jlrp.Composite([]).assign(graph)
        Traceback (most recent call last):
        jlrp.CompositeError: ... layer 'fc' (Dense) has no rule: ...
    """

    __module__ = "jlrp"  # a traceback shows the name that users import


@dataclass(frozen=True)
class Composite:
    """An ordered list of (predicate, rule). A node gets the rule of the first match.

    Attributes:
        entries: Pairs of a predicate and a rule. A predicate is an op class, a glob on layer names
            (`"res5*"`), one of `jlrp.composites.predicates` or a combination of them, or any
            function of (graph, node).
        fold: Whether BatchNorm and zero padding are folded into the linear layers beside them
            before any rule is applied.
        followed: The edges that relevance follows, as a function of the graph; `None` for all.
        start: Where relevance starts unless the explainer says otherwise: as the decision value
            (`"logit"`) or as 1 (`"one"`).
        one: What a start of 1 means: the sign of the decision value (`"sign"`), or +1 (`"plus"`).

    Raises:
        ValueError: `start` or `one` is another word.

    Example:
        >>> import ir, jlrp
        >>> composite = jlrp.Composite([("fc*", jlrp.Epsilon(0.1)), (ir.Dense, jlrp.Zero())])
        >>> nodes = [ir.Node("a", ir.Dense(), ("x",), "a"), ir.Node("fc", ir.Dense(), ("a",), "fc")]
        >>> graph = ir.Graph(nodes, ["x"], ["fc"])
        >>> print(composite.as_table(graph))
        layer  op     rule
        a      Dense  Zero()
        fc     Dense  Epsilon(epsilon=0.1)
    """

    entries: Sequence[Entry]
    fold: bool = True
    followed: Callable[[ir.Graph], frozenset[Edge]] | None = field(default=None)
    start: str = "logit"
    one: str = "sign"

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", tuple(self.entries))
        for name, known in (("start", ("logit", "one")), ("one", ("sign", "plus"))):
            if getattr(self, name) not in known:
                wanted = " or ".join(map(repr, known))
                raise ValueError(f"A composite has {name}={wanted}, not {getattr(self, name)!r}.")

    def with_rules(self, *entries: Entry) -> "Composite":
        """The same composite with these entries before its own.

        Example:
            >>> import jlrp
            >>> jlrp.PRESETS["epsilon_plus"]().with_rules(("res5*", jlrp.Epsilon(0.25))).entries[0]
            ('res5*', Epsilon(epsilon=0.25))
        """
        return replace(self, entries=(*entries, *self.entries))

    def without_bias(self) -> "Composite":
        """The same rules, with biases counted as 0 in their denominators.

        Example:
            >>> import jlrp
            >>> jlrp.Composite([("fc", jlrp.Epsilon())]).without_bias().entries[0][1]
            WithoutBias(rule=Epsilon(epsilon=1e-06))
        """
        return replace(
            self, entries=[(predicate, WithoutBias(rule)) for predicate, rule in self.entries]
        )

    def for_inner_layers(self) -> "Composite":
        """The same composite without the entries for the head.

        An explanation that starts at an inner layer then goes on as in the whole network.
        """
        return replace(
            self, entries=[entry for entry in self.entries if not isinstance(entry[0], Head)]
        )

    def rewrite(self, graph: ir.Graph, output: str | None = None) -> Rewritten:
        """The graph that the rules see: up to one decision value, and folded if `fold` says so.

        Args:
            graph: The graph as loaded.
            output: Which output's decision value; the first by default.
        """
        return self.folded(decision_of(graph, output).graph)

    def folded(self, graph: ir.Graph) -> Rewritten:
        """A graph with BatchNorm and zero padding folded, if `fold` says so."""
        rewritten = Rewritten(graph)
        return rewritten.then(fold_padding).then(fold_batchnorm) if self.fold else rewritten

    def assign(self, graph: ir.Graph) -> dict[str, Rule]:
        """The rule of every node, by name. The graph is not changed first.

        Raises:
            CompositeError: It lists every node without a rule, or with a rule that is not for its
                op.
        """
        rules: dict[str, Rule] = {}
        problems: list[str] = []
        for node in graph.nodes:
            rule = next(
                (r for predicate, r in self.entries if matches(predicate, graph, node)), None
            )
            kind = type(node.op).__name__
            if isinstance(node.op, ir.Scan):  # its layers have the rules that entries say
                rule = self._of_steps(node.op.body)
            if rule is None:
                problems.append(f"layer {node.name!r} ({kind}) has no rule: add (ir.{kind}, RULE)")
            elif not rule.fits(node.op):
                problems.append(
                    f"layer {node.name!r}: {type(rule).__name__} is not defined for {kind}: "
                    f"add (ir.{kind}, RULE)"
                )
            else:
                rules[node.name] = rule
        if problems:
            raise CompositeError(
                f"The rules do not fit the graph: {'; '.join(problems)} with .with_rules(…)."
            )
        return rules

    def _of_steps(self, body: ir.Graph) -> Steps:
        """The rule of a loop, from the rules of its body's layers."""
        return Steps(*distinct(self.for_inner_layers().assign(body), body))

    def rule_names(self, graph: ir.Graph) -> dict[str, str]:
        """The rule of every node of a graph as loaded, or what happens to it before any rule.

        Each output is looked at alone. A node that several outputs share has the rule that the
        first of them gives it.
        """
        names: dict[str, str] = {}
        for output in graph.outputs:
            rewritten = self.rewrite(graph, output)
            rules, merged = self.assign(rewritten.graph), dict(rewritten.merged)
            for node in select_output(graph, output).nodes if output in graph else ():
                if node.name in rules:
                    found = str(rules[node.name]) + _signals(
                        rewritten.graph, node.name, rules[node.name]
                    )
                elif node.name in merged:
                    found = f"merged into {merged[node.name]}"
                else:
                    found = "stripped"
                names.setdefault(node.name, found)
        return {node.name: names[node.name] for node in graph.nodes}

    def as_table(self, graph: ir.Graph) -> str:
        """The rule of every layer of a graph as loaded, as a table to print."""
        rules = self.rule_names(graph)
        rows = [
            ("layer", "op", "rule"),
            *((n.name, type(n.op).__name__, rules[n.name]) for n in graph.nodes),
        ]
        widths = [max(len(row[column]) for row in rows) for column in range(2)]
        return "\n".join(f"{a:{widths[0]}}  {b:{widths[1]}}  {c}" for a, b, c in rows)


def distinct(
    assigned: Mapping[str, Rule], graph: ir.Graph
) -> tuple[tuple[Rule, ...], tuple[int, ...]]:
    """The distinct rules of an assignment, and for each node of the graph the place of its rule."""
    rules = {id(rule): rule for rule in assigned.values()}
    place = {key: index for index, key in enumerate(rules)}
    return tuple(rules.values()), tuple(place[id(assigned[node.name])] for node in graph.nodes)


def decision_of(graph: ir.Graph, output: str | None = None) -> Decision:
    """The part of a graph up to one decision value, or up to an inner layer.

    Args:
        graph: The graph as loaded.
        output: An output or a layer; the first output by default.
    """
    part = select_output(graph, output)
    return decide(part, output=part.outputs[0] in graph.outputs)


def _signals(graph: ir.Graph, name: str, rule: Rule) -> str:
    """The inputs of a product that take its relevance, for a rule that depends on that."""
    rule = rule.rule if isinstance(rule, WithoutBias) else rule
    if not isinstance(rule, SignalTakesAll):
        return ""
    inputs = graph[name].inputs
    taking = dict.fromkeys(inputs[position] for position in signals(graph.gates[name], len(inputs)))
    return f": {', '.join(taking)}"
