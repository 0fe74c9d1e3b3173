"""Is a rule that a user writes by its shares as fast as a built-in one?

    python -m benchmarks.own_rule [--network resnet50] [--batch 8]

Both put z⁺ on the convolutions of one network, in turns within one run. The answers are compared
first. `formulation="plain"`, which evaluates the same shares as they are written, is the third.
"""

import argparse
import statistics
from typing import Any

import flax.struct
import numpy as np

import ir
import jlrp
from benchmarks.measure import interleaved, machine
from benchmarks.networks import NETWORKS, caffe, file_of, photographs
from benchmarks.results import keep

ROUNDS = 7


@flax.struct.dataclass
class OwnPlus(jlrp.ShareRule):
    """Positive contributions only."""

    epsilon: float = 1e-6

    def shares(self, op: ir.Op) -> tuple[jlrp.Signed, ...]:
        return (jlrp.Signed(agreeing=1, opposing=0, epsilon=self.epsilon),)


def main() -> None:
    """Measure, print and keep the three."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--network", choices=NETWORKS, default="resnet50")
    parser.add_argument("--batch", type=int, default=8)
    asked = parser.parse_args()
    print(f"Machine: {machine()}")
    rows = measure(asked.network, asked.batch)
    for row in rows:
        print(
            f"  {row['rule']:<18} {row['ms_per_image']:8.1f} ms an image, {row['ratio']:.2f} × "
            "built-in"
        )
    print(f"\nKept in {keep('own_rule', rows)}")


def measure(network: str, batch: int) -> list[dict[str, Any]]:
    """One row for each of the three."""
    model, images = ir.load(file_of(network)), caffe(photographs(batch))
    plus = (jlrp.Kind(ir.Convolution), jlrp.ZPlus())
    own = (jlrp.Kind(ir.Convolution), OwnPlus())
    built_in, written = (jlrp.PRESETS["epsilon_plus"]().with_rules(entry) for entry in (plus, own))
    calls = {
        name: jlrp.explainer(model.graph, rules, formulation=formulation).bind(model.params)
        for name, rules, formulation in (
            ("built-in", built_in, "fast"),
            ("written by a user", written, "fast"),
            ("plain", written, "plain"),
        )
    }
    maps = {name: np.asarray(call(images).relevance) for name, call in calls.items()}
    for name, found in maps.items():
        difference = np.abs(found - maps["built-in"]).max() / np.abs(maps["built-in"]).max()
        if not difference <= 1e-4:  # float32, through 50 layers
            raise SystemExit(f"The maps of {name} differ by {difference:.1e}: nothing is timed.")
    times = interleaved(
        {name: lambda call=call: call(images) for name, call in calls.items()}, ROUNDS
    )
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    return [
        {
            "network": network,
            "batch": batch,
            "rule": name,
            "ms_per_image": 1e3 * median / batch,
            "ratio": median / medians["built-in"],
        }
        for name, median in medians.items()
    ]


if __name__ == "__main__":
    main()
