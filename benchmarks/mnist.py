"""Models on full, dynamically binarised MNIST, each for the same budget: the numbers of docs/models/mnist.md.

    python benchmarks/mnist.py vae pixelcnn [--minutes 10] [--folder runs/mnist]    # train and evaluate; resumes
    python benchmarks/mnist.py --table                                             # write docs/models/mnist.md again

The budget is the training process's own processor time on one thread, 120 s for each of --minutes (two cores), so
that a busy machine makes a run longer, not worse. A killed run, started again, goes on where it was, budget included;
at most one portion (10 s) is lost or goes uncounted. Each model's result lands in benchmarks/results/mnist/NAME.json.
"""

import argparse
import inspect
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from dgm_tutor import __version__, data, models, training
from dgm_tutor.files import write_bytes
from dgm_tutor.models import Model
from dgm_tutor.models.registry import RECIPES

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results" / "mnist"
TABLE = ROOT / "docs" / "models" / "mnist.md"
PORTION = 10.0  # processor seconds between checkpoints
BEGIN, END = "<!-- table -->", "<!-- end of table -->"
PHASES = ((0.8, 1.0), (1.0, 0.1))  # until this share of the budget, this factor of the learning rate


@dataclass(frozen=True)
class Entry:
    """How a model of the table is made, trained and evaluated, and the paper's figure beside it."""

    settings: dict
    batch_size: int
    lr: float
    samples: int | None  # K of the importance-weighted bound; None: log p(x) is exact
    images: int  # the first ones of the test set
    figure: str
    paper: str


VECTORS = {"hidden": (500, 500), "z_dim": 40}
FLOW = {"layers": 4, "flow_hidden": (320,)}
ENTRIES = {
    "vae": Entry(VECTORS, 128, 1e-3, 500, 2000, "81.08", "Kingma et al. 2016, ResNet VAE, diagonal posterior"),
    "flow_posterior_vae": Entry(
        {"posterior": "iaf", **FLOW, **VECTORS}, 128, 1e-3, 500, 2000, "79.10", "Kingma et al. 2016, ResNet VAE, IAF"
    ),
    "flow_prior_vae": Entry(
        {"prior": "maf", **FLOW, **VECTORS}, 128, 1e-3, 500, 2000, "79.30 (static)", "Chen et al. 2017, AF prior"
    ),
    "pixelcnn": Entry(
        {"layers": 5, "channels": 16}, 32, 3e-3, None, 2000, "81.30", "PixelCNN, from Gulrajani et al. 2017"
    ),
    "pixel_vae": Entry({}, 32, 3e-3, 100, 1000, "<= 80.64", "Gulrajani et al. 2017, PixelVAE"),
}


def train(name: str, folder: Path, budget: float, x: Tensor) -> tuple[Model, dict]:
    """Train until ``budget`` processor seconds are spent, those before a kill included; the model and its log."""
    entry = ENTRIES[name]
    log_file = folder / f"{name}.json"
    log = json.loads(log_file.read_text()) if log_file.exists() else {"budget": budget, "phases": []}
    if log["budget"] != budget:
        raise SystemExit(
            f"{log_file} is a run of {log['budget']:g} s, not {budget:g} s: move it away, or ask for those"
        )
    model = models.create(name, **entry.settings)
    for index, (until, factor) in enumerate(PHASES):
        if len(log["phases"]) == index:
            log["phases"].append({"steps": 0, "seconds": 0.0})
        phase = log["phases"][index]
        checkpoint = folder / f"{name}.{index}.safetensors"
        phase["steps"] = _steps_in(checkpoint)  # a run killed before its log was written is that much further
        how = {
            "batch_size": entry.batch_size,
            "lr": factor * entry.lr,
            "seed": index,
            "transform": data.binarise,
            "device": "cpu",
            "checkpoint": checkpoint,
            "progress": False,
        }
        _catch_up(phase, how["checkpoint"])
        if phase["steps"]:
            training.fit(model, x, steps=phase["steps"], **how)  # no step: the checkpoint's weights
        while (spent := sum(p["seconds"] for p in log["phases"])) < until * budget:
            pace = phase["seconds"] / phase["steps"] if phase["steps"] else PORTION / 10
            portion = max(1, int(min(PORTION, until * budget - spent) / pace))
            start = time.process_time()
            history = training.fit(model, x, steps=phase["steps"] + portion, **how)
            phase["seconds"] += time.process_time() - start
            phase["steps"] = history.steps[-1]
            write_bytes(log_file, json.dumps(log).encode())
            total = history[next(column for column in history.columns if column.endswith("/total"))][-20:].mean()
            print(f"{name}: {spent:.0f} of {budget:.0f} s, step {phase['steps']}, loss {total:.2f} nats", flush=True)
            if history.interrupted:
                raise KeyboardInterrupt
    return model, log


def _steps_in(checkpoint: Path) -> int:
    if not checkpoint.exists():
        return 0
    with safe_open(checkpoint, "pt") as file:
        return json.loads(file.metadata()["dgm_tutor"])["step"]


def _catch_up(phase: dict, checkpoint: Path) -> None:
    """Charge the steps of a killed portion that its checkpoint holds and the log does not, at the pace so far."""
    if not checkpoint.exists():
        return
    with safe_open(checkpoint, framework="pt") as file:
        steps = json.loads(file.metadata()["dgm_tutor"])["step"]
    if phase["steps"]:
        phase["seconds"] *= steps / phase["steps"]
        phase["steps"] = steps
    else:
        checkpoint.unlink()  # killed in its first portion, of which no time is known: begin again


def evaluate(model: Model, x: Tensor, samples: int | None) -> dict:
    """-log p(x) of every image, exact or by the importance-weighted bound, as means with their standard errors."""
    torch.manual_seed(0)
    blocks = x.split(50)
    if samples is None:
        return {"nll": _estimate(torch.cat([-model.log_prob(block) for block in blocks]))}
    return {
        "nll": _estimate(torch.cat([-model.log_marginal(block, samples=samples) for block in blocks])),
        "bound": _estimate(torch.cat([-model.elbo(block, samples=10) for block in blocks])),
    }


def _estimate(values: Tensor) -> dict:
    return {"nats": values.double().mean().item(), "standard_error": values.double().std().item() / len(values) ** 0.5}


def result_of(name: str, folder: Path, budget: float, mnist: data.Dataset) -> dict:
    """Train and evaluate one model; the test images are binarised once, with a fixed seed."""
    entry = ENTRIES[name]
    model, log = train(name, folder, budget, mnist.train.pixels().flatten(1))
    x = data.binarise(mnist.test.pixels().flatten(1)[: entry.images], torch.Generator().manual_seed(0))
    defaults = {key: p.default for key, p in inspect.signature(RECIPES[name]).parameters.items()}
    start = time.process_time()
    values = evaluate(model, x, entry.samples)
    return {
        "model": name,
        "settings": defaults | entry.settings,
        "batch_size": entry.batch_size,
        "lr": entry.lr,
        "budget_seconds": budget,
        "steps": sum(phase["steps"] for phase in log["phases"]),
        "parameters": sum(p.numel() for p in model.parameters()),
        "images": len(x),
        "samples": entry.samples,
        **values,
        "evaluation_seconds": round(time.process_time() - start, 1),
        "torch": torch.__version__,
        "dgm_tutor": __version__,
    }


def table() -> str:
    """The rows of all results there are, in Markdown."""
    lines = [
        "| model | test NLL, nats | bound it trained on | images, K | steps | parameters | paper |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, entry in ENTRIES.items():
        path = RESULTS / f"{name}.json"
        if not path.exists():
            continue
        r = json.loads(path.read_text())
        exact = "exact" if r["samples"] is None else f"K = {r['samples']}"
        lines.append(
            f"| `{name}` | {_shown(r['nll'])} | {_shown(r.get('bound'))} | {r['images']:,}, {exact} | {r['steps']:,} "
            f"| {r['parameters'] / 1e6:.2f} M | {entry.figure} ({entry.paper}) |"
        )
    return "\n".join(lines)


def _shown(estimate: dict | None) -> str:
    return "" if estimate is None else f"{estimate['nats']:.2f} ± {estimate['standard_error']:.2f}"


def write_table() -> None:
    """Put the rows between the markers of docs/models/mnist.md; the prose around them stays."""
    before, rest = TABLE.read_text().split(BEGIN)
    _, after = rest.split(END)
    write_bytes(TABLE, f"{before}{BEGIN}\n{table()}\n{END}{after}".encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ENTRIES)} (default: all)")
    parser.add_argument("--minutes", type=float, default=10, help="of two cores, for each model (default 10)")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "mnist", help="checkpoints (default runs/mnist)")
    parser.add_argument("--table", action="store_true", help="only write the table from the results that there are")
    args = parser.parse_args()
    if unknown := set(args.names) - set(ENTRIES):
        parser.error(f"no model {', '.join(unknown)} in this table: there are {', '.join(ENTRIES)}")
    if not args.table:
        torch.set_num_threads(1)
        args.folder.mkdir(parents=True, exist_ok=True)
        mnist = data.load("mnist", full=True)
        for name in args.names or ENTRIES:
            result = result_of(name, args.folder, 120 * args.minutes, mnist)
            write_bytes(RESULTS / f"{name}.json", (json.dumps(result, indent=1) + "\n").encode())
            print(f"{name}: {_shown(result['nll'])} nats", flush=True)
    write_table()
    return 0


if __name__ == "__main__":
    sys.exit(main())
