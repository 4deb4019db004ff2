"""AAE, VAE + GAN and InfoVAE, trained by this package and by pythae: ratios in one run.

    .peers/bin/python benchmarks/pythae_games.py [--steps 100] [--rounds 7] [--json FILE]

The same networks, images, batch, Adam and one thread, as in ``pythae_vae``, and the same objectives, at settings where
pythae's are the lecture's. AAE: both scales 1, no penalty on the critic's slope. VAE + GAN: reconstruction in the
discriminator's layer 0, the image itself, which makes it a Gaussian likelihood of deviation 1; an adversarial scale of
1/2 is a JSD of weight 2 (pythae halves the decoder's whole loss, which Adam undoes); no margin that holds players back.
InfoVAE: the IMQ kernel, which pythae sums over scales and we average; its default weights would maximise the MMD.

Time is reported after two checks: on the same weights and noise every loss is one number, and both have trained to the
same value of the objective on held-out images. It is processor time, rounds alternate, medians count: of
``training.fit`` against ``trainer.train()`` (under 1.3 is a defect), and against pythae's steps alone.
"""

import argparse
import contextlib
import io
import json
import logging
import math
import os
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import torch
from pythae.data.datasets import BaseDataset, DatasetOutput
from pythae.models import (
    INFOVAE_MMD,
    VAEGAN,
    Adversarial_AE,
    Adversarial_AE_Config,
    BaseAE,
    INFOVAE_MMD_Config,
    VAEGANConfig,
)
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDiscriminator
from pythae.trainers import (
    AdversarialTrainer,
    AdversarialTrainerConfig,
    BaseTrainer,
    BaseTrainerConfig,
    CoupledOptimizerAdversarialTrainer,
    CoupledOptimizerAdversarialTrainerConfig,
)
from pythae_vae import BATCH, HIDDEN, LR, Decoder, Encoder, X, Z, seconds
from torch import Tensor

from dgm_tutor import data, models, training
from dgm_tutor.components import mlp
from dgm_tutor.kernels.pairwise.torch import OCTAVES
from dgm_tutor.models import Model
from dgm_tutor.objectives import Loss

SIZES = {"x_dim": X, "z_dim": Z, "hidden": (HIDDEN,)}
CRITIC = {"AAE": (Z, 128, 128, 1), "VAE + GAN": (X, 256, 256, 1)}
ALPHA, LAM = 0.5, 100.0  # of InfoVAE
RATES = {f"{who}_learning_rate": LR for who in ("autoencoder", "encoder", "decoder", "discriminator")}


class Discriminator(BaseDiscriminator):
    """A perceptron's D; what pythae calls layer 0 is the image that it is given."""

    depth = 1

    def __init__(self, sizes: tuple[int, ...]):
        super().__init__()
        self.network = mlp(sizes)

    def forward(self, x: Tensor, output_layer_levels: list[int] | None = None) -> ModelOutput:
        if output_layer_levels:
            return ModelOutput(embedding_layer_0=x)
        return ModelOutput(embedding=self.network(x).sigmoid())


class Means(Decoder):
    """Means of real x."""

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.network(z))


@dataclass(frozen=True)
class Peer:
    """One model: ours, theirs, and how theirs is trained."""

    aim: float
    binary: bool
    recipe: str
    settings: dict
    trainer: type[BaseTrainer]
    config: type[BaseTrainerConfig]

    def ours(self) -> Model:
        model = models.create(self.recipe, **SIZES, **self.settings)
        model.posterior.scale = 1.0  # an AAE's of ours starts narrow, pythae's does not
        return model


PEERS = {
    "AAE": Peer(1.5, True, "aae", {"weight": 1.0, "smooth": 0.0}, AdversarialTrainer, AdversarialTrainerConfig),
    "VAE + GAN": Peer(
        2.2, False, "vae_gan", {"weight": 2.0, "game": "jsd", "sigma": 1.0},
        CoupledOptimizerAdversarialTrainer, CoupledOptimizerAdversarialTrainerConfig,
    ),
    "InfoVAE": Peer(
        2.0, True, "info_vae",
        # ours averages what pythae sums, so its divergence has len(OCTAVES) times the weight
        {"alpha": ALPHA, "lam": len(OCTAVES) * (ALPHA + LAM - 1) + 1 - ALPHA, "kernel": "imq"},
        BaseTrainer, BaseTrainerConfig,
    ),
}  # fmt: skip


def theirs(name: str) -> BaseAE:
    torch.manual_seed(0)
    about = {"input_dim": (X,), "latent_dim": Z}
    if name == "AAE":
        config = Adversarial_AE_Config(
            **about, reconstruction_loss="bce", adversarial_loss_scale=1.0, reconstruction_loss_scale=1.0
        )
        return Adversarial_AE(config, Encoder(), Decoder(), Discriminator(CRITIC[name]))
    if name == "VAE + GAN":
        config = VAEGANConfig(**about, adversarial_loss_scale=0.5, reconstruction_layer=0, margin=1e9)
        return VAEGAN(config, Encoder(), Means(), Discriminator(CRITIC[name]))
    config = INFOVAE_MMD_Config(
        **about,
        reconstruction_loss="bce",
        kernel_choice="imq",
        alpha=ALPHA,
        lbd=LAM,
        kernel_bandwidth=1.0,
        scales=[2.0**octave for octave in OCTAVES],
    )
    return INFOVAE_MMD(config, Encoder(), Decoder())


def translated(name: str, model: BaseAE) -> Model:
    """Our model with pythae's weights."""
    ours = PEERS[name].ours()
    ours.posterior.network.load_state_dict(model.encoder.network.state_dict())
    ours.decoder.network.load_state_dict(model.decoder.network.state_dict())
    if name in CRITIC:
        ours.critics["critic"].network.load_state_dict(model.discriminator.network.state_dict())
    return ours


def losses(name: str, model: Model, x: Tensor) -> tuple[Loss, float | None]:
    """Of the first player and of the critic, on one draw."""
    if name not in CRITIC:
        return model.loss(x), None
    draw = model.draw(x)
    return model.objective(draw), model.critic_objectives["critic"](draw).total.item()


def largest_difference(name: str, model: BaseAE, x: Tensor) -> float:
    """Between pythae's losses and ours on the same weights and noise, as shares of theirs."""
    torch.manual_seed(1)
    out = model(DatasetOutput(data=x))
    torch.manual_seed(1)
    ours, critic = losses(name, translated(name, model), x)
    if name == "AAE":
        pairs = [(out.autoencoder_loss, ours.total), (out.discriminator_loss, critic)]
    elif name == "VAE + GAN":
        constant = X * math.log(2 * math.pi) / 2
        told = {term: value for term, (_, value) in ours.terms.items()}
        pairs = [
            (out.encoder_loss, told["distortion"] - constant + told["rate"]),
            (2 * out.decoder_loss, told["distortion"] - constant + 2 * told["jsd(x)"] - math.log(4)),
            (out.discriminator_loss, critic),
        ]
    else:
        pairs = [(out.loss, ours.total)]
    return max(abs(float(theirs) - float(ours)) / abs(float(theirs)) for theirs, ours in pairs)


class Run:
    """One model's ways of training, on the same images."""

    def __init__(self, name: str, x: Tensor):
        self.name, self.peer, self.x = name, PEERS[name], x

    def fit(self) -> Model:
        model = self.peer.ours()
        training.fit(model, self.x, steps=len(self.x) // BATCH, batch_size=BATCH, lr=LR, device="cpu", progress=False)
        return model

    def trainer(self, folder: str) -> BaseTrainer:
        rates = {key: LR for key in RATES if hasattr(self.peer.config(), key)}
        config = self.peer.config(
            output_dir=folder, num_epochs=1, per_device_train_batch_size=BATCH, no_cuda=True, learning_rate=LR, **rates
        )
        return self.peer.trainer(theirs(self.name), BaseDataset(self.x, torch.zeros(len(self.x))), None, config)

    def train(self) -> BaseAE:
        with tempfile.TemporaryDirectory() as folder:
            trainer = self.trainer(folder)
            trainer.train()
            return trainer.model

    def steps_alone(self) -> float:
        """Seconds of pythae's forward passes and its trainer's steps on batches of a tensor."""
        with tempfile.TemporaryDirectory() as folder:
            trainer = self.trainer(folder)
            trainer.prepare_training()

            def steps() -> None:
                for batch in self.x[torch.randperm(len(self.x))].split(BATCH):
                    trainer._optimizers_step(trainer.model(DatasetOutput(data=batch)))

            return seconds(steps)


def measure(name: str, x: Tensor, test: Tensor, rounds: int) -> dict:
    run = Run(name, x)
    off = largest_difference(name, theirs(name), test[:BATCH])
    if not off < 1e-5:
        raise SystemExit(f"{name}: on the same weights and noise the losses differ by {off:.2g} of theirs: no time")
    with quiet():
        trained = run.fit(), translated(name, run.train())
    ends = [losses(name, model.eval(), test)[0].total.item() for model in trained]
    if not abs(ends[0] - ends[1]) < 0.05 * abs(ends[1]):
        raise SystemExit(f"{name}: trained to {ends[0]:.2f} and {ends[1]:.2f}: no time is reported")
    times = [(seconds(run.fit), seconds(run.train), quietly_alone(run)) for _ in range(rounds)]
    steps = len(x) // BATCH
    return {
        "model": name,
        "aim": PEERS[name].aim,
        "fit, ms a step": 1e3 / steps * statistics.median(t[0] for t in times),
        "pythae train() / fit": statistics.median(t[1] / t[0] for t in times),
        "pythae step / fit": statistics.median(t[2] / t[0] for t in times),
        "largest difference of losses on the same weights": off,
        "objective after training, ours and theirs, nats": ends,
    }


def quietly_alone(run: Run) -> float:
    with quiet():
        return run.steps_alone()


@contextlib.contextmanager
def quiet():
    with contextlib.redirect_stderr(io.StringIO()), contextlib.redirect_stdout(io.StringIO()):
        yield


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=100, help="one epoch of so many batches (default 100)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write the numbers here")
    args = parser.parse_args()
    torch.set_num_threads(1)
    logging.disable(logging.INFO)
    mnist = data.load("mnist")
    grey, grey_test = (split.pixels().flatten(1) for split in (mnist.train, mnist.test))
    grey = torch.cat([grey, grey])[: args.steps * BATCH]
    seed = torch.Generator().manual_seed(0)
    binary, binary_test = data.binarise(grey, seed), data.binarise(grey_test, seed)
    rows = []
    for name, peer in PEERS.items():
        x, test = (binary, binary_test) if peer.binary else (grey, grey_test)
        rows.append(measure(name, x, test[:1000], args.rounds))
        print(f"{name} (aim {peer.aim:g})")
        for key, value in list(rows[-1].items())[2:]:
            shown = [f"{v:.4g}" for v in (value if isinstance(value, list) else [value])]
            print(f"  {key:<52}{', '.join(shown)}", flush=True)
    if args.json:
        args.json.write_text(json.dumps({"torch": torch.__version__, "rows": rows}, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    os.environ["TQDM_DISABLE"] = "1"
    sys.exit(main())
