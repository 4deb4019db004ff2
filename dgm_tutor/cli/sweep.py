"""``dgm-tutor sweep``: one model for many values of a setting, as one stack here or one by one on a cluster."""

import argparse
from pathlib import Path

from dgm_tutor import models, training
from dgm_tutor.cli.command import Command, show, wrote
from dgm_tutor.cli.train import common, how, literal, row, steps_of, training_data, values
from dgm_tutor.training.cluster import run_all


def grid(text: str) -> list[float | int]:
    """``low:high:count`` spaced evenly on a log scale, or ``a,b,c`` as it stands, whole numbers as such."""
    try:
        if ":" not in text:
            return [int(value) if value.strip().isdigit() else float(value) for value in text.split(",")]
        low, high, count = text.split(":")
        low, high, count = float(low), float(high), int(count)
    except ValueError:
        raise ValueError(f"cannot read the values {text!r}: expected low:high:count (log scale) or a,b,c") from None
    if not (0 < low < high and count >= 2):
        raise ValueError(f"cannot space {text!r} on a log scale: expected 0 < low < high and a count of at least 2")
    return [low * (high / low) ** (i / (count - 1)) for i in range(count)]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="one by one over the Dask cluster at tcp://HOST:PORT, or 'local' for processes here (default: one stack)",
    )
    parser.add_argument("--workers", type=int, default=2, help="processes of --scheduler local (default 2)")
    common(parser)


def _sweep(args: argparse.Namespace) -> int:
    args.steps = steps_of(args)
    given = values(args)
    swept = {key: grid(text) for key, text in given.items() if ":" in text or "," in text and "(" not in text}
    if len(swept) != 1:
        raise ValueError(f"expected one setting with several values, such as --beta 0.1:10:16, got {len(swept)}")
    ((name, points),) = swept.items()
    fixed = {key: literal(value) for key, value in given.items() if key != name}
    label = "_".join([args.name, args.data, *(f"{k}={v}" for k, v in given.items()), f"seed={args.seed}"])
    label = label.replace(":", "-")
    labels = [f"{label}_{index:0{len(str(len(points)))}d}" for index in range(len(points))]
    one = _together if args.scheduler is None else _one_by_one
    return one(args, fixed, name, points, label, labels)


def _together(
    args: argparse.Namespace, fixed: dict, name: str, points: list[float], label: str, labels: list[str]
) -> int:
    x, decided, transform = training_data(args, fixed)
    members = [models.create(args.name, seed=args.seed, **(decided | fixed | {name: point})) for point in points]
    history = training.sweep(members, x, **how(args, label, transform))
    rows = []
    for index, model in enumerate(members):
        path = models.save(model, args.out / f"{labels[index]}.safetensors")
        rows.append(row({name: points[index]}, history, index, path))
    show(rows, args.json)
    wrote(args.out, f"{len(rows)} files of weights")
    return 130 if history.interrupted else 0


def _one_by_one(
    args: argparse.Namespace, fixed: dict, name: str, points: list[float], label: str, labels: list[str]
) -> int:
    shared = {
        key: getattr(args, key) for key in ("name", "data", "full", "steps", "batch_size", "lr", "seed", "device")
    }
    shared["out"] = str(args.out.resolve())  # workers start elsewhere
    items = [
        {"label": one, "swept": {name: point}, "fixed": fixed, **shared}
        for one, point in zip(labels, points, strict=True)
    ]
    _, decided, _ = training_data(args, fixed)
    for point in points:  # a wrong name or value is refused here, before anything is sent away
        models.create(args.name, seed=args.seed, **(decided | fixed | {name: point}))
    keep = [Path(shared["out"]) / f"{one}_steps={args.steps}.json" for one in labels]
    show(run_all(member, items, keep, args.scheduler, args.workers, progress=not args.json), args.json)
    wrote(args.out, f"{len(items)} files of weights")
    return 0


def member(item: dict) -> dict:
    """Train one model of a sweep, wherever this runs; goes on from its checkpoint. Returns its row of the result."""
    args = argparse.Namespace(**{**item, "out": Path(item["out"]), "json": True})
    x, decided, transform = training_data(args, item["fixed"])
    model = models.create(args.name, seed=args.seed, **(decided | item["fixed"] | item["swept"]))
    history = training.fit(model, x, **how(args, args.label, transform))
    return row(item["swept"], history, None, models.save(model, args.out / f"{args.label}.safetensors"))


SWEEP = Command("sweep", "Train one model for many values of a setting at once (--beta 0.1:10:16).", _arguments, _sweep)
