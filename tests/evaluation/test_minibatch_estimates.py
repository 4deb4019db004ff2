"""Minibatch estimates of log q(z), their bias found by summing over every batch."""

import math

import pytest
import torch
from torch.distributions import Normal

from dgm_tutor.evaluation import minibatch_stratified, minibatch_weighted

from .latent_worlds import Plane, f64, subsets_with

POINTS = len(Plane.x)


@pytest.fixture(scope="module")
def log_q():
    """log q(z_i|x_j), z_i ~ q(z|x_i): (N, N), and one density a dimension: (N, N, 2)."""
    q = Normal(Plane.x, 0.6)  # wide: every point's density is felt at every other
    torch.manual_seed(3)
    dims = q.log_prob(q.sample().unsqueeze(1))
    return dims.sum(-1), dims


def over_batches(estimator, log_q, batch):
    """The estimates of each log q(z_i) over all batches that hold i: (N, batches)."""
    found = [
        [estimator(log_q[list(b)][:, list(b)], POINTS)[0] for b in subsets_with(i, POINTS, batch)]
        for i in range(POINTS)
    ]
    return f64(found)


@pytest.mark.parametrize("batch", [2, 3, 5])
def test_stratified_density_is_unbiased_and_its_log_is_low(log_q, batch):
    truth = log_q[0].logsumexp(1) - math.log(POINTS)
    estimates = over_batches(minibatch_stratified, log_q[0], batch)
    torch.testing.assert_close(estimates.exp().mean(1), truth.exp())
    assert (estimates.mean(1) < truth - 1e-6).all()


@pytest.mark.parametrize("batch", [2, 3, 5])
def test_weighted_density_is_low_by_the_batch_size_or_more(log_q, batch):
    truth = log_q[0].logsumexp(1) - math.log(POINTS)
    estimates = over_batches(minibatch_weighted, log_q[0], batch)
    assert (estimates.exp().mean(1) < truth.exp() / batch).all()
    assert (estimates.mean(1) < truth - math.log(batch)).all()


def test_bias_of_stratified_sampling_shrinks_with_the_batch(log_q):
    truth = (log_q[0].logsumexp(1) - math.log(POINTS)).mean()
    bias = [over_batches(minibatch_stratified, log_q[0], batch).mean() - truth for batch in (2, 3, 4, 5)]
    assert bias == sorted(bias)


def test_whole_set_is_exact_when_stratified_and_low_by_log_n_when_weighted(log_q):
    for table in log_q:
        truth = table.logsumexp(1) - math.log(POINTS)
        torch.testing.assert_close(minibatch_stratified(table, POINTS), truth)
        torch.testing.assert_close(minibatch_weighted(table, POINTS), truth - math.log(POINTS))


@pytest.mark.parametrize("estimator", [minibatch_stratified, minibatch_weighted])
def test_dimensions_are_estimated_each_for_itself(log_q, estimator):
    found = estimator(log_q[1][:4, :4], POINTS)
    assert found.shape == (4, 2)
    for j in range(2):
        torch.testing.assert_close(found[:, j], estimator(log_q[1][:4, :4, j], POINTS))


@pytest.mark.parametrize("estimator", [minibatch_stratified, minibatch_weighted])
def test_gradient_reaches_every_pair_and_bad_input_is_refused(log_q, estimator):
    table = log_q[0].clone().requires_grad_()
    estimator(table, 100).sum().backward()
    assert (table.grad > 0).all()
    with pytest.raises(ValueError, match=r"\(M, M\)"):
        estimator(log_q[0][:3], POINTS)
    with pytest.raises(ValueError, match="size"):
        estimator(log_q[0], POINTS - 1)
    with pytest.raises(ValueError, match="batch"):
        estimator(log_q[0][:1, :1], POINTS)
