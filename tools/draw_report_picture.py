"""Draw the picture of the report for the documents, with a headless Chromium.

It shows two digits under two presets.

    .venv/bin/python tools/draw_report_picture.py
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "report.png"
SHOWN = ("digit_3_a.png", "digit_4_b_read_as_9.png")
SIZE = "1180,930"


def main() -> None:
    """Write `docs/report.png`."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        sys.exit("The picture needs a Chromium, and none is installed.")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "report.html"
        images = [f"jlrp/data/digits/{name}" for name in SHOWN]
        options = [
            "--presets",
            "epsilon_plus,epsilon_plus_flat",
            "--targets",
            "top2",
            "--no-pictures",
            "--quiet",
        ]
        job = [sys.executable, "-m", "jlrp", "explain", "jlrp/data/digits_resnet.h5", *images]
        subprocess.run([*job, "-o", folder, "--report", str(page), *options], check=True, cwd=ROOT)
        look = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--window-size={SIZE}",
        ]
        subprocess.run(
            [browser, *look, f"--screenshot={PICTURE}", page.as_uri()],
            check=True,
            capture_output=True,
        )
    print(f"wrote {PICTURE}")


if __name__ == "__main__":
    main()
