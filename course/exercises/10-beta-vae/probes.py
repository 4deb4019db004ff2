"""The probes of `10-beta-vae` and the inputs they run on. A probe is sent as it stands: it imports what it needs."""

import torch
from dgm_tutor.derivations import TERMS
from dgm_tutor.exact import FiniteWorld


def loss_and_gradients(answer, inputs):
    """The loss, its gradients (0 for a parameter it never meets), and what beta + 1 changes, with fresh noise."""
    import torch
    from torch.distributions import Independent, Normal

    names = ["encoder", "log_std", "decoder"]
    rows = {"loss": [], **{f"gradient_of_the_{name}": [] for name in names}, "effect_of_beta": []}
    x = inputs["x"]
    parameters = [inputs[name].clone().requires_grad_() for name in names]
    encoder, log_std, decoder = parameters
    posterior = Independent(Normal(x @ encoder, log_std.exp().expand(len(x), -1)), 1)
    prior = Independent(Normal(inputs["prior_loc"], inputs["prior_scale"]), 1)

    def likelihood(z):
        mean = z @ decoder
        return Independent(Normal(mean + torch.tanh(mean), inputs["noise"]), 1)

    for _ in range(inputs["draws"]):
        noise = torch.get_rng_state()
        loss = answer(x, posterior, prior, likelihood, inputs["beta"])
        if loss is None:
            raise ValueError("the loss is None: does your function return it?")
        if not isinstance(loss, torch.Tensor) or loss.shape != ():
            given = f"shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else type(loss).__name__
            raise ValueError(f"the loss has {given}; expected a scalar tensor, the mean over the batch")
        gradients = [None] * 3
        if loss.requires_grad:
            gradients = torch.autograd.grad(loss, parameters, allow_unused=True, retain_graph=True)
        rows["loss"].append(loss.detach())
        for name, value, gradient in zip(names, parameters, gradients, strict=True):
            rows[f"gradient_of_the_{name}"].append(torch.zeros_like(value) if gradient is None else gradient)
        if len(rows["effect_of_beta"]) < 8:  # is beta heard at all? A few draws tell
            torch.set_rng_state(noise)
            changed = answer(x, posterior, prior, likelihood, inputs["beta"] + 1)
            rows["effect_of_beta"].append(changed.detach() - loss.detach())
    return {name: torch.stack(values) for name, values in rows.items()}


def loss_inputs(generator):
    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    def uniform(low, high):
        return low + (high - low) * torch.rand((), generator=generator).item()

    return {
        "x": normal(512, 3),
        "encoder": 0.5 * normal(3, 2),
        "log_std": 0.2 * normal(2),
        "decoder": 0.4
        + 0.2 * torch.rand(2, 3, generator=generator),  # one sign: the latent dimensions meet in every pixel
        "noise": 1.2 + 0.3 * torch.rand(3, generator=generator),
        "prior_loc": torch.tensor([0.7, -0.5]) + 0.2 * normal(2),
        "prior_scale": 1.5 + 0.3 * torch.rand(2, generator=generator),
        "beta": uniform(2.5, 5.0),
    }


def line_value(answer, inputs):
    """What a line {term: coefficient} is worth on every world."""
    import torch

    if not isinstance(answer, dict) or not answer:
        raise ValueError(f"{type(answer).__name__} given; expected a mapping {{term: coefficient}} with a term or more")
    unknown = [str(term) for term in answer if term not in inputs["terms"]]
    if unknown:
        raise ValueError(f"the terms are {', '.join(inputs['terms'])}; given {', '.join(unknown)}")
    value = torch.zeros_like(inputs["beta"])
    for term, coefficient in answer.items():
        try:
            if isinstance(coefficient, str):
                coefficient = eval(coefficient, {"__builtins__": {}}, {"beta": inputs["beta"]})
            value = value + coefficient * inputs["terms"][term]
        except Exception:
            wanted = "a number, or a text of numbers and beta such as 'beta - 1'"
            raise ValueError(f"the coefficient of {term} is {coefficient!r}; expected {wanted}") from None
    return {"line": value}


def _line_inputs(*terms):
    """Random worlds on which no two terms agree by chance, each with a beta of its own."""

    def draw(generator):
        world = FiniteWorld.random(sizes={"x": 5, "z": 3}, batch=(16,), generator=generator)
        beta = 0.2 + 4 * torch.rand(16, generator=generator, dtype=torch.float64)
        return {"beta": beta, "terms": {name: TERMS[name].value(world) for name in terms}}

    return draw


price_inputs = _line_inputs("mi_q", "mi_p", "kl_aggregate", "kl_aggregate_reverse")
likelihood_inputs = _line_inputs("log_likelihood", "kl_posterior", "kl_posterior_reverse", "mi_q", "kl_aggregate")


def split_values(answer, inputs):
    """The two parts on several worlds."""
    import torch

    pairs = [answer(*(world[name] for name in ("p_data", "posterior", "prior"))) for world in inputs["worlds"]]
    if not all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in pairs):
        raise ValueError("expected the pair (information, divergence)")
    information, divergence = (
        torch.stack([torch.as_tensor(part) for part in parts]) for parts in zip(*pairs, strict=True)
    )
    return {"information": information, "divergence": divergence}


def split_inputs(generator):
    worlds = []
    for x, z in ((4, 3), (5, 2), (3, 6)):
        world = {
            name: torch.rand(shape, generator=generator, dtype=torch.float64) ** 2 + 0.01
            for name, shape in {"p_data": (x,), "posterior": (x, z), "prior": (z,)}.items()
        }
        worlds.append({name: table / table.sum(-1, keepdim=True) for name, table in world.items()})
    certain = torch.eye(3, dtype=torch.float64)[torch.randint(3, (4,), generator=generator)]
    third = torch.full((3,), 1 / 3, dtype=torch.float64)
    return {"worlds": worlds, "certain": [{"p_data": worlds[0]["p_data"], "posterior": certain, "prior": third}]}


def split_with_zeros(answer, inputs):
    """The two parts where q(z|x) is 0 or 1, and some z may never come."""
    import torch

    pairs = [answer(*(world[name] for name in ("p_data", "posterior", "prior"))) for world in inputs["certain"]]
    information, divergence = (
        torch.stack([torch.as_tensor(part) for part in parts]) for parts in zip(*pairs, strict=True)
    )
    return {"information": information, "divergence": divergence}


def bound_draws(answer, inputs):
    """The bound's estimates and the decoder's gradient, with fresh noise; a batch holds copies of the examples."""
    import torch
    from torch.distributions import Independent, Normal

    def gaussian(loc, scale):
        return Independent(Normal(loc, scale), 1)

    examples, copies = inputs["x"], inputs["copies"]
    x = examples.repeat(copies, 1)
    posterior = gaussian(x @ inputs["encoder"], inputs["scale"].expand(len(x), -1))
    prior = gaussian(inputs["prior_loc"], inputs["prior_scale"])
    decoder = inputs["decoder"].clone().requires_grad_()
    bounds, gradients = [], []
    for _ in range(inputs["draws"]):
        bound = answer(x, posterior, prior, lambda z: gaussian(z @ decoder, inputs["noise"]), inputs["samples"])
        if not isinstance(bound, torch.Tensor) or bound.shape != (len(x),):
            given = tuple(bound.shape) if isinstance(bound, torch.Tensor) else type(bound).__name__
            raise ValueError(f"{given} given; expected a tensor ({len(x)},), one bound an example")
        bounds.append(bound.detach().reshape(copies, len(examples)))
        gradient = torch.autograd.grad(bound.mean(), decoder, allow_unused=True)[0] if bound.requires_grad else None
        gradients.append(torch.zeros_like(decoder) if gradient is None else gradient)
    return {"bound_of_one_example": torch.cat(bounds), "gradient_of_the_decoder": torch.stack(gradients)}


def _bound_inputs(samples, noise, pixels, copies):
    def draw(generator):
        def normal(*shape):
            return torch.randn(*shape, generator=generator)

        return {
            "x": normal(8, pixels),
            "copies": copies,
            "encoder": 0.4 * normal(pixels, 2) * (3 / pixels) ** 0.5,
            "scale": 0.6 + 0.2 * torch.rand(2, generator=generator),
            "decoder": 0.5 * normal(2, pixels) * (3 / pixels) ** 0.5,
            "noise": torch.full((pixels,), noise),
            "prior_loc": torch.tensor([0.6, -0.4]) + 0.1 * normal(2),
            "prior_scale": 1.2 + 0.2 * torch.rand(2, generator=generator),
            "samples": samples,
        }

    return draw


bound_inputs = _bound_inputs(samples=5, noise=1.0, pixels=3, copies=32)
far_bound_inputs = _bound_inputs(samples=3, noise=1.0, pixels=200, copies=2)


def repaired_values(answer, inputs):
    """The loss of several batches, its gradients, and what beta + 1 changes."""
    import torch

    given = {name: inputs[name].clone().requires_grad_() for name in ("logits", "mean", "log_var")}
    loss = answer(inputs["x"], given["logits"], given["mean"], given["log_var"], inputs["beta"])
    if not isinstance(loss, torch.Tensor) or loss.shape != ():
        raise ValueError("expected a scalar tensor, the mean over the batch")
    gradients = [None] * 3
    if loss.requires_grad:
        gradients = torch.autograd.grad(loss, list(given.values()), allow_unused=True)
    changed = answer(inputs["x"], *given.values(), inputs["beta"] + 1)
    named = {
        f"gradient_of_{name}": torch.zeros_like(value) if gradient is None else gradient
        for (name, value), gradient in zip(given.items(), gradients, strict=True)
    }
    return {"loss": loss.detach(), **named, "effect_of_beta": changed.detach() - loss.detach()}


def repair_inputs(generator):
    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    return {
        "x": (normal(7, 12) > 0).float(),
        "logits": 2 * normal(7, 12),
        "mean": normal(7, 3),
        "log_var": -0.5 + 0.8 * normal(7, 3),
        "beta": 2.0 + 2 * torch.rand((), generator=generator).item(),
    }


def weights_handed_in(answer, inputs):
    """The tensors in the file; 100 kB are enough for them."""
    import os

    import torch
    from safetensors.torch import load_file

    if not os.path.isfile(answer):
        raise NotImplementedError
    if os.path.getsize(answer) > 100_000:
        raise ValueError(f"the file has {os.path.getsize(answer):,} bytes; at most 100,000 are read")
    weights = load_file(answer)
    return {name: weights[name].to(torch.float64) for name in ("W", "s", "V")}


def exact_loss(data, inputs):
    """The excess of the exact loss over the best there is, and the beta for which the posterior would be right."""
    import math

    import torch

    covariance, beta = inputs["covariance"], inputs["beta"]
    W, s, V = (data[name].to(torch.float64) for name in ("W", "s", "V"))
    for name, tensor, shape in (("W", W, (2, 6)), ("s", s, (2,)), ("V", V, (6, 2))):
        if tensor.shape != shape:
            raise ValueError(f"{name} has shape {tuple(tensor.shape)}; expected {shape}")
    left = torch.eye(6, dtype=torch.float64) - V @ W
    variance, strength = (2 * s).exp(), (V**2).sum(0)
    error = (left @ covariance @ left.T).trace() + (variance * strength).sum()
    rate = 0.5 * ((W @ covariance @ W.T).diag() + variance - 1 - 2 * s).sum()
    loss = 0.5 * error + beta * rate
    # The best: each of the two largest variances l > beta costs beta / 2 (1 + log(l / beta)), any other l / 2.
    spectrum = torch.linalg.eigvalsh(covariance).flip(0)
    told = [beta / 2 * (1 + math.log(value / beta)) for value in spectrum[:2].tolist() if value > beta]
    best = sum(told) + 0.5 * spectrum[len(told) :].sum()
    implied = (strength * variance).sum() / (1 - variance).sum().clamp(min=1e-3)
    return {"excess_loss": (loss - best).clamp(max=1e6), "log_of_the_beta_it_fits": implied.clamp(1e-3, 1e3).log()}


def experiment_inputs(generator):
    rotation = torch.linalg.qr(torch.randn(6, 6, generator=torch.Generator().manual_seed(10)))[0]
    covariance = rotation @ torch.diag(torch.tensor([16.0, 8.0, 1.0, 0.5, 0.5, 0.5])) @ rotation.T
    return {"covariance": covariance.double(), "beta": 4.0}
