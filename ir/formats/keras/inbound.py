"""Which layer reads which value: `inbound_nodes`, `input_layers` and `output_layers`."""

from collections.abc import Mapping
from typing import Any

from ir.errors import LoadError
from ir.formats.keras.spec import Call, Tensor, tensors_in

Calls = dict[str, tuple[Call, ...]]


def references(value: Any, known: set[str]) -> tuple[Tensor, ...]:
    """The values that `input_layers` or `output_layers` name, in any of their forms."""
    return tuple(tensors_in(_old(_check(value, known), known)))


def calls_of(nodes: Any, known: set[str]) -> tuple[Call, ...]:
    """A layer's calls, from its `inbound_nodes`.

    Keras 3 writes `{"args", "kwargs"}` with tensors as `__keras_tensor__`. Earlier versions write
    lists of `[layer, node, tensor, kwargs]`, or one such list for a function of TensorFlow.

    Args:
        nodes: The `inbound_nodes`.
        known: The names of the model's layers.
    """
    if not isinstance(nodes, list):
        raise LoadError(
            f"is damaged: the connections of a layer should be a list, but are {str(nodes)[:80]!r}."
        )
    return tuple(_call(node, known) for node in nodes)


def _call(node: Any, known: set[str]) -> Call:
    if isinstance(node, Mapping) and "args" in node:
        keywords = node.get("kwargs") or {}
        if not isinstance(node["args"], list) or not isinstance(keywords, Mapping):
            raise LoadError(
                f"is damaged: a layer is called with {str(node)[:80]!r}, which is no list of "
                "arguments."
            )
        return Call(tuple(_new(a) for a in node["args"]), {k: _new(v) for k, v in keywords.items()})
    _check(node, known)
    if _is_reference(node):
        arguments, keywords = (_old(node, known),), node[3] if len(node) > 3 else {}
    elif isinstance(node, list) and node[:1] == ["_CONSTANT_VALUE"]:
        arguments, keywords = (node[2],), node[3] if len(node) > 3 else {}
    else:
        inside = _old(node, known)
        arguments, keywords = inside if isinstance(inside, tuple) else (inside,), _keywords(node)
    return Call(arguments, {k: _old(v, known) for k, v in keywords.items()})


def _keywords(node: Any) -> dict[str, Any]:
    """The keyword arguments. In the old form they are the fourth item of each reference."""
    found: dict[str, Any] = {}
    for reference in node if isinstance(node, list) else []:
        if _is_reference(reference) and len(reference) > 3 and isinstance(reference[3], Mapping):
            found.update(reference[3])
    return found


def _is_reference(value: Any) -> bool:
    """Whether `value` has the form `[layer, node, tensor, …]`."""
    if not isinstance(value, list) or len(value) < 3 or not isinstance(value[0], str):
        return False
    return all(type(n) is int and n >= 0 for n in value[1:3])


def _check(value: Any, known: set[str]) -> Any:
    """Return `value`; `LoadError` if a reference in it is not to a layer of the model."""
    stack = [value]
    while stack:
        item = stack.pop()
        if _is_reference(item):
            if item[0] not in known:
                raise LoadError(
                    f"is damaged: its configuration refers to a layer {item[0]!r} that it does not "
                    "have."
                )
        elif isinstance(item, list):
            stack.extend(item)
        elif isinstance(item, Mapping):
            stack.extend(item.values())
    return value


def _old(value: Any, known: set[str]) -> Any:
    """A value in the form up to Keras 2.15, with `[layer, node, tensor, …]` for tensors."""
    if _is_reference(value) and value[0] in known:
        return Tensor(value[0], value[1], value[2])
    if isinstance(value, list):
        return tuple(_old(item, known) for item in value)
    if isinstance(value, Mapping):
        return {key: _old(item, known) for key, item in value.items()}
    return value


def _new(value: Any) -> Any:
    """A value in Keras 3's form, with `__keras_tensor__` for tensors."""
    if isinstance(value, list):
        return tuple(_new(item) for item in value)
    if not isinstance(value, Mapping):
        return value
    if value.get("class_name") == "__keras_tensor__":
        config = value.get("config")
        history = config.get("keras_history") if isinstance(config, Mapping) else None
        if not isinstance(history, list) or not _is_reference(history):
            raise LoadError(
                f"is damaged: a tensor in its configuration has the history {str(history)[:80]!r}."
            )
        return Tensor(*history[:3])
    return {key: _new(item) for key, item in value.items()}


def number_from_zero(
    calls: Calls, outputs: tuple[Tensor, ...], nested: Mapping[str, int]
) -> tuple[Calls, tuple[Tensor, ...]]:
    """Number the calls of nested models from 0.

    Keras up to 2.15 counts them from 1: call 0 is the one with the nested model's own inputs.
    Keras 3 and a few nested Sequentials count from 0. The references show which: if they count from
    1, one of them equals the number of calls, and none is 0.

    Args:
        calls: The calls of each layer.
        outputs: The model's outputs.
        nested: The number of calls of each nested model.

    Returns:
        The calls and the outputs with the new numbers.
    """
    everything = [*outputs, *(t for each in calls.values() for call in each for t in call.tensors)]
    named: dict[str, set[int]] = {}
    for tensor in everything:
        named.setdefault(tensor.layer, set()).add(tensor.call)
    from_one = {
        name
        for name, count in nested.items()
        if count in named.get(name, ()) and 0 not in named[name]
    }
    if not from_one:
        return calls, outputs
    fixed = {
        name: tuple(_renumber(call, from_one) for call in each) for name, each in calls.items()
    }
    return fixed, tuple(_renumber(t, from_one) for t in outputs)


def _renumber(value: Any, from_one: set[str]) -> Any:
    if isinstance(value, Tensor):
        return (
            Tensor(value.layer, value.call - 1, value.index) if value.layer in from_one else value
        )
    if isinstance(value, Call):
        return Call(_renumber(value.arguments, from_one), _renumber(value.keywords, from_one))
    if isinstance(value, tuple):
        return tuple(_renumber(item, from_one) for item in value)
    if isinstance(value, Mapping):
        return {key: _renumber(item, from_one) for key, item in value.items()}
    return value
