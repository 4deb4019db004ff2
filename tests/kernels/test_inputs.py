"""What does not fit an operation is refused with what was expected and what was given, before any work is done."""

import pytest
import torch

from dgm_tutor.kernels import logistic_mixture, mixture, pairwise, residual

N, M, D, K = 6, 4, 3, 2


def randn(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


OPERATIONS = {
    "squared_mmd": (lambda x, y: pairwise.squared_mmd(x, y, "rbf", 1.0), [(N, D), (M, D)]),
    "log_mixture": (lambda z, mean, std: mixture.log_mixture(z, mean, std.exp()), [(N, D), (M, D), (M, D)]),
    "planar_stack": (lambda *t: residual.planar_stack(*t)[0], [(N, D), (K, N, D), (K, N, D), (K, N), (K, N)]),
    "radial_stack": (lambda *t: residual.radial_stack(*t)[0], [(N, D), (K, N, D), (K, N), (K, N)]),
    "log_prob": (lambda *t: logistic_mixture.log_prob(*t, 4), [(N,), (N, K), (N, K), (N, K)]),
    "draw": (lambda *t: logistic_mixture.draw(*t, 4), [(N,), (N, K), (N, K), (N, K)]),
}


@pytest.fixture(params=OPERATIONS)
def operation(request):
    run, shapes = OPERATIONS[request.param]
    return run, [randn(*shape) for shape in shapes]


def test_what_fits_runs_and_memory_need_not_be_contiguous(operation):
    run, inputs = operation
    torch.testing.assert_close(run(*(t.mT.contiguous().mT if t.dim() > 1 else t for t in inputs)), run(*inputs))


def test_an_input_of_another_shape_is_refused(operation):
    run, inputs = operation
    for i, t in enumerate(inputs):
        for wrong in (t[..., :-1], t.unsqueeze(0), t[..., 0]):
            with pytest.raises(ValueError, match=r"expected .*, got .*\("):
                run(*inputs[:i], wrong, *inputs[i + 1 :])


def test_an_input_of_another_type_is_refused(operation):
    run, inputs = operation
    for i, t in enumerate(inputs[:-1]):
        with pytest.raises(ValueError, match="one float type, got .*float64"):
            run(*inputs[:i], t.double(), *inputs[i + 1 :])
    with pytest.raises(ValueError, match="one float type, got .*int64"):
        run(*(t.long() for t in inputs[:-1]), inputs[-1])


def test_numbers_that_make_no_sense_are_refused():
    x, y = randn(N, D), randn(M, D)
    for kernel, bandwidth in (("laplace", 1.0), ("rbf", 0.0), ("imq", -1.0), ("rbf", float("nan"))):
        with pytest.raises(ValueError, match="expected one of rbf, imq, and a number > 0"):
            pairwise.squared_mmd(x, y, kernel, bandwidth)
    with pytest.raises(ValueError, match="at least 2 points each"):
        pairwise.squared_mmd(x[:1], y, "rbf", 1.0)
    assert pairwise.squared_mmd(x[:1], y, "rbf", 1.0, unbiased=False).isfinite()
    with pytest.raises(ValueError, match="N and M at least 1"):
        mixture.log_mixture(x[:0], y, y.exp())
    with pytest.raises(ValueError, match="levels=1"):
        logistic_mixture.log_prob(randn(N), *[randn(N, K)] * 3, 1)
