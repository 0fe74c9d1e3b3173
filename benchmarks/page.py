"""Write `docs/benchmarks.md` and its picture from the results in `benchmarks/results/`.

python -m benchmarks.page
"""

import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from benchmarks.measure import ROOT
from benchmarks.results import kept
from benchmarks.scaling import slope

PAGE, PICTURE = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.svg"
NOTES = Path(__file__).parent / "notes.md"
GIB = 2**30


def main() -> None:
    """Write the page and the picture."""
    parts = ["# Numbers", NOTES.read_text().strip()]
    for name, section in SECTIONS.items():
        document = kept(name)
        if document is not None:
            parts.append(f"{section(document)}\n\n{provenance(document)}")
    PAGE.write_text("\n\n".join(parts) + "\n")
    print(f"Written: {PAGE}")
    peers = kept("peers")
    if peers is not None:
        figure = picture(peers["rows"])
        FigureCanvasSVG(figure).print_svg(PICTURE, metadata={"Date": None})
        print(f"Written: {PICTURE}")


def provenance(document: dict[str, Any]) -> str:
    """The date, machine and versions of a section."""
    versions = "".join(
        f", {name} {version}" for name, version in document.get("versions", {}).items()
    )
    return f"*{document['date']}: {document['machine']}{versions}.*"


def peers_section(document: dict[str, Any]) -> str:
    """The section that compares with other libraries."""
    rows = [
        (
            row["network"],
            row["batch"],
            f"{row['peer']}, `{row['preset']}`",
            f"{row['theirs_ms']:.0f}",
            f"{row['ours_ms']:.0f}",
            f"**{row['ratio']:.1f} ×**",
            f"{row['ours_bytes'] / GIB:.2f} of {row['theirs_bytes'] / GIB:.2f}",
            "another rule" if row["difference"] is None else f"{row['difference']:.0e}",
        )
        for row in document["rows"]
    ]
    heads = (
        "network",
        "batch",
        "beside",
        "theirs, ms an image",
        "ours",
        "ratio",
        "peak memory, GiB",
        "maps differ by",
    )
    return f"## Beside zennit, captum and PyTorch\n\n![](benchmarks.svg)\n\n{table(heads, rows)}"


def throughput_section(document: dict[str, Any]) -> str:
    """The section that compares with the forward pass and the floor."""
    rows = [
        (
            row["network"],
            row["batch"],
            f"`{row['preset']}`" if row["preset"] != "forward" else "forward pass",
            "" if row["preset"] == "forward" else row["weights"],
            f"{row['images_per_s']:.1f}",
            f"{row['ms_per_image']:.1f}",
            f"{row['of_forward']:.2f}",
            f"{row['of_floor']:.2f}",
            f"{row['compile_s']:.1f}" if "compile_s" in row else "",
            f"{row['peak_bytes'] / GIB:.2f}" if "peak_bytes" in row else "",
        )
        for row in document["rows"]
    ]
    heads = (
        "network",
        "batch",
        "preset",
        "weights",
        "images/s",
        "ms an image",
        "× forward",
        "× floor",
    )
    rates = {row["network"]: row["product_rate"] for row in document["rows"]}
    rate = " and ".join(
        f"{rate / 1e9:.0f} GFLOP/s beside {network}" for network, rate in rates.items()
    )
    rate = f"In the same runs, a large product of matrices reached {rate}."
    return f"## Throughput\n\n{rate}\n\n{table((*heads, 'compile, s', 'peak, GiB'), rows)}"


def scaling_section(document: dict[str, Any]) -> str:
    """The section on how the cost grows."""
    found = []
    words = {
        "batch": "images in a batch",
        "batch_size=8": "images, `batch_size=8`",
        "size": "pixels along a side, two images",
        "classes": "classes of two images",
        "rules": "distinct rules, two images",
    }
    for row in document["rows"]:
        memory = f"{row['peak_bytes'] / GIB:.2f}" if "peak_bytes" in row else ""
        found.append(
            (
                f"{row['value']} {words[row['what']]}",
                f"{row['seconds']:.2f}",
                f"{row['ms_per_unit']:.1f}",
                f"{row['compile_s']:.1f}",
                memory,
            )
        )
    heads = (
        "ResNet50, `epsilon_plus`",
        "s",
        "ms per image of 224×224 and class",
        "compile, s",
        "peak, GiB",
    )
    growth = {
        what: slope(
            [r["value"] ** power for r in document["rows"] if r["what"] == what],
            [r["seconds"] for r in document["rows"] if r["what"] == what],
        )
        for what, power in (("batch", 1), ("size", 2))
    }
    said = (
        f"Seconds grow as the batch to the power {growth['batch']:.2f}, and as the number of "
        "pixels to the power "
        f"{growth['size']:.2f}; 1 is linear."
    )
    return f"## How the cost grows\n\n{said}\n\n{table(heads, found)}"


def startup_section(document: dict[str, Any]) -> str:
    """The section on imports and the command line."""
    rows = [
        (row["what"], f"{row['seconds']:.2f}", f"{row['ended']:.2f}" if "ended" in row else "")
        for row in document["rows"]
    ]
    return f"## Starting\n\n{table(('what', 's until done, or until it computes', 's until all is written'), rows)}"


def original_section(document: dict[str, Any]) -> str:
    """The section that compares with the loops of 2019."""
    rows = [
        (
            row["network"],
            f"`{row['preset']}`",
            row["batch"],
            f"{row['loops_images_per_s']:.4f}",
            f"{row['images_per_s']:.2f}",
            f"**{row['ratio']:,.0f} ×**",
        )
        for row in document["rows"]
    ]
    heads = ("network", "preset", "batch", "loops, images/s", "ours, images/s", "ratio")
    return (
        "## Beside the original loops\n\n"
        "On the digits network the loops run on a whole image. On ResNet50 their time is summed "
        "over "
        "the layers. There each convolution is measured on 1000 output positions and scaled up. "
        "The "
        "loops' forward pass is not counted, ours is. There are loops for `crawford2019_original` "
        f"alone; the other preset is set beside the same ones.\n\n{table(heads, rows)}"
    )


SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "peers": peers_section,
    "throughput": throughput_section,
    "scaling": scaling_section,
    "startup": startup_section,
    "original": original_section,
}
"""The functions that turn each kind of result into a section."""


def table(heads: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """A table in Markdown."""
    lines = [list(heads), *([str(cell) for cell in row] for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def picture(rows: list[dict[str, Any]]) -> Figure:
    """Draw the milliseconds per image of others and of jlrp: first network, largest batch."""
    network, batch = (
        rows[0]["network"],
        max(row["batch"] for row in rows if row["network"] == rows[0]["network"]),
    )
    chosen = [row for row in rows if (row["network"], row["batch"]) == (network, batch)]
    figure = Figure((8, 0.62 * len(chosen) + 1.1), layout="constrained")
    axes = figure.add_subplot()
    for place, row in enumerate(reversed(chosen)):
        theirs, ours = row["theirs_ms"], row["ours_ms"]
        axes.barh(place + 0.19, theirs, 0.36, color="#9a9a9a", label=None if place else "the other")
        axes.barh(place - 0.19, ours, 0.36, color="#1f6fb4", label=None if place else "jlrp")
        axes.text(ours, place - 0.19, f"  {row['ratio']:.1f} × as fast", va="center", fontsize=8)
    axes.set_yticks(
        range(len(chosen)),
        [f"{row['peer']}\n{row['preset']}" for row in reversed(chosen)],
        fontsize=8,
    )
    axes.set_xlabel(f"ms per image: {network}, batch {batch}, two processor cores", fontsize=9)
    axes.set_xlim(0, math.ceil(1.12 * max(row["theirs_ms"] for row in chosen) / 50) * 50)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


if __name__ == "__main__":
    main()
