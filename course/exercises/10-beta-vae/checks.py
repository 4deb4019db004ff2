"""The checks of `10-beta-vae`: probes, their inputs, hints and points."""

import torch
from dgm_autograder.exercise import Exercise, Test

# What a student may import of dgm_tutor while being graded: nothing that answers a question of this sheet.
PROVIDES = ["dgm_tutor.checks", "dgm_tutor.data"]


def loss_and_gradients(answer, inputs):
    """The loss and its gradients, repeated with fresh noise; a parameter the loss never meets has gradient 0."""
    import torch
    from torch.distributions import Independent, Normal

    names = ["encoder", "log_std", "decoder"]
    rows = {"loss": [], **{f"gradient_of_the_{name}": [] for name in names}}
    for _ in range(inputs["draws"]):
        encoder, log_std, decoder = (inputs[name].clone().requires_grad_() for name in names)
        x = inputs["x"]
        posterior = Independent(Normal(x @ encoder, log_std.exp().expand(len(x), -1)), 1)
        prior = Independent(Normal(inputs["prior_loc"], inputs["prior_scale"]), 1)

        def likelihood(z, decoder=decoder):
            mean = z @ decoder
            return Independent(Normal(mean + torch.tanh(mean), inputs["noise"]), 1)

        loss = answer(x, posterior, prior, likelihood, inputs["beta"])
        if not isinstance(loss, torch.Tensor) or loss.shape != ():
            given = f"shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else type(loss).__name__
            raise ValueError(f"the loss has {given}; expected a scalar tensor, the mean over the batch")
        parameters = [encoder, log_std, decoder]
        gradients = [None] * 3
        if loss.requires_grad:
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        rows["loss"].append(loss.detach())
        for name, value, gradient in zip(names, parameters, gradients, strict=True):
            rows[f"gradient_of_the_{name}"].append(torch.zeros_like(value) if gradient is None else gradient)
    return {name: torch.stack(values) for name, values in rows.items()}


def loss_inputs(generator):
    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    def uniform(low, high):
        return low + (high - low) * torch.rand((), generator=generator).item()

    return {
        "x": normal(64, 3),
        "encoder": 0.5 * normal(3, 2),
        "log_std": 0.2 * normal(2),
        "decoder": 0.4
        + 0.2 * torch.rand(2, 3, generator=generator),  # one sign: the latent dimensions meet in every pixel
        "noise": 1.2 + 0.3 * torch.rand(3, generator=generator),
        "prior_loc": torch.tensor([0.7, -0.5]) + 0.2 * normal(2),
        "prior_scale": 1.5 + 0.3 * torch.rand(2, generator=generator),
        "beta": uniform(2.5, 5.0),
    }


QUESTIONS = []

EXERCISES = [
    Exercise(
        name="loss",
        title="The beta-VAE loss",
        answer="beta_vae_loss",
        points=4,
        difficulty=2,
        minutes=15,
        hints=(
            "Name the two terms first: what does the decoder say about x, and how far is q(z|x) from the prior?",
            "`decoder(z)` and `posterior` are distributions: `.log_prob(x)` sums over pixels for you, and "
            "`torch.distributions.kl_divergence` knows two Gaussians. Which of `sample` and `rsample` lets a "
            "gradient by?",
            "Draw z = posterior.rsample(); the loss of one x is -decoder(z).log_prob(x) + beta * KL(posterior, prior); "
            "average over the batch, never over pixels or latent dimensions.",
        ),
        tests=(
            Test(
                loss_and_gradients,
                loss_inputs,
                "Print the two terms by themselves and compare their shapes: each should be one number per example.",
                draws=96,
            ),
        ),
    ),
]
