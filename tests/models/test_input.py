"""What a reader may give a recipe: it works, or is refused with what was given, what was expected and what to do."""

import re

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Distribution, Independent

from dgm_tutor import models, training
from dgm_tutor.cli.examples import examples
from dgm_tutor.data import Split
from dgm_tutor.objectives import distortion, free_bits, importance_weighted, mmd, negative_log_likelihood, rate

SIZES = {
    "info_gan": {"x_dim": 6, "classes": 3, "hidden": (8,)},
    "labelled_aae": {"x_dim": 6, "classes": 3, "z_dim": 2, "hidden": (8,)},
    "flow": {"x_dim": 6, "layers": 2},
    "flow_gan": {"x_dim": 6, "layers": 2},
    "mvae": {"modalities": {"a": (4, "bernoulli"), "b": (2, "bernoulli")}, "hidden": (8,)},
    "pixel_vae": {"x_dim": 9, "layers": 1, "channels": 4},
    "pixelcnn": {"x_dim": 9, "layers": 1, "channels": 4},
    "rnn": {"x_dim": 3, "steps": 2, "hidden": 8},
    "vrnn": {"x_dim": 3, "steps": 2, "z_dim": 2, "hidden": 8},
}
SMALL = {"x_dim": 6, "z_dim": 2, "hidden": (8,)}


def create(name, **settings):
    given = SIZES.get(name, SMALL) | ({"examples": 64} if name == "beta_tc_vae" else {})
    return models.create(name, **(given | settings))


def examples_of(model, n=64):
    """x (n, D) that the model takes."""
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(n, 9 if model.name.startswith("pixel") else 6, generator=generator)
    x = x if model.name.startswith("flow") and model.name in ("flow", "flow_gan") else x.round()
    return model.join(x, torch.arange(n) % 4 - 1) if model.name == "labelled_aae" else x


@pytest.fixture(params=models.names())
def model(request):
    return create(request.param)


def test_a_batch_that_is_none_is_refused(model):
    x = examples_of(model)
    for given, error, said in (
        (x[0], ValueError, "unsqueeze"),
        (x[:0], ValueError, "at least one example"),
        (x[:, :5], ValueError, "expected"),
        (x.nan_to_num().to(torch.uint8), TypeError, "x / 255"),
        (x.nan_to_num().long(), TypeError, r"x\.float\(\)"),
        (x.numpy(), TypeError, "as_tensor"),
        (x.tolist(), TypeError, "as_tensor"),
    ):
        with pytest.raises(error, match=said):
            model.loss(given)


def test_nan_and_infinity_are_named_where_they_are_not_marks(model):
    x = examples_of(model)
    x[3, 0] = torch.inf
    with pytest.raises(ValueError, match="NaN or infinite|from 0 to inf"):
        model.loss(x)
    if model.name != "mvae":  # there, NaN marks a modality that is missing
        x[3, 0] = torch.nan
        with pytest.raises(ValueError, match="NaN"):
            model.loss(x)


def test_another_precision_or_layout_is_taken_as_the_model_s_own(model):
    x = examples_of(model)
    torch.manual_seed(0)
    expected = model.loss(x).total
    for same in (x.double(), x.T.contiguous().T):
        torch.manual_seed(0)
        torch.testing.assert_close(model.loss(same).total, expected)
    training.fit(model, x.double(), steps=1, batch_size=16, progress=False)


@pytest.mark.parametrize("n", [0, -1, 2.5, "3"])
def test_how_many_samples_is_a_whole_number_above_zero(model, n):
    with pytest.raises(ValueError, match=f"at least 1, got {re.escape(repr(n))}"):
        model.sample(n)


def test_what_is_intractable_names_what_is_not(model):
    """Whoever follows the advice gets numbers, and not the next refusal."""
    x = examples_of(model)
    asked = {
        "log_prob(x)": model.log_prob,
        "elbo(x)": model.elbo,
        "log_marginal(x, samples=K)": lambda x: model.log_marginal(x, samples=3),
        "classify(x)": lambda x: model.classify(x[:, :6]),
        "sample(n)": lambda x: model.sample(3),
    }
    for ask in list(asked.values())[:3]:
        try:
            assert torch.isfinite(ask(x)).all()
        except models.Intractable as refused:
            advised = [advice for advice in asked if advice in str(refused)]
            assert advised, refused
            assert all(torch.isfinite(asked[advice](x)).all() for advice in advised)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("gan", {"x_dim": 0}, "at least 1 each"),
        ("gan", {"x_dim": 6.0}, "gan: x_dim=6.0: expected a whole number"),
        ("gan", {"z_dim": -1}, "at least one dimension, got -1"),
        ("gan", {"critic_steps": 1.5}, "critic_steps=1.5: expected a whole number"),
        ("vae", {"hidden": 5}, r"hidden=5: expected sizes of layers, such as \(256, 128\)"),
        ("vae", {"hidden": (0,)}, "at least 1 each"),
        ("info_vae", {"alpha": "1"}, "alpha='1': expected a number"),
        ("lag_vae", {"nats": float("nan")}, "nats=nan"),
        ("info_gan", {"sigma": float("inf")}, "finite"),
        ("labelled_aae", {"classes": 1}, "2 or more"),
        ("labelled_aae", {"weight": -1.0}, "weight=-1.0"),
        ("labelled_aae", {"label_weight": float("nan")}, "label_weight=nan"),
    ],
)
def test_settings_of_another_kind_are_refused(name, settings, message):
    with pytest.raises(ValueError, match=message):
        create(name, **settings)


@pytest.mark.parametrize("name", ["InfoVAE", "info-vae", "INFO_VAE"])
def test_a_name_in_another_spelling_is_recognised(name):
    with pytest.raises(ValueError, match="did you mean 'info_vae'"):
        models.create(name)
    with pytest.raises(ValueError, match="unknown model None"):
        models.create(None)


def test_labels_are_whole_numbers_one_an_example():
    model, x = create("labelled_aae"), torch.zeros(4, 6)
    torch.testing.assert_close(model.join(x, [0, 1, 2, -1]), model.join(x, torch.tensor([0, 1, 2, -1])), equal_nan=True)
    byte = model.join(x, torch.tensor([0, 1, 2, 2], dtype=torch.uint8))
    torch.testing.assert_close(byte[:, 6:].argmax(1), torch.tensor([0, 1, 2, 2]))
    for labels, message in (
        (torch.rand(4), "4 integers"),
        (torch.zeros(3, dtype=torch.int64), r"4 integers.*\(3,\)"),
        (torch.full((4,), 3), "0 to 2"),
    ):
        with pytest.raises(ValueError, match=message):
            model.join(x, labels)
    with pytest.raises(TypeError, match="255"):
        model.join(x.to(torch.uint8))


def test_codes_are_one_row_or_a_row_a_sample():
    model = create("info_gan")
    code = [0.0, 1.0, 0.0, 0.5, -0.5]
    assert model.sample(4, codes=code).shape == model.sample(4, codes=np.tile(code, (4, 1))).shape == (4, 6)
    with pytest.raises(ValueError, match=r"5 numbers or 4 rows of them, got \(3, 5\)"):
        model.sample(4, codes=torch.zeros(3, 5))
    assert model.traversal(0.5).shape == (3, 1, 6)


def test_a_term_by_itself_is_an_objective_of_weight_one():
    model, x = create("vae"), torch.zeros(4, 6)
    for term in (importance_weighted(3), distortion):
        model.objective = term
        assert str(model.objective) == f"1 {term.name}"
        assert model.loss(x).total.isfinite()


def test_an_exact_likelihood_is_asked_of_models_that_have_one():
    model = create("vae")
    model.objective = negative_log_likelihood
    with pytest.raises(TypeError, match="distortion \\+ rate"):
        model.loss(torch.zeros(4, 6))
    model.objective = free_bits(0.1)
    assert model.loss(torch.zeros(4, 6)).total.isfinite()


def test_a_term_that_asks_for_a_part_the_model_lacks_says_which():
    for name, term in (("gan", distortion), ("gan", mmd("z")), ("flow", rate)):
        model = create(name)
        model.objective = term
        with pytest.raises(TypeError, match="has no posterior, and a term"):
            model.loss(torch.rand(4, 6))


class Laplace(nn.Module):
    """A prior of the reader's own."""

    def forward(self):
        return Independent(torch.distributions.Laplace(torch.zeros(2), torch.ones(2)), 1)


class Samples(Distribution):
    """What can be sampled, and has no density."""

    arg_constraints = {}

    def sample(self, sample_shape):
        return torch.rand(*sample_shape, 2)


def test_a_prior_of_one_s_own_trains_resumes_and_says_why_it_cannot_be_saved(tmp_path):
    def trained(steps, **settings):
        model = create("aae", prior=Laplace())
        training.fit(model, examples_of(model), steps=steps, progress=False, **settings)
        return model

    trained(2, checkpoint=tmp_path / "run.safetensors")
    resumed, whole = trained(4, checkpoint=tmp_path / "run.safetensors"), trained(4)
    assert all(torch.equal(a, b) for a, b in zip(resumed.parameters(), whole.parameters(), strict=True))
    with pytest.raises(ValueError, match="a module of yours as its prior"):
        models.save(whole, tmp_path / "m.safetensors")


def test_a_prior_without_a_density_leaves_no_bound_and_says_so():
    prior = nn.Module()
    prior.forward = lambda: Samples(event_shape=torch.Size([2]), validate_args=False)
    with pytest.raises(models.Intractable, match=r"a part of it has no density\. Use sample"):
        create("aae", prior=prior).elbo(torch.zeros(4, 6))


def test_components_put_together_by_hand_are_called_by_their_class():
    parts = create("vae")
    model = models.LatentVariableModel(parts.prior, parts.decoder, parts.posterior, importance_weighted(2))
    with pytest.raises(ValueError, match="^LatentVariableModel: expected a batch"):
        model.loss(torch.zeros(6))


def test_numpy_s_numbers_are_numbers(tmp_path):
    model = create("beta_vae", z_dim=np.int64(3), beta=np.float32(2))
    assert models.load(models.save(model, tmp_path / "m.safetensors")).settings == {**SMALL, "z_dim": 3, "beta": 2.0}


def test_the_command_line_tells_a_batch_s_estimates_how_many_examples_there_are():
    split = Split(x=torch.zeros(37, 28, 28, dtype=torch.uint8))
    assert examples("beta_tc_vae", "mnist", split, {})[1] == {"x_dim": 784, "examples": 37}
