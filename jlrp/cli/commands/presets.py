"""`jlrp presets`: its arguments and options."""

from jlrp.cli.options import Json


def presets(as_json: Json = False) -> None:
    """List the presets, and the baselines that they are compared with, each with what it does."""
    given = dict(locals())
    from jlrp.cli.presets import run  # only now, as it takes a second

    run(**given)
