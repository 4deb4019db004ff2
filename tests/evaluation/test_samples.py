"""Sample scores where the answer is known, and the classifier that they look through."""

import math

import pytest
import torch
from torch import Tensor

from dgm_tutor import data, evaluation, models
from dgm_tutor.evaluation import classifier_score, frechet_distance, precision_recall, sample_scores
from dgm_tutor.evaluation.classifier import WEIGHTS, DigitClassifier, accuracy, digit_classifier, notes, resized


@pytest.fixture(scope="module")
def test_digits():
    split = data.load("mnist").test
    return split.pixels().flatten(1), split.y


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def whitened(points: Tensor) -> Tensor:
    """The same points with mean exactly 0 and covariance exactly I."""
    points = points - points.mean(0)
    return torch.linalg.solve_triangular(torch.linalg.cholesky(points.T.cov()), points.T, upper=False).T


@pytest.mark.parametrize("side", [28, 14, 8])
def test_the_classifier_s_accuracy_is_what_its_record_says(test_digits, side):
    x, y = test_digits
    found = accuracy(digit_classifier(), resized(x, side), y)
    assert found == pytest.approx(notes()["accuracy by side"][str(side)], abs=2e-3)
    assert found > {28: 0.98, 14: 0.975, 8: 0.95}[side]
    assert WEIGHTS.stat().st_size < 400_000


def test_a_classifier_that_says_nothing_scores_one_and_a_perfect_one_the_number_of_classes():
    uniform = torch.full((40, 10), 0.1).log()
    perfect = torch.eye(10).repeat(4, 1).clamp_min(1e-30).log()
    assert classifier_score(uniform).value == pytest.approx(1.0, abs=1e-6)
    assert classifier_score(perfect).value == pytest.approx(10.0, abs=1e-6)
    assert classifier_score(perfect[:1].repeat(40, 1)).value == pytest.approx(1.0, abs=1e-6)
    impossible = torch.where(torch.eye(10).repeat(4, 1) > 0, 0.0, -1e9)
    assert classifier_score(impossible).value == pytest.approx(10.0, abs=1e-6)


def test_the_score_is_exp_of_the_mutual_information_of_a_known_world():
    """Two classes seen with error rate e: MI = log 2 - H(e)."""
    error = 0.2
    rows = torch.tensor([[1 - error, error], [error, 1 - error]], dtype=torch.float64).repeat(10, 1)
    entropy = -(error * math.log(error) + (1 - error) * math.log(1 - error))
    assert classifier_score(rows.log()).value == pytest.approx(2 * math.exp(-entropy))


def test_the_score_s_standard_error_is_the_spread_over_draws_of_images():
    logits = 2 * noise(200, 400, 5)
    scores = [classifier_score(rows.log_softmax(-1)) for rows in logits]
    spread = torch.tensor([s.value for s in scores]).std().item()
    assert sum(s.standard_error for s in scores) / len(scores) == pytest.approx(spread, rel=0.15)


def test_frechet_distance_of_gaussians_is_the_closed_form():
    """N(0, A) and N(m, B) with A, B diagonal: |m|^2 + sum (a - b)^2 of the standard deviations."""
    a, b = torch.tensor([1.0, 2.0, 0.5]).double(), torch.tensor([2.0, 1.0, 0.7]).double()
    m = torch.tensor([1.0, 0.0, -2.0]).double()
    base = whitened(noise(500, 3))
    truth = (m.square().sum() + (a - b).square().sum()).item()
    assert frechet_distance(base * a, base * b + m) == pytest.approx(truth, rel=1e-9)
    turn = torch.linalg.qr(noise(3, 3, seed=1))[0]
    assert frechet_distance(base * a @ turn, (base * b + m) @ turn) == pytest.approx(truth, rel=1e-9)


def test_frechet_distance_of_covariances_that_do_not_commute():
    """2 x 2: tr (A B)^1/2 = sqrt(tr AB + 2 sqrt(det AB))."""
    base = whitened(noise(300, 2))
    left, right = torch.tensor([[1.0, 0.6], [0.0, 0.8]]).double(), torch.tensor([[0.5, 0.0], [1.0, 2.0]]).double()
    a, b = left.T @ left, right.T @ right
    overlap = ((a @ b).trace() + 2 * (a @ b).det().sqrt()).sqrt()
    truth = (a.trace() + b.trace() - 2 * overlap).item()
    assert frechet_distance(base @ left, base @ right) == pytest.approx(truth, rel=1e-9)
    assert frechet_distance(base, base) == pytest.approx(0.0, abs=1e-9)


def test_precision_falls_where_samples_leave_the_data_and_recall_where_they_miss_some():
    modes = torch.tensor([[0.0, 0.0], [50.0, 0.0]]).double()
    both = torch.cat([modes[0] + noise(100, 2), modes[1] + noise(100, 2, seed=1)])
    one = modes[0] + noise(200, 2, seed=2)
    wide = torch.cat([both, torch.tensor([0.0, 500.0]) + noise(200, 2, seed=3)])
    precision, recall = precision_recall(both, one)
    assert precision > 0.9 and recall == pytest.approx(0.5, abs=0.05)
    precision, recall = precision_recall(both, wide)
    assert precision == pytest.approx(0.5, abs=0.05) and recall == 1.0


def test_precision_and_recall_count_balls_to_the_kth_neighbour():
    """On a line: real points at 0, 1, 3 have 1-neighbour radii 1, 1, 2, so they cover [-1, 2] and [1, 5]."""
    real = torch.tensor([[0.0], [1.0], [3.0]])
    made = torch.tensor([[-0.9], [-1.1], [4.9], [5.1]])
    assert precision_recall(real, made, k=1)[0] == 0.5
    assert precision_recall(made, real, k=1)[1] == 0.5


def test_chunks_do_not_change_precision_and_recall(monkeypatch):
    import dgm_tutor.evaluation.samples as samples

    real, made = noise(60, 3), 1.5 * noise(50, 3, seed=1)
    whole = precision_recall(real, made)
    chunked = samples._covered(made, real, 3, chunk=7), samples._covered(real, made, 3, chunk=7)
    assert whole == chunked


def test_real_digits_beat_blurred_and_noisy_ones_on_every_score(test_digits):
    x = test_digits[0]
    real, other = x[:800], x[800:1600]
    noisy = (other + 0.8 * torch.randn(other.shape, generator=torch.Generator().manual_seed(0))).clamp(0, 1)
    good, bad = sample_scores(other, real), sample_scores(noisy, real)
    assert good.classifier_score.value > bad.classifier_score.value + 1
    assert good.classifier_score.value > 9
    assert good.frechet < 0.2 * bad.frechet
    assert good.precision > bad.precision + 0.3


def test_scores_see_small_images_too(test_digits):
    x = resized(test_digits[0], 8)
    assert sample_scores(x[:500], x[500:1000]).classifier_score.value > 7.5


def test_bad_input_is_refused_with_what_was_expected():
    with pytest.raises(ValueError, match="square images"):
        DigitClassifier()(torch.rand(3, 15))
    with pytest.raises(ValueError, match="flatten"):
        sample_scores(torch.rand(5, 28, 28), torch.rand(5, 784))
    with pytest.raises(ValueError, match="log_softmax"):
        classifier_score(torch.randn(8, 10))
    with pytest.raises(ValueError, match="one dimension"):
        frechet_distance(torch.rand(8, 3), torch.rand(8, 2))
    with pytest.raises(ValueError, match="4 examples"):
        precision_recall(torch.rand(3, 2), torch.rand(8, 2))
    with pytest.raises(ValueError, match="NaN"):
        frechet_distance(torch.full((8, 3), math.nan), torch.rand(8, 3))


@pytest.mark.parametrize(
    "x", [torch.rand(3, 63), torch.rand(3, 8, 8), torch.rand(64), torch.zeros(3, 64, dtype=torch.uint8)]
)
def test_only_flattened_square_images_of_floats_are_resized(x):
    """An image (8, 8) has a square number of rows, too, and must not be taken for pixels in a row."""
    with pytest.raises(ValueError, match="flattened square images"):
        resized(x, 4)
    with pytest.raises(ValueError, match="at least one pixel"):
        resized(torch.rand(3, 64), 0)


def test_a_model_without_a_posterior_is_told_so():
    gan = models.create("gan", x_dim=6, z_dim=2, hidden=(8,))
    for measure in (evaluation.information, evaluation.rate_distortion):
        with pytest.raises(ValueError, match="no posterior"):
            measure(gan, torch.rand(5, 6))
