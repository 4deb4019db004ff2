"""``dgm-tutor models``, ``data`` and ``evaluate``: what there is, and how good it is."""

import argparse
import inspect
import json

import torch

from dgm_tutor import data, evaluation, models
from dgm_tutor.cli.command import Command, add_json, show
from dgm_tutor.cli.examples import examples
from dgm_tutor.models.registry import RECIPES


def _models_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--table", action="store_true", help="the lecture's map: components, and weights in one family")
    add_json(parser)


def _models(args: argparse.Namespace) -> int:
    if args.table:
        found = models.table()
        print(json.dumps({"recipes": found.recipes, "family": found.family}, indent=2) if args.json else found)
        return 0
    rows = []
    for name, recipe in RECIPES.items():
        model = models.create(name)
        settings = ", ".join(f"{k}={p.default}" for k, p in inspect.signature(recipe).parameters.items())
        rows.append({"name": name, "loss": str(model.objective), "settings": settings})
    show(rows, args.json)
    return 0


def _data(args: argparse.Namespace) -> int:
    show(data.describe(), args.json)
    return 0


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    shipped = ", ".join(models.shipped())
    parser.add_argument("weights", help=f"a file made by train or sweep, or shipped weights: {shipped}")
    parser.add_argument("--data", default="mnist", help="whose test split to use (default mnist)")
    parser.add_argument("--full", action="store_true", help="the full data set's, downloaded once")
    parser.add_argument("--beta", type=float, help="for a model of every beta: the one to evaluate")
    parser.add_argument("--examples", type=int, default=500, help="how many test examples (default 500)")
    parser.add_argument("--samples", type=int, default=64, help="importance samples an example (default 64)")
    parser.add_argument("--seed", type=int, default=0, help="of binarisation and sampling (default 0)")
    add_json(parser)


def _evaluate(args: argparse.Namespace) -> int:
    model = models.load(args.weights)
    name, settings = model.name, model.settings
    if args.beta is not None:
        if not hasattr(model, "at"):
            raise ValueError(f"{args.weights} was trained for one beta: leave --beta out")
        model = model.at(args.beta)
    elif hasattr(model, "at"):
        raise ValueError(f"{args.weights} serves every beta from {model.low:g} to {model.high:g}: say which, --beta 1")
    x, _, transform = examples(name, args.data, data.load(args.data, full=args.full).test, settings)
    torch.manual_seed(args.seed)
    x = x[: args.examples]
    x = model.checked(transform(x) if transform else x)
    show(_quantities(model, x, args.samples), args.json)
    return 0


def _quantities(model: models.Model, x: torch.Tensor, samples: int) -> list[dict]:
    """log p(x) where it is exact; else its bounds, and what the first is made of where z is one vector."""
    try:
        return [_over_examples("log_prob", model.log_prob(x))]
    except models.Intractable:
        rows = [
            _over_examples("elbo", model.elbo(x, samples=samples)),
            _over_examples(f"log_marginal (K = {samples})", model.log_marginal(x, samples=samples)),
        ]
    if isinstance(model, models.LatentVariableModel):
        point = evaluation.rate_distortion(model, x, samples=samples)
        rows.append(_row("rate", point.rate.value, point.rate.standard_error))
        rows.append(_row("distortion", point.distortion.value, point.distortion.standard_error))
    return rows


def _over_examples(quantity: str, values: torch.Tensor) -> dict:
    return _row(quantity, values.mean(), values.std() / len(values) ** 0.5)


def _row(quantity: str, value, standard_error) -> dict:
    return {"quantity": quantity, "nats": float(value), "standard error": float(standard_error)}


MODELS = Command("models", "List the models, their losses and their settings.", _models_arguments, _models)
DATA = Command("data", "List the data sets, their licences and sources.", add_json, _data)
EVALUATE = Command("evaluate", "Bounds on log p(x), rate and distortion of a model.", _evaluate_arguments, _evaluate)
