"""A VAE and a VAE with an IAF posterior, trained by this package and by pythae: ratios in one run.

    .peers/bin/python benchmarks/pythae_vae.py [--steps 100] [--rounds 9] [--json FILE]

The same networks, images (binarised once, as pythae takes none anew), batch, Adam and one thread. Time is reported
after two checks. On pythae's own weights and noise our objective gives its loss: with Bernoulli pixels it drops no
constant. And both have trained to the same bound. The time is processor time, rounds alternate, medians count: of
``training.fit`` against pythae's ``trainer.train()`` (aim 1.5, under 1.3 a defect), and against its step alone.
"""

import argparse
import contextlib
import io
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from pythae.data.datasets import BaseDataset, DatasetOutput
from pythae.models import VAE, VAE_IAF, VAE_IAF_Config, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor, nn

from dgm_tutor import data, models, training
from dgm_tutor.components import BernoulliHead, GaussianHead, StandardNormal, mlp
from dgm_tutor.components.flows import MADE, Affine, Autoregressive, FlowPosterior, Inverted, Stack
from dgm_tutor.components.flows.transform import Transform
from dgm_tutor.models import LatentVariableModel
from dgm_tutor.objectives import distortion, rate

AIM = 1.5
X, Z, HIDDEN, BATCH, LR = 784, 20, 400, 128, 1e-3
FLOWS = {  # IAF layers and the hidden sizes of each; the first is what pythae takes by default
    "VAE": None,
    "VAE with IAF, 2 x (128, 128, 128)": (2, (128, 128, 128)),
    "VAE with IAF, 4 x (190,)": (4, (190,)),
}


class Encoder(BaseEncoder):
    """784-400-(20, 20), pythae's way: a network for both, the second half a log-variance."""

    def __init__(self):
        super().__init__()
        self.network = mlp([X, HIDDEN, 2 * Z])

    def forward(self, x: Tensor) -> ModelOutput:
        mu, log_sigma = self.network(x.flatten(1)).chunk(2, -1)
        return ModelOutput(embedding=mu, log_covariance=2 * log_sigma)


class Decoder(BaseDecoder):
    """20-400-784, means of pixels."""

    def __init__(self):
        super().__init__()
        self.network = mlp([Z, HIDDEN, X])

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.network(z).sigmoid())


class Theirs(Transform):
    """pythae's flow as a transform of ours, to check its loss by our objective."""

    def __init__(self, flow: nn.Module):
        super().__init__()
        self.flow = flow

    def forward(self, z: Tensor, context: Tensor | None = None) -> tuple[Tensor, Tensor]:
        out = self.flow.inverse(z.flatten(0, -2))
        return out.out.view_as(z), out.log_abs_det_jac.view(z.shape[:-1])


def peer(name: str) -> VAE:
    """pythae's model; its MADE gets our activation, so that the networks are the same."""
    torch.manual_seed(0)
    about = {"input_dim": (X,), "latent_dim": Z, "reconstruction_loss": "bce"}
    if FLOWS[name] is None:
        return VAE(VAEConfig(**about), Encoder(), Decoder())
    layers, made_hidden = FLOWS[name]
    flow = {"n_made_blocks": layers, "n_hidden_in_made": len(made_hidden), "hidden_size": made_hidden[0]}
    model = VAE_IAF(VAE_IAF_Config(**about, **flow), Encoder(), Decoder())
    for made in model.iaf_flow.net:
        for index in range(1, len(made.net), 2):
            made.net[index] = nn.ELU()
    return model


def ours(name: str) -> LatentVariableModel:
    """The recipe; the IAF without a context and with affine steps in the place of gates, as pythae has them."""
    if FLOWS[name] is None:
        return models.create("vae", x_dim=X, z_dim=Z, hidden=(HIDDEN,))
    torch.manual_seed(0)
    layers, made_hidden = FLOWS[name]
    steps = [Inverted(Autoregressive(MADE(Z, made_hidden, 2, reverse=bool(k % 2)), Affine())) for k in range(layers)]
    posterior = FlowPosterior(mlp([X, HIDDEN, 2 * Z]), Stack(*steps), Z)
    return LatentVariableModel(
        StandardNormal(Z), BernoulliHead(mlp([Z, HIDDEN, X])), posterior, distortion + rate, x_dim=X
    )


def translated(model: VAE) -> LatentVariableModel:
    """Our objective over pythae's own networks."""
    encoder, decoder = model.encoder.network, model.decoder.network
    posterior = (
        FlowPosterior(encoder, Theirs(model.iaf_flow), Z) if isinstance(model, VAE_IAF) else GaussianHead(encoder)
    )
    return LatentVariableModel(StandardNormal(Z), BernoulliHead(decoder), posterior, distortion + rate, x_dim=X)


def same_loss(model: VAE, x: Tensor) -> float:
    """How far pythae's loss is from our -ELBO on the same weights; a KL in closed form differs by its noise alone."""
    pairs = []
    for seed in range(50):
        torch.manual_seed(seed)
        theirs = model(DatasetOutput(data=x)).loss.item()
        torch.manual_seed(seed)
        pairs.append(theirs - translated(model).loss(x).total.item())
    return abs(statistics.mean(pairs))


class Run:
    """One model's two ways of training, on the same images."""

    def __init__(self, name: str, x: Tensor, steps: int):
        self.name, self.x, self.steps = name, x[: steps * BATCH], steps

    def fit(self) -> LatentVariableModel:
        model = ours(self.name)
        training.fit(model, self.x, steps=self.steps, batch_size=BATCH, lr=LR, device="cpu", progress=False)
        return model

    def trainer(self, folder: str) -> BaseTrainer:
        data_set = BaseDataset(self.x, torch.zeros(len(self.x)))
        config = BaseTrainerConfig(
            output_dir=folder, num_epochs=1, per_device_train_batch_size=BATCH, learning_rate=LR, no_cuda=True
        )
        return BaseTrainer(peer(self.name), data_set, training_config=config)

    def train(self) -> VAE:
        with tempfile.TemporaryDirectory() as folder:
            trainer = self.trainer(folder)
            trainer.train()
            return trainer.model

    def step_alone(self) -> VAE:
        """pythae's forward, backward and Adam on batches of a tensor: neither its loader nor its files."""
        model = peer(self.name)
        optimizer = torch.optim.Adam(model.parameters(), lr=LR)
        for batch in self.x[torch.randperm(len(self.x))].split(BATCH):
            loss = model(DatasetOutput(data=batch)).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return model


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        work()
    return time.process_time() - start


def measure(name: str, x: Tensor, test: Tensor, steps: int, rounds: int) -> dict:
    run = Run(name, x, steps)
    off = same_loss(peer(name), test[:BATCH])
    if not off < 1e-3:
        raise SystemExit(
            f"{name}: on the same weights and noise the losses differ by {off:.3g} nats: no time is reported"
        )
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        a, b = run.fit(), translated(run.train())
    bounds = [-model.eval().elbo(test, samples=5).mean().item() for model in (a, b)]
    if not abs(bounds[0] - bounds[1]) < 0.05 * bounds[1]:
        raise SystemExit(f"{name}: trained to {bounds[0]:.2f} and {bounds[1]:.2f} nats: no time is reported")
    times = [(seconds(run.fit), seconds(run.train), seconds(run.step_alone)) for _ in range(rounds)]
    return {
        "model": name,
        "fit, ms a step": 1e3 / steps * statistics.median(t[0] for t in times),
        "pythae train() / fit": statistics.median(t[1] / t[0] for t in times),
        "pythae step / fit": statistics.median(t[2] / t[0] for t in times),
        "loss difference on the same weights, nats": off,
        "bound after training, ours and theirs, nats": bounds,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100, help="one epoch of so many batches (default 100)")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    mnist = data.load("mnist")
    seed = torch.Generator().manual_seed(0)
    x, test = (data.binarise(split.pixels().flatten(1), seed) for split in (mnist.train, mnist.test))
    x = torch.cat([x, x])[: args.steps * BATCH]
    rows = [measure(name, x, test[:1000], args.steps, args.rounds) for name in FLOWS]
    for row in rows:
        print(f"{row['model']} (aim {AIM:g})")
        for key, value in list(row.items())[1:]:
            shown = [f"{v:.4g}" for v in (value if isinstance(value, list) else [value])]
            print(f"  {key:<46}{', '.join(shown)}")
    if args.json:
        args.json.write_text(json.dumps({"torch": torch.__version__, "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"
    sys.exit(main())
