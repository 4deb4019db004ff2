"""Flows: MAF sampling against naive and zuko's, MAF densities beside zuko's and normflows', planar maps, in one run.

    python benchmarks/flows.py [--dim 64] [--hidden 512] [--batch 100] [--layers 5] [--json FILE]

The same networks with the same weights and masks, the same numbers out (checked before any time is reported). Aims, at
D = 64: sampling 5x as fast as naively; the density, forward and backward, in 0.8x zuko's time and 0.02x the time of
normflows' default. Peers are compared where they are installed (`make peers`); nothing else here needs them.
Set OMP_NUM_THREADS to fix the number of threads.
"""

import argparse
import copy
import importlib.util
import json
import math
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dgm_tutor.components import StandardNormal  # noqa: E402
from dgm_tutor.components.flows import Autoregressive, Flow, FlowPrior, Inverted, Stack, maf, planar  # noqa: E402
from dgm_tutor.components.flows.monotone import bounded  # noqa: E402

TARGET = 5.0
TOLERANCE = 1e-3  # single precision, through all layers
DENSITY_TOLERANCE = 1e-5  # nats per dimension
PLANAR_MAPS = 32


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("dim", 64), ("hidden", 512), ("batch", 100), ("layers", 5), ("repeats", 5)):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--json", type=Path, help="write every number here")
    args = parser.parse_args(argv)
    torch.manual_seed(0)
    prior = FlowPrior(StandardNormal(args.dim), maf(args.dim, args.layers, (args.hidden, args.hidden)))
    rows = [sampling(prior, args), *sampling_beside_zuko(prior, args), *densities(prior, args), *planar_maps(args)]
    about = f"D = {args.dim}, hidden {args.hidden} x 2, {args.layers} layers, batch {args.batch}"
    print(f"{about}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    for row in rows:
        print(f"{row['work']:<54}{row['ours_ms']:9.1f} ms{row['other_ms']:10.1f} ms{row['ratio']:8.2f}x")
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


@torch.no_grad()
def sampling(prior: FlowPrior, args: argparse.Namespace) -> dict:
    """Sampling in small steps, and by a whole pass for each coordinate, from the same noise."""
    z = torch.randn(args.batch, args.dim)
    layers = prior.transform.transforms

    def walk(way: str) -> Tensor:
        x = z
        for layer in layers:
            x = getattr(layer.made, way)(lambda z_i, p, g=layer.monotone: g.forward(z_i, p)[0], x)
        return x

    difference = (walk("incremental") - walk("sequential")).abs().max().item()
    if not difference < TOLERANCE:
        raise SystemExit(f"the two samplers differ by {difference:.3g}: no time is reported for a wrong answer")
    ours, naive = timed(args.repeats, lambda: walk("incremental"), lambda: walk("sequential"))
    return row(f"MAF sampling, naive / incremental (aim {TARGET:g})", ours, naive)


@torch.no_grad()
def sampling_beside_zuko(prior: FlowPrior, args: argparse.Namespace) -> list[dict]:
    """zuko's sampler, a whole pass for each coordinate, with our weights and from the same noise; where installed."""
    if importlib.util.find_spec("zuko") is None:
        return []
    ours = copy.deepcopy(prior)
    constant_scales(ours)
    theirs, z = zuko_like(ours, args)[1].flow().transform.inv, torch.randn(args.batch, args.dim)
    difference = (ours.transform(z)[0] - theirs(z)).abs().max().item()
    if not difference < TOLERANCE:
        raise SystemExit(f"zuko's samples differ by {difference:.3g}: no time is reported")
    ours_s, theirs_s = timed(args.repeats, lambda: ours.transform(z), lambda: theirs(z))
    return [row("MAF sampling and its density, zuko / ours", ours_s, theirs_s)]


def densities(prior: FlowPrior, args: argparse.Namespace) -> list[dict]:
    """log_prob forward and backward, beside each peer that is installed."""
    rows, x = [], torch.randn(args.batch, args.dim)
    for name, aim, copied in (("zuko", 0.8, zuko_like), ("normflows", 0.02, normflows_like)):
        if importlib.util.find_spec(name) is None:
            print(f"{name} is not installed: no comparison with it")
            continue
        ours = copy.deepcopy(prior)
        constant_scales(ours)
        same, theirs = copied(ours, args)
        with torch.no_grad():
            difference = (same.log_prob(x) - theirs.log_prob(x)).abs().max().item() / args.dim
        if not difference < DENSITY_TOLERANCE:
            raise SystemExit(f"{name}'s density differs by {difference:.3g} nats per dimension: no time is reported")
        ours_s, theirs_s = timed(args.repeats, gradients(ours, ours(), x), gradients(theirs, theirs, x))
        rows.append(row(f"MAF density and gradients, {name} / ours (aim {1 / aim:g})", ours_s, theirs_s))
    return rows


def planar_maps(args: argparse.Namespace) -> list[dict]:
    """A stack of planar maps with its log-determinant, forward and backward, beside normflows' with our parameters."""
    if importlib.util.find_spec("normflows") is None:
        return []
    from normflows.flows import Planar

    ours = planar(args.dim, PLANAR_MAPS)
    vectors = [of_map.parameters_of(None) for of_map in ours.transforms]
    theirs = nn.ModuleList(Planar((args.dim,), u=u[None], w=w[None], b=b) for u, w, b in vectors)

    def their_stack(z: Tensor) -> tuple[Tensor, Tensor]:
        total = z.new_zeros(len(z))
        for of_map in theirs:
            z, log_det = of_map(z)
            total = total + log_det
        return z, total

    def step(module: nn.Module, stack: Callable) -> Callable[[], Tensor]:
        def work() -> Tensor:
            module.zero_grad()
            x, log_det = stack(z)
            loss = (x.square().sum(1) / 2 - log_det).mean()
            loss.backward()
            return loss

        return work

    z = torch.randn(args.batch, args.dim)
    works = step(ours, ours), step(theirs, their_stack)
    difference = (works[0]() - works[1]()).abs().item() / args.dim
    if not difference < DENSITY_TOLERANCE:
        raise SystemExit(f"normflows' planar maps differ by {difference:.3g} per dimension: no time is reported")
    return [row(f"{PLANAR_MAPS} planar maps and gradients, normflows / ours", *timed(10 * args.repeats, *works))]


def gradients(module: nn.Module, density: Distribution, x: Tensor) -> Callable[[], None]:
    """A step of maximum likelihood without the optimiser."""

    def work() -> None:
        module.zero_grad()
        (-density.log_prob(x).mean()).backward()

    return work


@torch.no_grad()
def constant_scales(prior: FlowPrior) -> None:
    """Scales that do not look at x, each its own: the libraries bound theirs in three ways, which then agree."""
    for layer in prior.transform.transforms:
        last = layer.made.layers[-1]
        last.weight[1::2] = 0
        last.bias[1::2] = 0.1 + 0.3 * torch.rand(len(last.bias) // 2)


@torch.no_grad()
def copied_into(linears: list[nn.Linear], layer: Autoregressive, scale_row: int, raw_scale: Callable) -> None:
    """Our masks and weights in a peer's layers; z = (x - mu) exp(-alpha) becomes z = scale x + shift."""
    for theirs, ours in zip(linears, layer.made.layers, strict=True):
        theirs.weight.copy_(ours.weight)
        theirs.bias.copy_(ours.bias)
        theirs.mask.copy_(ours.mask)
    mu, alpha = layer.made.layers[-1].bias.view(-1, 2).unbind(-1)
    scale = (-bounded(alpha)).exp()
    weight, bias = linears[-1].weight.unflatten(0, (-1, 2)), linears[-1].bias.view(-1, 2)
    mask = linears[-1].mask.unflatten(0, (-1, 2))
    weight[:, 1 - scale_row] = -scale[:, None] * layer.made.layers[-1].weight[::2]
    bias[:, 1 - scale_row] = -scale * mu
    weight[:, scale_row], bias[:, scale_row] = 0, raw_scale(scale)
    mask[:, 0] = mask[:, 1]


def zuko_like(prior: FlowPrior, args: argparse.Namespace) -> tuple[Distribution, nn.Module]:
    """Our density, and zuko's MAF with our weights."""
    import zuko

    hidden = (args.hidden, args.hidden)
    flow = zuko.flows.MAF(args.dim, transforms=args.layers, hidden_features=hidden, activation=nn.ELU)
    for transform, layer in zip(flow.transform.transforms, reversed(prior.transform.transforms), strict=True):
        linears = [module for module in transform.hyper if isinstance(module, nn.Linear)]
        copied_into(linears, layer, 1, lambda scale: scale.log() / (1 - (scale.log() / math.log(1e-3)).abs()))
    return prior(), Peer(flow, lambda x: flow().log_prob(x))


def normflows_like(prior: FlowPrior, args: argparse.Namespace) -> tuple[Distribution, nn.Module]:
    """normflows' masked autoregressive flow as it comes, whose density runs coordinate by coordinate, with our
    weights; and our own flow turned round, which is the same density."""
    import normflows

    flows = []
    for layer in prior.transform.transforms:
        flow = normflows.flows.MaskedAffineAutoregressive(
            args.dim, args.hidden, num_blocks=1, use_residual_blocks=False, activation=F.elu
        )
        made = flow.autoregressive_net
        linears = [made.initial_layer, made.blocks[0].linear, made.final_layer]
        copied_into(linears, layer, 0, lambda scale: torch.logit(scale - 1e-3) - 2)
        made.initial_layer = nn.Sequential(made.initial_layer, nn.ELU())  # theirs has one activation less
        flows.append(flow)
    model = normflows.NormalizingFlow(normflows.distributions.DiagGaussian(args.dim, trainable=False), flows)
    turned = Stack(*(Inverted(layer) for layer in prior.transform.transforms))
    return Flow(prior.base(), turned), Peer(model, model.log_prob)


class Peer(nn.Module):
    """Another library's flow, asked for its density."""

    def __init__(self, flow: nn.Module, log_prob: Callable[[Tensor], Tensor]):
        super().__init__()
        self.flow, self.log_prob = flow, log_prob


def timed(repeats: int, *works: Callable[[], object]) -> list[float]:
    """Median seconds of each, the processor's on one thread, in turn so that a busy moment hurts them alike."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    for work in works:
        work()
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for seconds, work in zip(times, works, strict=True):
            start = clock()
            work()
            seconds.append(clock() - start)
    return [statistics.median(seconds) for seconds in times]


def row(work: str, ours: float, other: float) -> dict:
    return {"work": work, "ours_ms": 1e3 * ours, "other_ms": 1e3 * other, "ratio": other / ours}


if __name__ == "__main__":
    sys.exit(main())
