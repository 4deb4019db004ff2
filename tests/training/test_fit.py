"""The loop: it learns, repeats, resumes to the bit, stops cleanly, and says what went wrong."""

import os
import signal

import pytest
import torch
from torch import nn

from dgm_tutor import models, training
from dgm_tutor.objectives import Loss, Player, distortion, free_bits, rate

SMALL = {"x_dim": 6, "z_dim": 2, "hidden": (8,)}


def patterns(n=256, seed=0):
    """Two noisy binary patterns: something to learn."""
    generator = torch.Generator().manual_seed(seed)
    base = torch.tensor([[1.0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])[torch.randint(2, (n,), generator=generator)]
    flip = torch.rand(n, 6, generator=generator) < 0.05
    return (base - flip.float()).abs()


def run(steps, seed=0, **settings):
    model = models.create("beta_vae", beta=0.5, **SMALL)
    settings = {"batch_size": 32, "lr": 1e-2, "progress": False} | settings
    return model, training.fit(model, patterns(), steps=steps, seed=seed, **settings)


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


def test_it_learns():
    model, history = run(400)
    losses = history["autoencoder/total"]
    assert losses[-5:].mean() < losses[0] - 0.5
    assert model.elbo(patterns(seed=1), 16).mean() > -3.5  # independent fair coins: -6 log 2 = -4.16


def test_the_same_seed_repeats_to_the_bit_and_another_does_not():
    torch.manual_seed(1)
    first = run(30)[0]
    torch.manual_seed(2)
    assert same(first, run(30)[0])
    assert not same(first, run(30, seed=1)[0])


def test_training_leaves_the_caller_s_random_state():
    torch.manual_seed(5)
    before = torch.get_rng_state()
    run(5)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("stop", [1, 17, 40])
def test_resuming_is_exact(tmp_path, stop):
    """Stopped at any step, also in the middle of an epoch: the same weights, history and optimiser as in one go."""
    straight, whole = run(60)
    path = tmp_path / "run.safetensors"
    run(stop, checkpoint=path)
    resumed, history = run(60, checkpoint=path)
    assert same(straight, resumed)
    recorded = dict(zip(history.steps, history["autoencoder/total"], strict=True))
    for step, row in zip(whole.steps, whole["autoencoder/total"], strict=True):
        assert torch.equal(recorded[step], row)


def test_a_kill_between_checkpoints_loses_only_the_steps_since(tmp_path):
    path = tmp_path / "run.safetensors"

    class Killed(BaseException):
        pass

    calls = []

    def transform(x):
        calls.append(1)
        if len(calls) == 28:  # one call checks the data, then one a step
            raise Killed
        return x

    with pytest.raises(Killed):
        run(60, checkpoint=path, checkpoint_every=10, transform=transform)
    resumed, _ = run(60, checkpoint=path)
    assert same(resumed, run(60)[0])


def test_a_checkpoint_of_another_run_is_refused_and_kept(tmp_path):
    path = tmp_path / "run.safetensors"
    run(5, checkpoint=path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="seed 0 there, 1 here"):
        run(5, seed=1, checkpoint=path)
    with pytest.raises(ValueError, match="2 in all"):
        run(2, checkpoint=path)
    path.write_bytes(before[: len(before) // 2])
    with pytest.raises(ValueError, match="no checkpoint"):
        run(5, checkpoint=path)
    assert path.read_bytes() == before[: len(before) // 2]


def test_interrupting_keeps_the_model_and_the_checkpoint(tmp_path):
    path = tmp_path / "run.safetensors"
    calls = []

    def transform(x):
        calls.append(1)
        if len(calls) == 13:
            os.kill(os.getpid(), signal.SIGINT)
        return x

    stopped, history = run(60, checkpoint=path, transform=transform)
    assert history.interrupted and history.steps[-1] == 12
    assert same(stopped, run(12)[0])
    resumed, history = run(60, checkpoint=path)
    assert same(resumed, run(60)[0]) and not history.interrupted


def test_a_loss_that_is_not_finite_stops_and_says_where():
    model = models.create("vae", **SMALL)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with torch.no_grad():
        model.posterior.network[2].bias[2:] = 1e4  # log sigma: exp overflows
    with pytest.raises(training.Diverged, match=r"step 0: .*'autoencoder'.*(rate|distortion).*finite"):
        training.fit(model, patterns(), steps=5, progress=False)
    assert torch.equal(model.state_dict()["decoder.network.0.weight"], before["decoder.network.0.weight"])


def test_nan_parameters_are_named_as_the_cause():
    model = models.create("vae", **SMALL)
    with torch.no_grad():
        model.decoder.network[0].weight[0, 0] = float("nan")
    with pytest.raises(training.Diverged, match="1 of its parameter tensors already held NaN"):
        training.fit(model, patterns(), steps=5, progress=False)


def test_bad_data_are_refused_before_the_first_step():
    with pytest.raises(ValueError, match="binarise"):
        training.fit(models.create("vae", **SMALL), torch.full((8, 6), 0.3), steps=2, progress=False)
    with pytest.raises(TypeError, match="Split"):
        training.fit(models.create("vae", **SMALL), [[0.0]], steps=2, progress=False)
    for none in (torch.zeros(0, 6), torch.zeros(6)):
        with pytest.raises(ValueError, match="at least 1 example"):
            training.fit(models.create("vae", **SMALL), none, steps=2, progress=False)


@pytest.mark.parametrize("bad", [torch.nan, 0.3])
def test_one_bad_example_anywhere_is_found_before_the_first_step(bad):
    x = patterns()
    x[-1, -1] = bad
    model = models.create("vae", **SMALL)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(ValueError, match="NaN" if bad != bad else "binarise"):
        training.fit(model, x, steps=1, batch_size=2, progress=False)
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": 2.5}, "steps=2.5: expected a whole number"),
        ({"steps": 0}, "steps=0: expected a whole number of at least 1"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"checkpoint_every": 0}, "checkpoint_every=0"),
        ({"shards": 0}, "shards=0"),
        ({"device": "gpu"}, "expected 'auto', 'cpu' or 'cuda'"),
    ],
)
def test_bad_settings_are_refused_with_what_was_expected(settings, message):
    with pytest.raises(ValueError, match=message):
        run(**({"steps": 2} | settings))


def test_a_gpu_that_is_not_there_is_said_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="no CUDA GPU here; take 'auto' or 'cpu'"):
        run(2, device="cuda")


def test_a_checkpoint_is_a_file(tmp_path):
    with pytest.raises(ValueError, match="is a folder"):
        run(2, checkpoint=tmp_path)


def test_what_is_recorded_may_be_plain_numbers():
    _, history = run(20, record=lambda model: {"answer": 42.0})
    assert history["answer"].tolist() == [42.0, 42.0]


def test_every_player_moves_its_own_parameters_only():
    """A two-player tug of war over u * v: each gradient step must leave the other's parameter alone."""

    class Game(nn.Module):
        def __init__(self):
            super().__init__()
            self.u, self.v = nn.Parameter(torch.tensor(1.0)), nn.Parameter(torch.tensor(1.0))
            self.seen = []

        def checked(self, x):
            return x

        def players(self):
            def loss(sign):
                def of(x):
                    self.seen.append((self.u.item(), self.v.item()))
                    return Loss(sign * self.u * self.v, {"product": (sign, self.u * self.v)})

                return of

            return [Player("down", [self.u], loss(1.0)), Player("up", [self.v], loss(-1.0), rate=2.0)]

    game = Game()
    training.fit(game, torch.zeros(4, 1), steps=1, lr=0.1, progress=False)
    assert game.seen[0] == (1.0, 1.0)
    assert game.seen[1] == (pytest.approx(0.9), 1.0)
    assert game.u.item() == pytest.approx(0.9) and game.v.item() == pytest.approx(1.2)  # twice the rate


def test_history_has_every_term_and_names_a_missing_column():
    _, history = run(25)
    assert history.steps == [10, 20, 25]
    total = history["autoencoder/distortion"] + 0.5 * history["autoencoder/rate"]
    torch.testing.assert_close(history["autoencoder/total"], total)
    with pytest.raises(KeyError, match="autoencoder/rate"):
        history["rate"]


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        (None, distortion + 3.0 * rate, r"objective None there, \{'distortion': 1.0, 'rate': 3.0\} here"),
        (distortion + 3.0 * rate, None, "objective .* there, None here"),
        (distortion + 3.0 * rate, distortion + 2.0 * rate, "'rate': 3.0.* there, .*'rate': 2.0.* here"),
        (distortion + rate, distortion + free_bits(0.1), "free bits.* here"),
    ],
)
def test_a_checkpoint_of_another_objective_is_refused(tmp_path, first, then, told):
    """Put in the recipe's place after the file was written, it would otherwise be passed over without a word."""

    def trained(objective, steps):
        model = models.create("vae", **SMALL)
        if objective is not None:
            model.objective = objective
        training.fit(model, patterns(), steps=steps, progress=False, checkpoint=tmp_path / "run.safetensors")
        return model

    trained(first, 2)
    with pytest.raises(ValueError, match=told):
        trained(then, 4)
    resumed = trained(first, 4)
    (tmp_path / "run.safetensors").unlink()
    assert same(resumed, trained(first, 4))


@pytest.mark.parametrize("name", ["lag_vae", "vrnn"])
def test_a_recipe_s_own_objective_may_move_and_goes_on(tmp_path, name):
    """Multipliers and an annealed weight are training's state, and no other objective."""
    settings = {"x_dim": 3, "steps": 2, "z_dim": 2, "hidden": 8, "warm_up": 5} if name == "vrnn" else SMALL
    model = models.create(name, **settings)
    for steps in (2, 4):
        training.fit(model, patterns(), steps=steps, progress=False, checkpoint=tmp_path / "run.safetensors")
    assert len(model.state_dict()) == len(models.create(name, **settings).state_dict())
    assert not any("own_objective" in key for key in model.state_dict())
