"""What kind of data a model takes, and in which layout."""

import numpy as np
import pytest

import ir
from ir.analysis import inputs
from ir.analysis.inputs import kind_of_input
from ir.analysis.layout import layout_of, said_layout

SIGNAL, SPECTROGRAM = (None, 8, 64, 1), (None, 128, 100, 1)
FIRST = {"data_format": "channels_first"}


def chain(*ops, shape=None):
    """A graph of ops one after the other, and the weights of its convolutions.

    Windows are given in place of ops.
    """
    nodes, params, before = [], {}, "x"
    for number, op in enumerate(ops):
        name = f"{number}"
        if isinstance(op, tuple):
            params[name] = {"kernel": np.zeros(op)}
            op = ir.Conv((1,) * (len(op) - 2), "same", (1,) * (len(op) - 2))
        nodes.append(ir.Node(name, op, (before,), name if name in params else None))
        before = name
    return ir.Graph(nodes, ["x"], [before]), params


# --- kinds
# --------------------------------------------------------------------------------------------------------

KINDS = {
    "images": ([(3, 3, 3, 8)], (None, 32, 32, 3), "image"),
    "grey images": ([(5, 5, 1, 8)], (None, 28, 28, 1), "image"),
    "images of any size": ([(3, 3, 3, 8)], (None, None, None, 3), "image"),
    "images under patches of 16×16": ([(16, 16, 3, 8)], (None, 224, 224, 3), "image"),
    "images under 1×1": ([(1, 1, 3, 8), (3, 3, 8, 8)], (None, 32, 32, 3), "image"),
    "images without convolutions": ([ir.Flatten()], (None, 28, 28, 1), "image"),
    "images as small as the window": ([(3, 3, 3, 8)], (None, 3, 3, 3), "image"),
    "images under a square window in two steps": ([(1, 7, 3, 8), ir.Relu(), (7, 1, 8, 8)], (None, 64, 64, 3), "image"),
    "images that are scaled, padded and permuted first": (
        [ir.Rescale(1 / 255), ir.ZeroPad(), ir.Permute((3, 1, 2)), ir.Conv(**FIRST)], (None, 32, 32, 3), "image",
    ),
    "spectrograms under square windows": ([(3, 3, 1, 8)], SPECTROGRAM, "image"),
    "EEGNet": ([(1, 16, 1, 4), (8, 1, 4, 8), (1, 8, 8, 8)], SIGNAL, "series"),
    "EEG, all electrodes first": ([(8, 1, 1, 4), ir.Permute((3, 2, 1)), (2, 32, 1, 4)], SIGNAL, "series"),
    "EEG as rows of time": ([ir.Permute((2, 1, 3)), (25, 1, 1, 4)], SIGNAL, "series"),
    "words under windows over whole vectors": ([(3, 300, 1, 4)], (None, 50, 300, 1), "series"),
    "frequencies as a whole": ([(128, 5, 1, 4)], SPECTROGRAM, "series"),
    "one row": ([(1, 5, 3, 4)], (None, 1, 64, 3), "series"),
    "one row without convolutions": ([ir.Flatten()], (None, 1, 64, 3), "image"),
    "series": ([(5, 3, 4)], (None, 64, 3), "series"),
    "series under dense layers": ([ir.Dense()], (None, 64, 3), "series"),
    "electrodes that get an axis for channels": ([ir.Reshape((8, 64, 1)), (1, 16, 1, 4)], (None, 8, 64), "series"),
    "grey images that get an axis for channels": ([ir.Reshape((28, 28, 1)), (3, 3, 1, 4)], (None, 28, 28), "other"),
    "grey images, flattened": ([ir.Flatten()], (None, 28, 28), "other"),
    "volumes": ([(3, 3, 3, 1, 4)], (None, 16, 16, 16, 1), "volume"),
    "volumes that get an axis for channels": ([ir.Reshape((6, 8, 8, 1)), (3, 3, 3, 1, 4)], (None, 6, 8, 8), "volume"),
    "tables": ([ir.Dense()], (None, 13), "table"),
    "tables that become images": ([ir.Reshape((28, 28, 1)), (3, 3, 1, 4)], (None, 784), "table"),
    "one number": ([ir.Relu()], (None,), "other"),
}  # fmt: skip


@pytest.mark.parametrize(("ops", "shape", "kind"), KINDS.values(), ids=KINDS)
def test_kinds(ops, shape, kind):
    graph, params = chain(*ops)
    assert kind_of_input(graph, [shape], params) == kind
    assert kind_of_input(graph, [shape], params, "x") == kind


def test_every_input_has_a_kind_of_its_own():
    nodes = [
        ir.Node("c", ir.Conv(), ("image",), "c"),
        ir.Node("p", ir.GlobalAvgPool(), ("c",)),
        ir.Node("all", ir.Concatenate(), ("p", "table")),
    ]
    graph, shapes = ir.Graph(nodes, ["image", "table"], ["all"]), [(None, 8, 8, 3), (None, 4)]
    params = {"c": {"kernel": np.zeros((3, 3, 3, 2))}}
    assert [kind_of_input(graph, shapes, params, name) for name in graph.inputs] == [
        "image",
        "table",
    ]
    with pytest.raises(ValueError, match="not in tuple"):
        kind_of_input(graph, shapes, params, "c")


def test_one_square_window_among_others_makes_images():
    windows = {"a": (1, 7, 1, 4), "b": (3, 3, 1, 4)}
    nodes = [ir.Node(name, ir.Conv(padding="same"), ("x",), name) for name in windows]
    graph = ir.Graph([*nodes, ir.Node("c", ir.Add(), ("a", "b"))], ["x"], ["c"])
    assert (
        kind_of_input(
            graph, [SIGNAL], {name: {"kernel": np.zeros(w)} for name, w in windows.items()}
        )
        == "image"
    )


def test_weights_that_are_missing_decide_nothing():
    graph, _ = chain((1, 16, 1, 4))
    assert kind_of_input(graph, [SIGNAL], {}) == "image"


def test_senseless_attributes_decide_nothing():
    graph, params = chain(ir.AvgPool(strides=(0, 0)), (1, 16, 1, 4))
    assert kind_of_input(graph, [SIGNAL], params) == "image"
    graph = ir.Graph([ir.Node("c", ir.Conv(strides=(1,)), ("x",), "c")], ["x"], ["c"])
    assert kind_of_input(graph, [SIGNAL], {"c": {"kernel": np.zeros((3, 1, 4))}}) == "series"


def test_few_of_many_convolutions_are_looked_at():
    nodes = [ir.Node(f"{i}", ir.Conv(padding="same"), ("x",), "c") for i in range(5000)]
    graph, params = (
        ir.Graph(nodes, ["x"], [node.name for node in nodes]),
        {"c": {"kernel": np.zeros((1, 3, 1, 1))}},
    )
    assert kind_of_input(graph, [SIGNAL], params) == "series"
    reader = inputs._Reader(graph, params)
    reader.shapes["x"] = SIGNAL
    assert len(reader.convolutions("x")) == inputs.MAX_CONVOLUTIONS


# --- layouts
# ------------------------------------------------------------------------------------------------------

NORM = ir.BatchNorm(axis=1)
LAYOUTS = {
    "a convolution": ([ir.Conv(**FIRST)], "channels_first"),
    "the shape does not matter then": ([ir.Conv()], "channels_last"),
    "padding before": ([ir.ZeroPad(**FIRST), ir.Conv(**FIRST)], "channels_first"),
    "scaling and ReLU before": (
        [ir.Rescale(2.0), ir.Relu(), ir.MaxPool(**FIRST)],
        "channels_first",
    ),
    "permuted to channels first": ([ir.Permute((3, 1, 2)), ir.Conv(**FIRST)], "channels_last"),
    "permuted to channels last": ([ir.Permute((2, 3, 1)), ir.Conv()], "channels_first"),
    "permuted twice": (
        [ir.Permute((2, 3, 1)), ir.Permute((3, 1, 2)), ir.Conv(**FIRST)],
        "channels_first",
    ),
    "height and width exchanged": ([ir.Permute((2, 1, 3)), ir.Conv()], "channels_last"),
    "flattened as channels first": ([ir.Flatten("channels_first")], "channels_first"),
    "the axis of a BatchNorm": ([NORM, ir.Flatten()], "channels_first"),
    "the first that says": ([NORM, ir.Conv()], "channels_first"),
}


@pytest.mark.parametrize(("ops", "layout"), LAYOUTS.values(), ids=LAYOUTS)
def test_layouts(ops, layout):
    graph, _ = chain(*ops)
    assert layout_of(graph, "x", (None, 5, 8, 9)) == layout
    if NORM not in ops:
        assert said_layout(graph, "x") == layout
        assert graph.data_format == layout


@pytest.mark.parametrize(
    "ops", [[ir.Flatten()], [ir.Relu()], [ir.Reshape((8, 9, 5)), ir.Conv(**FIRST)]]
)
def test_the_shape_is_a_hint_where_no_op_says(ops):
    graph, _ = chain(*ops)
    assert said_layout(graph, "x", 4) is None
    assert layout_of(graph, "x", (None, 3, 8, 9)) == "channels_first"
    assert layout_of(graph, "x", (None, 3, 8, 3)) == "channels_last"
    assert layout_of(graph, "x", (None, 5, 8, 9)) == "channels_last"
    assert layout_of(graph, "x") == "channels_last"


def test_a_graph_whose_inputs_have_no_layout_takes_that_of_any_op():
    graph, _ = chain(ir.Dense(), ir.Reshape((4, 8, 8)), ir.Conv(**FIRST))
    assert graph.data_format == "channels_first"
    assert layout_of(graph, "x", (None, 16)) == "channels_last"


def test_permutations_that_do_not_fit_say_nothing():
    graph, _ = chain(ir.Permute((2, 3, 1)), ir.Conv())
    assert said_layout(graph, "x", 3) is None


def test_values_whose_axes_are_permuted_within_the_graph():
    """Images with their channels last, a network with its channels first, and maps with theirs
    last."""
    conv = ir.Conv(padding="same", **FIRST)
    graph, _ = chain(ir.Permute((3, 1, 2)), conv, ir.Relu(), ir.Permute((2, 3, 1)), ir.Softmax())
    assert graph.data_format == "channels_last"
    assert [graph.channel_axis(4, name) for name in ("x", *"01234")] == [3, 1, 1, 1, 3, 3]
    graph, _ = chain(ir.Permute((3, 1, 2)), conv, ir.Relu())
    assert graph.channel_axis(4, "2") == 1
    assert graph.channel_axis(4) == 3
    assert graph.channel_axis(2, "2") == 1


def test_what_is_made_by_ops_that_do_not_keep_axes_has_the_layout_of_the_graph():
    graph, _ = chain(conv := ir.Conv(**FIRST), ir.Flatten(), ir.Reshape((4, 2, 2)))
    assert conv.data_format == "channels_first"
    assert said_layout(graph, "2") is None
    assert graph.channel_axis(4, "2") == 1
