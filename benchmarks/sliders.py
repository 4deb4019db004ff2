"""How long a slider takes, from the reader's hand to a changed picture, in a real JupyterLab.

    python benchmarks/sliders.py [PAGE ...] [--moves 40] [--app lab|notebook] [--json FILE]

For every slider of the pages (default: all of lecture12): median and 95th percentile, in milliseconds, over single
arrow keys and over single steps of a drag. The target is 100 ms at the 95th percentile on a quiet 2-core machine;
the load average stands beside every number, because a busy machine is slower.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

import chromium  # noqa: E402
import pages  # noqa: E402
from playwright.sync_api import sync_playwright  # noqa: E402

from tests.browser.notebook import Notebook, Slider, launch, open_notebook  # noqa: E402
from tests.browser.server import serve  # noqa: E402

WARM_UP = 3
TARGET = 100.0  # milliseconds


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="page names such as 10_beta_vae")
    parser.add_argument("--moves", type=int, default=40, help="timed moves by key, and as many by mouse (default 40)")
    parser.add_argument("--app", choices=("lab", "notebook"), default="lab")
    parser.add_argument("--json", type=Path, help="write every number here")
    args = parser.parse_args(argv)
    executable = chromium.find()
    if executable is None:
        print(chromium.MISSING, file=sys.stderr)
        return 1
    names = [source.stem for source in pages.sources(args.pages)]
    rows = measure(names, args.moves, args.app, executable)
    print(table(rows))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


def measure(names: list[str], moves: int, app: str, executable: str) -> list[dict]:
    """One row a slider and way of moving it, of all pages in ``names``."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        served = Path(folder) / "served"
        served.mkdir()
        for name in names:
            shutil.copy(pages.LECTURE / f"{name}.ipynb", served)
        browser = launch(playwright, executable)
        with serve(served, Path(folder) / "private", app) as server:
            for name in names:
                with open_notebook(browser, server, f"{name}.ipynb") as notebook:
                    notebook.run_all()
                    for slider in notebook.sliders():
                        rows += timed(notebook, name, slider, moves)
        browser.close()
    return rows


def timed(notebook: Notebook, name: str, slider: Slider, moves: int) -> Iterator[dict]:
    for way, run in (("keys", by_key), ("drag", by_mouse)):
        times = list(run(notebook, slider, moves + WARM_UP))[WARM_UP:]
        load = [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else []
        yield {"page": name, "slider": slider.label, "way": way, **summary(times), "load": load, "times": times}
        notebook.settle()


def by_key(notebook: Notebook, slider: Slider, moves: int) -> Iterator[float | None]:
    """Single arrow keys, a rest between them, turning round at the ends."""
    notebook.handle(slider).focus()
    key = notebook.key(slider)
    for _ in range(moves):
        at = notebook.js("dgm.range", slider.index)
        if not at["low"] < at["value"] < at["high"]:
            key = notebook.key(slider)
        with notebook.watching() as seen:
            notebook.page.keyboard.press(key)
        yield seen[0].milliseconds


def by_mouse(notebook: Notebook, slider: Slider, moves: int) -> Iterator[float | None]:
    """Single steps of one long drag, the button held down all the while."""
    with notebook.held(slider) as (x, y, far):
        for step in range(1, moves + 1):
            with notebook.watching() as seen:
                notebook.page.mouse.move(x + (far - x) * step / moves, y)
            yield seen[0].milliseconds


def summary(times: list[float | None]) -> dict:
    """Over the moves that changed a picture; a step shorter than the slider's changes none."""
    seen = sorted(t for t in times if t is not None)
    if len(seen) < 2:
        return {"moves": len(times), "changed": len(seen), "median_ms": None, "p95_ms": None}
    p95 = statistics.quantiles(seen, n=20, method="inclusive")[-1]
    median = round(statistics.median(seen), 1)
    return {"moves": len(times), "changed": len(seen), "median_ms": median, "p95_ms": round(p95, 1)}


def table(rows: list[dict]) -> str:
    lines = [f"{'page':<20}{'slider':<24}{'way':<6}{'changed':>9}{'median':>9}{'p95':>9}   load average"]
    for row in rows:
        median, p95 = (f"{row[k]:.0f} ms" if row[k] is not None else "-" for k in ("median_ms", "p95_ms"))
        slow = "  over 100 ms" if (row["p95_ms"] or 0) > TARGET else ""
        changed, load = f"{row['changed']}/{row['moves']}", " ".join(map(str, row["load"]))
        lines.append(
            f"{row['page']:<20}{row['slider'][:23]:<24}{row['way']:<6}{changed:>9}{median:>9}{p95:>9}   {load}{slow}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
