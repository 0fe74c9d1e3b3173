"""`jlrp inspect`: its arguments and options."""

from typing import Annotated

import typer

from jlrp.cli.options import DEFAULT_PRESET, Architecture, Json, LayerFile, ModelPath, Preset, Variant


def inspect(
    model: ModelPath,
    preset: Preset = DEFAULT_PRESET,
    ledger: Annotated[
        bool, typer.Option("--ledger", help="Add what relevance each layer's rule can keep for itself.")
    ] = False,
    as_json: Json = False,
    architecture: Architecture = None,
    variant: Variant = None,
    layer_file: LayerFile = None,
) -> None:
    """Show a model's layers and the rule each gets.

    Lists every layer with its op, inputs, output shape, number of weights, and its rule under a preset; with --ledger
    also who at that layer can keep relevance: the bias, the stabiliser, sums that are empty (zero), padding that is
    cropped, or the rule itself. That is found by trying each layer on noise and on zeros.

    \b
    Examples:
      jlrp inspect resnet50.h5
      jlrp inspect resnet50.h5 --preset crawford2019 > layers.txt
      jlrp inspect resnet50.h5 --preset epsilon --ledger
      jlrp inspect resnet50.h5 --json | jq -r '.layers[] | select(.rule == "Pass()") | .layer'
    """
    given = dict(locals())
    from jlrp.cli.inspect import run  # only now, as it takes a second

    run(**given)
