"""``dgm-tutor train``, and what ``sweep`` shares with it."""

import argparse
import ast
import importlib.util
import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from dgm_tutor import data, models, training
from dgm_tutor.cli.command import Command, add_json, show, wrote
from dgm_tutor.cli.examples import examples
from dgm_tutor.models.registry import RECIPES

STEPS = 2000
DEAR = {"pixel_vae": 800, "pixelcnn": 300, "rnn": 1500, "vrnn": 800}  # about a minute of two cores for these as well


def _settings_of_recipes() -> dict[str, object]:
    return {name: p.default for recipe in RECIPES.values() for name, p in inspect.signature(recipe).parameters.items()}


def common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help=f"the model: {', '.join(models.names())}")
    parser.add_argument("--data", default="mnist", help=f"the data set: {', '.join(data.names())} (default mnist)")
    parser.add_argument("--full", action="store_true", help="the full data set, downloaded once, not the embedded one")
    fewer = ", ".join(f"{steps} for {name}" for name, steps in DEAR.items())
    parser.add_argument("--steps", type=int, help=f"training steps in all (default {STEPS}; {fewer})")
    parser.add_argument("--batch-size", type=int, default=128, help="examples a step (default 128)")
    parser.add_argument("--lr", type=float, default=1e-3, help="learning rate (default 0.001)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, data order and noise (default 0)")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (default auto)")
    parser.add_argument("--out", type=Path, default=Path("runs"), help="folder for weights (default runs)")
    add_json(parser)
    taken = {option for action in parser._actions for option in action.option_strings}
    group = parser.add_argument_group("settings of the model")
    for name, default in _settings_of_recipes().items():
        flag = f"--{name.replace('_', '-')}"
        if flag in taken:
            flag = f"--model{flag[1:]}"  # --steps are training's: a model's own are --model-steps
        group.add_argument(flag, dest=f"set_{name}", metavar="VALUE", help=f"default {default}")


def steps_of(args: argparse.Namespace) -> int:
    """The steps asked for, or those that train the model in about a minute of two cores."""
    return DEAR.get(args.name, STEPS) if args.steps is None else args.steps


def values(args: argparse.Namespace) -> dict[str, str]:
    """The model's settings that were given, as written."""
    given = {key.removeprefix("set_"): value for key, value in vars(args).items() if key.startswith("set_")}
    return {key: value for key, value in given.items() if value is not None}


def literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def training_data(args: argparse.Namespace, settings: dict) -> tuple[torch.Tensor, dict, dict]:
    """x as (n, D), the settings that the data decide, and the transform of ``fit`` where x needs one."""
    split = data.load(args.data, full=args.full, seed=args.seed).train
    x, decided, transform = examples(args.name, args.data, split, settings)
    return x, decided, {"transform": transform} if transform else {}


def how(args: argparse.Namespace, name: str, transform: dict) -> dict:
    return {
        "steps": args.steps,
        "batch_size": args.batch_size,
        "lr": args.lr,
        "seed": args.seed,
        "device": args.device,
        "checkpoint": args.out / f"{name}.checkpoint.safetensors",
        "progress": not args.json,
        **transform,
    }


def row(values: dict, history: training.History, index: int | None, path: Path) -> dict:
    alone = len({key.split("/")[0] for key in history.columns}) == 1  # with one player, its terms need no name before
    last = {
        key.split("/")[1] if alone else key: history[key][-20:].mean(0)
        for key in sorted(history.columns, key=_total_first)
    }
    numbers = {key: float(value if index is None else value[index]) for key, value in last.items()}
    return {**values, "steps": history.steps[-1], **numbers, "weights": str(path)}


def _total_first(column: str) -> tuple[bool, str]:
    return not column.endswith("/total"), column


def _train_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--full-size", action="store_true", help="the sizes of the model's paper; settings override")
    common(parser)


@contextmanager
def _fabric(device: str) -> Iterator[Any]:
    """Under torchrun, the processes that train together, until all is done and kept; else None."""
    world, local = (int(os.environ.get(name, "1")) for name in ("WORLD_SIZE", "LOCAL_WORLD_SIZE"))
    if world == 1:
        yield None
        return
    if importlib.util.find_spec("lightning_fabric") is None:
        raise RuntimeError("training in several processes needs Lightning Fabric: pip install lightning-fabric")
    from lightning_fabric import Fabric

    fabric = Fabric(accelerator=device, strategy="ddp", devices=local, num_nodes=world // local)
    fabric.launch()
    yield fabric
    torch.distributed.destroy_process_group()  # left to the interpreter's end, its threads may end the process


def _train(args: argparse.Namespace) -> int:
    args.steps = steps_of(args)
    with _fabric(args.device) as fabric:
        settings = {key: literal(value) for key, value in values(args).items()}
        x, decided, transform = training_data(args, settings)
        model = models.create(args.name, seed=args.seed, full=args.full_size, **(decided | settings))
        size = ["full-size"] if args.full_size else []
        given = [f"{key}={value}" for key, value in values(args).items()]
        label = "_".join([args.name, args.data, *size, *given, f"seed={args.seed}"])
        history = training.fit(model, x, **how(args, label, transform), fabric=fabric)
        if fabric and fabric.global_rank:
            return 130 if history.interrupted else 0  # the first process writes and speaks for all
        path = models.save(model, args.out / f"{label}.safetensors")
        show([row({"model": args.name}, history, None, path)], args.json)
        wrote(path)
        return 130 if history.interrupted else 0


TRAIN = Command("train", "Train a model and keep its weights; made again, the call resumes.", _train_arguments, _train)
