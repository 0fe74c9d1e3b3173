"""Ops as JSON and back: a name, and attributes that fit the type hints of the op's dataclass.

A file can only name classes that exist already: the subclasses of `Op`.
"""

import math
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np

from ir.errors import LoadError
from ir.formats.strict_json import brief, error_text
from ir.ops import Op

INFINITE = {"inf": math.inf, "-inf": -math.inf}
"""How files write infinity: `{"float": "inf"}`. JSON has none."""

MAX_ITEMS = 1000
"""Numbers in one attribute. An op may multiply all of them."""

CONSTRUCTION_ERRORS = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
)
"""What a class may raise for attributes of the right types that make no sense."""


class Ops:
    """The ops that files may name, with the types of their attributes.

    Example:
        >>> ops = Ops()
        >>> ops.to_json(ops.class_of("Relu", "'relu'")(max_value=6.0), "'relu'")
        {'max_value': 6.0, 'negative_slope': 0.0, 'threshold': 0.0}
    """

    def __init__(self) -> None:
        # If a name is defined twice, the later definition counts.
        self._classes = {op_name(op): op for op in _subclasses(Op)}
        self._hints: dict[type[Op], dict[str, Any]] = {}

    def class_of(self, name: str, node: str) -> type[Op]:
        """The class of this name; `LoadError` if there is none."""
        op = self._classes.get(name)
        if op is not None and _is_base(op):
            raise LoadError(f"has node {node} ({name}) of a base of ops, which computes nothing.")
        if op is not None:
            return op
        module = name.rpartition(".")[0]
        advice = f"import the module {brief(module)} before loading" if module else "update jlrp"
        raise LoadError(f"has the op {brief(name)} at node {node}, which is not known: {advice}.")

    def to_json(self, op: Op, node: str) -> dict[str, Any]:
        """All attributes of an op; `ValueError` for a value that a file cannot hold."""
        attributes = {}
        for field in _init_fields(type(op)):
            value = plain(getattr(op, field.name))
            if not self._fits(type(op), field.name, value):
                raise ValueError(self._misfit(type(op), node, field.name, value))
            attributes[field.name] = to_json_value(value)
        return attributes

    def from_json(self, name: str, attributes: dict[str, Any], node: str) -> Op:
        """The op of this name with these attributes, the others at their defaults."""
        op = self.class_of(name, node)
        given = {field.name: field for field in _init_fields(op)}
        values = {key: read(value) for key, value in attributes.items()}
        for key, value in values.items():
            if key not in given:
                raise LoadError(
                    f"has the attribute {brief(key)} of node {node} ({name}), which the op does "
                    f"not have here: update {'what defines it' if '.' in name else 'jlrp'}."
                )
            if not self._fits(op, key, value):
                raise LoadError(self._misfit(op, node, key, value))
        lacking = [key for key, field in given.items() if key not in values and _is_required(field)]
        if lacking:
            raise LoadError(f"lacks the attribute {lacking[0]!r} of node {node} ({name}).")
        try:
            return op(**values)
        except CONSTRUCTION_ERRORS as error:
            raise LoadError(
                f"has attributes at node {node} that {name} refuses: {error_text(error)}"
            ) from error

    def _fits(self, op: type[Op], key: str, value: Any) -> bool:
        return fits(value, self._types(op)[key]) and _count(value) <= MAX_ITEMS

    def _types(self, op: type[Op]) -> dict[str, Any]:
        if op not in self._hints:
            try:
                self._hints[op] = get_type_hints(op)
            except (NameError, *CONSTRUCTION_ERRORS) as error:
                raise LoadError(
                    f"has the op {op_name(op)}, whose type hints cannot be resolved: "
                    f"{error_text(error)}"
                ) from error
        return self._hints[op]

    def _misfit(self, op: type[Op], node: str, key: str, value: Any) -> str:
        hint = self._types(op)[key]
        expected = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
        return (
            f"has the attribute {key!r} of node {node} ({op_name(op)}) as {brief(value)}; it "
            f"should be {expected}, of {MAX_ITEMS:,} numbers, texts, true, false or none at most."
        )


def op_name(op: type[Op]) -> str:
    """An op's name in files: the class's name, after the module's if it is not from `ir`.

    Example:
        >>> import ir
        >>> op_name(ir.Conv)
        'Conv'
    """
    return op.__name__ if _is_own(op) else f"{op.__module__}.{op.__qualname__}"


def fits(value: Any, hint: Any) -> bool:
    """Whether a value has the type of a hint, and files can hold it.

    They can hold bool, int of at most 64 bits, float, str, None, and unions and tuples of these.
    NaN does not fit: a graph with NaN would not equal itself.

    Example:
        >>> fits((2, 2), tuple[int, ...]), fits(True, int)
        (True, False)
        >>> fits(((1, 2),), str | tuple[tuple[int, int], ...])
        True
    """
    origin, members = get_origin(hint), get_args(hint)
    if origin is Union or origin is UnionType:
        return any(fits(value, member) for member in members)
    if origin is Literal:
        return any(type(value) is type(member) and value == member for member in members)
    if origin is tuple:
        if type(value) is not tuple:
            return False
        if len(members) == 2 and members[1] is Ellipsis:
            return all(fits(item, members[0]) for item in value)
        return len(value) == len(members) and all(map(fits, value, members))
    if type(value) is int:
        return (hint is int or hint is float) and -(2**63) <= value < 2**63
    return hint in (bool, float, str, NoneType) and type(value) is hint and value == value


def read(value: Any) -> Any:
    """Turn a JSON value into an attribute: lists into tuples, `{"float": "inf"}` into a number.

    Example:
        >>> read([1, [2.5, {"float": "-inf"}]])
        (1, (2.5, -inf))
    """
    if isinstance(value, list):
        return tuple(map(read, value))
    if isinstance(value, dict) and value.keys() == {"float"} and isinstance(value["float"], str):
        return INFINITE.get(value["float"], value)
    return value


def to_json_value(value: Any) -> Any:
    """Turn an attribute into a JSON value: the inverse of `read`."""
    if isinstance(value, tuple):
        return [to_json_value(item) for item in value]
    return {"float": str(value)} if isinstance(value, float) and math.isinf(value) else value


def _count(value: Any) -> int:
    """The number of values in nested tuples."""
    return sum(map(_count, value)) if isinstance(value, tuple) else 1


def plain(value: Any) -> Any:
    """Turn NumPy's numbers into Python's."""
    if isinstance(value, tuple):
        return tuple(map(plain, value))
    return value.item() if isinstance(value, np.generic) else value


def _init_fields(op: type[Op]) -> Iterator["Field[Any]"]:
    """The fields that are arguments of an op's class."""
    return (field for field in fields(op) if field.init)


def _is_required(field: "Field[Any]") -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _is_base(op: type[Op]) -> bool:
    """Whether a class of `ir` is only a base of other classes of `ir`."""
    return _is_own(op) and any(map(_is_own, op.__subclasses__()))


def _is_own(op: type[Op]) -> bool:
    return op.__module__.split(".")[0] == "ir"


def _subclasses(op: type[Op]) -> Iterator[type[Op]]:
    for below in op.__subclasses__():
        yield below
        yield from _subclasses(below)
