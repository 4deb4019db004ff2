"""A training step of the MVAE beside multivae's, as a ratio in one run (aim 1.4x).

    OMP_NUM_THREADS=1 python benchmarks/mvae.py [--batch 128] [--hidden 400] [--repeats 15] [--json FILE]

Both have the same networks with the same weights, the same data and the same noise; their losses, with all constants,
must agree before any time is reported. The step is loss and backward; the sides take turns, the figure is the ratio of
their medians of processor time. Modalities: colour (2352), grey and edges (784 each), Gaussian; the whole and the
three single ones are the subsets.

Needs ``pip install --no-deps multivae==1.0.3 pythae cloudpickle pydantic`` in an environment of its own. What multivae
imports for its metrics and data sets (torchvision, pandas, nltk, torchmetrics) is stubbed here where it is missing.
"""

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import json
import statistics
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from dgm_tutor import data, models  # noqa: E402
from dgm_tutor.models.mvae import MVAE  # noqa: E402

AIM = 1.4
TOLERANCE = 1e-4  # relative, of losses in single precision
UNUSED = ("torchvision", "pandas", "nltk", "torchmetrics")
SIGMA = 0.1


class Stub(types.ModuleType):
    """A module that has whatever is asked of it, and does nothing."""

    __path__: list = []

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers for the modules that are not installed and not used here."""

    def __init__(self, names: list[str]):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        known = name.partition(".")[0] in self.names
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if known else None

    def create_module(self, spec):
        return Stub(spec.name)

    def exec_module(self, module):
        pass


def theirs(ours: MVAE) -> Callable[[dict], torch.Tensor]:
    """multivae's loss, with our networks as its encoders and decoders: the same modules, so the same weights."""
    missing = [name for name in UNUSED if importlib.util.find_spec(name) is None]
    sys.meta_path.append(Stubs(missing))
    print(f"stubbed, being unused here: {', '.join(missing) or 'nothing'}")
    from multivae.data.datasets.base import MultimodalBaseDataset
    from multivae.models import MVAE as Theirs
    from multivae.models import MVAEConfig
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn.base_architectures import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self, network: nn.Module):
            super().__init__()
            self.network, self.latent_dim = network, ours.prior.zero.numel()

        def forward(self, x):
            mu, log_sigma = self.network(x).chunk(2, -1)
            return ModelOutput(embedding=mu, log_covariance=2 * log_sigma)

    class Decoder(BaseDecoder):
        def __init__(self, network: nn.Module):
            super().__init__()
            self.network, self.latent_dim = network, ours.prior.zero.numel()

        def forward(self, z):
            return ModelOutput(reconstruction=self.network(z))

    config = MVAEConfig(
        n_modalities=len(ours.names),
        latent_dim=ours.prior.zero.numel(),
        input_dims={name: (size,) for name, size in zip(ours.names, ours.sizes, strict=True)},
        decoders_dist=dict.fromkeys(ours.names, "normal"),
        decoder_dist_params={name: {"scale": SIGMA} for name in ours.names},
        use_subsampling=True,
        k=0,
        warmup=0,
    )
    model = Theirs(
        config,
        {name: Encoder(network) for name, network in ours.posterior.encoders.items()},
        {name: Decoder(head.network) for name, head in ours.decoder.heads.items()},
    )
    return lambda parts: model(MultimodalBaseDataset(parts)).loss


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("batch", 128), ("hidden", 400), ("z-dim", 32), ("repeats", 15)):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"default {default}")
    parser.add_argument("--json", type=Path, help="write every number here")
    args = parser.parse_args(argv)
    torch.set_num_threads(1)
    ours = models.create(
        "mvae",
        modalities="colour_grey_edges",
        z_dim=args.z_dim,
        hidden=(args.hidden,),
        sigma=SIGMA,
        random_subsets=0,
    )
    subsets = ours.subsets()  # the whole and the single ones: nothing is drawn, so that both sides' noise is the same
    ours.subsets = lambda: subsets
    split = data.load("colour_digits").train
    parts = {name: view[: args.batch].flatten(1).float() / 255 for name, view in split.modalities.items()}
    x = ours.join(parts)
    peer = theirs(ours)
    sides = {"ours": lambda: ours.loss(x).total, "multivae": lambda: peer(parts)}
    losses = {}
    for name, loss in sides.items():
        torch.manual_seed(0)
        losses[name] = loss().item()
    print(f"losses, nats per example: {losses}")
    if abs(losses["ours"] - losses["multivae"]) > TOLERANCE * abs(losses["ours"]):
        raise SystemExit("the losses differ: no time is reported for another objective")
    seconds = timed(args.repeats, ours, sides)
    ratio = seconds["multivae"] / seconds["ours"]
    print(f"batch {args.batch}, hidden {args.hidden}, 1 thread, torch {torch.__version__}, processor time of a step:")
    print(
        f"ours {1e3 * seconds['ours']:.1f} ms, multivae {1e3 * seconds['multivae']:.1f} ms: {ratio:.2f}x (aim {AIM:g})"
    )
    if args.json:
        args.json.write_text(json.dumps({"losses": losses, "seconds": seconds, "ratio": ratio}, indent=1) + "\n")
    return 0


def timed(repeats: int, model: nn.Module, sides: dict[str, Callable[[], torch.Tensor]]) -> dict[str, float]:
    """Each side's median processor time for a loss and its gradients, in turn, so that a busy moment hurts both."""
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats + 1):  # the first turn warms up
        for name, loss in sides.items():
            model.zero_grad()
            start = time.process_time()
            loss().backward()
            times[name].append(time.process_time() - start)
    return {name: statistics.median(values[1:]) for name, values in times.items()}


if __name__ == "__main__":
    sys.exit(main())
