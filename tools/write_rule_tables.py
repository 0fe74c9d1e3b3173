"""Write `tests/golden/rules/`: which layer of which network has which rule, under every preset.

    python -m tools.write_rule_tables

A change of a preset, a predicate or a pass shows there, layer by layer. Read the difference before
you commit it.
"""

from collections.abc import Iterator
from pathlib import Path

import ir
import jlrp

ROOT = Path(__file__).parent.parent
TABLES = ROOT / "tests" / "golden" / "rules"
DATA = ROOT / "tests" / "data" / "keras" / "tfkeras2.15.1"
NETWORKS = {
    "digits_resnet": ROOT / "jlrp" / "data" / "digits_resnet.h5",
    **{
        name: DATA / f"mini_{name}.full.h5"
        for name in (
            "app_convnext",
            "app_densenet",
            "app_efficientnet",
            "app_mobilenetv2_a35",
            "app_mobilenetv3small",
            "app_nasnet",
            "app_regnet_y",
            "app_resnet_v1",
            "app_resnet_v2",
            "nested_functional",
            "rescale_norm",
            "sequential_vgg",
            "shared_multi",
        )
    },
}
"""Small files of the architectures that Keras ships, and some of the shapes that users build."""

MERGED = "merged into "

PRESETS = tuple(jlrp.PRESETS)
"""The library's own presets: others may be registered later."""


def table(path: Path) -> str:
    """One network's layers, each with the number of its rule under every preset, and the rules."""
    graph = ir.load(path).graph
    columns = {}
    for name in PRESETS:
        make = jlrp.PRESETS[name]
        composite = make(0.0, 1.0) if name == "epsilon_gamma_box" else make()
        columns[name] = composite.rule_names(graph)
    rules = dict.fromkeys(rule for column in columns.values() for rule in column.values())
    rules = [rule for rule in rules if not rule.startswith(MERGED)]
    number = {rule: str(position) for position, rule in enumerate(rules, 1)}
    rows = [("layer", "op", *map(str, range(1, len(columns) + 1)), "m: merged into")]
    for node in graph.nodes:
        own = [column[node.name] for column in columns.values()]
        merged = dict.fromkeys(r.removeprefix(MERGED) for r in own if r not in number)
        cells = (number.get(rule, "m") for rule in own)
        rows.append((node.name, type(node.op).__name__, *cells, ", ".join(merged)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "Presets",
        *(f"{position:>3}  {name}" for position, name in enumerate(columns, 1)),
        "",
        "Rules",
        *(f"{position:>3}  {rule}" for position, rule in enumerate(rules, 1)),
        "",
        *("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows),
    ]
    return "\n".join(lines) + "\n"


def tables() -> Iterator[tuple[Path, str]]:
    """Every table and the file that it belongs into."""
    for name, path in NETWORKS.items():
        yield TABLES / f"{name}.txt", table(path)


def main() -> None:
    """Write all tables."""
    TABLES.mkdir(parents=True, exist_ok=True)
    for path, text in tables():
        path.write_text(text)
        print(f"{path.relative_to(ROOT)}: {len(text.splitlines())} lines")


if __name__ == "__main__":
    main()
