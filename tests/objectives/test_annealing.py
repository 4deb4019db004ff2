"""Annealing: the weight that is said, at the step that is said, through a resume, and seen by training alone."""

import pytest
import torch

from dgm_tutor import models, training
from dgm_tutor.objectives import Draw, annealed, distortion, rate

STEPS = 20


def made(objective=None):
    model = models.create("vae", x_dim=6, z_dim=2, hidden=(8,))
    model.objective = objective if objective is not None else distortion + annealed(rate, STEPS)
    return model


def binary(n=64):
    return (torch.rand(n, 6, generator=torch.Generator().manual_seed(0)) < 0.4).float()


def fit(model, steps, **settings):
    return training.fit(model, binary(), steps=steps, batch_size=16, lr=1e-2, progress=False, **settings)


def weight(model, term="rate"):
    return float(model.train().loss(binary()).terms[term][0])


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize("steps", [1, 7, 20, 33])
def test_the_weight_grows_linearly_to_one_and_stays(steps):
    model = made()
    assert weight(model) == 0
    fit(model, steps)
    assert weight(model) == pytest.approx(min(steps / STEPS, 1))
    assert weight(model, "distortion") == 1


def test_the_total_is_the_weighted_sum_of_terms_that_keep_their_values():
    model = made(distortion + annealed(4.0 * rate, STEPS))
    fit(model, 5)
    model.train()
    draw = Draw(model, binary())
    loss = model.objective(draw)
    assert float(loss.terms["rate"][0]) == pytest.approx(4 * 5 / STEPS)
    torch.testing.assert_close(loss.terms["rate"][1], rate.value(draw).mean())
    torch.testing.assert_close(loss.total, sum(w * value for w, value in loss.terms.values()))


def test_it_is_trained_as_if_each_step_had_its_own_weight():
    """By hand: the same batches and noise, and a new plain objective at every step."""
    model, by_hand = made(), made(distortion + rate)
    fit(model, 30)
    done = []

    def reweighted(x):
        by_hand.objective = distortion + torch.tensor(max(len(done) - 1, 0) / STEPS).clamp(max=1) * rate
        done.append(1)  # the first call checks the data, then one a step
        return x

    fit(by_hand, 30, transform=reweighted)
    pairs = zip(by_hand.state_dict().items(), model.state_dict().items(), strict=False)
    assert all(torch.equal(ours, theirs) for (_, ours), (_, theirs) in pairs)


@pytest.mark.parametrize("stop", [1, 13, 27])
def test_resuming_is_exact(tmp_path, stop):
    straight = made()
    fit(straight, 40)
    fit(made(), stop, checkpoint=tmp_path / "run.safetensors")
    resumed = made()
    fit(resumed, 40, checkpoint=tmp_path / "run.safetensors")
    assert "objective.step" in resumed.state_dict() and same(straight, resumed)


def test_looking_at_a_loss_moves_nothing():
    model = made()
    fit(model, 3)
    model.train()
    model.loss(binary())
    with torch.no_grad():
        model.loss(binary())
    model.eval()
    model.loss(binary()).total.backward()
    assert weight(model) == pytest.approx(3 / STEPS)


def test_evaluation_sees_the_final_weights():
    model, plain = made(), made(distortion + rate)
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if k != "objective.step"})
    for ask in (lambda m: m.loss(binary()).total, lambda m: m.elbo(binary()), lambda m: m.log_marginal(binary(), 5)):
        answers = []
        for m in (model, plain):
            torch.manual_seed(0)
            answers.append(ask(m.eval()))
        assert torch.equal(*answers)


def test_a_failed_step_does_not_count():
    model = made()
    with torch.no_grad():
        model.decoder.network[0].weight[0, 0] = float("nan")
    with pytest.raises(training.Diverged):
        fit(model, 3)
    assert model.objective.step == 0


def test_objectives_add_and_scale_around_it():
    draw = Draw(made(), binary())
    slow, quick = annealed(rate, 10), annealed(rate, 5)
    expected = {
        distortion + slow: (1.0, 0.2),
        slow + distortion: (1.0, 0.2),
        distortion + 3.0 * rate + slow: (1.0, 3.2),
        2.0 * (distortion + slow): (2.0, 0.4),
        distortion + slow + quick: (1.0, 0.6),
        annealed(distortion + rate, 10): (0.2, 0.2),
    }
    for objective, weights in expected.items():
        objective.step.fill_(2)
        terms = objective(draw).terms
        assert (float(terms["distortion"][0]), float(terms["rate"][0])) == pytest.approx(weights)


def test_it_prints_what_it_comes_to():
    assert (distortion + annealed(4.0 * rate, 10)).latex == (distortion + 4.0 * rate).latex
    assert str(distortion + annealed(4.0 * rate, 10)) == str(distortion + 4.0 * rate)


def test_no_steps_leave_an_objective_as_it_is():
    objective = distortion + annealed(rate, 0)
    assert objective.weights == (distortion + rate).weights and not isinstance(objective, torch.nn.Module)


def test_weights_kept_in_16_bits_hold_the_step():
    model = made()
    fit(model, 3)
    model.load_state_dict({k: v.half().float() for k, v in model.state_dict().items()})
    assert weight(model) == pytest.approx(3 / STEPS)


@pytest.mark.parametrize("steps", [-1, 2.5, "10"])
def test_a_number_of_steps_that_is_none_is_refused(steps):
    with pytest.raises(ValueError, match="integer of at least 0"):
        annealed(rate, steps)
