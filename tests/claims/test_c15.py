"""C15, C16 and C18: tiny forms give every number, the measures know known answers, the verdicts go both ways."""

import pytest
import torch

from dgm_tutor.claims import Figure, c15, c16, c18


def figure(mean):
    """Three seeds about a mean."""
    return Figure((0.9 * mean, mean, 1.1 * mean))


# C15


def shapes(aae, baseline, p):
    found = {}
    for called in c15.PRIORS.values():
        found[f"MMD^2, {called}, AAE"], found[f"p-value, {called}, AAE"] = figure(aae), Figure(p)
        for name in c15.BASELINES:
            found[f"MMD^2, {called}, {name}"] = figure(baseline)
            found[f"closer than {name}, {called}"] = figure(baseline - aae)
    return found


@pytest.mark.parametrize(
    ("aae", "baseline", "p", "kind"),
    [
        (0.001, 0.1, (0.3, 0.6, 0.2), "confirmed"),
        (0.01, 0.1, (0.3, 0.002, 0.2), "qualified"),
        (0.2, 0.1, (0.002, 0.002, 0.002), "not seen at this scale"),
    ],
)
def test_a_shape_is_matched_where_the_test_cannot_tell(aae, baseline, p, kind):
    assert c15.judge(shapes(aae, baseline, p)).kind == kind


def test_a_tiny_autoencoder_on_shapes_has_every_number():
    torch.manual_seed(0)
    found = c15.measure(0, False, steps=2, points=40)
    assert {f"MMD^2, mixture, {n}" for n in ("AAE", *c15.BASELINES)} <= found.keys()
    assert all(0 < value <= 1 for name, value in found.items() if name.startswith("p-value"))
    assert c15.judge({name: Figure((value, value)) for name, value in found.items()}).why


def test_the_gaussian_has_the_shape_s_moments():
    torch.manual_seed(0)
    z = torch.randn(20_000, 2) @ torch.tensor([[1.0, 0.5], [0.0, 2.0]]) + 3
    like = c15.gaussian_like(z)
    torch.testing.assert_close(like.mean(0), z.mean(0), rtol=0, atol=0.1)
    torch.testing.assert_close(like.T.cov(), z.T.cov(), rtol=0, atol=0.2)


# C16


def sharper(by, cost, score, frechet):
    found = {"sharper by": by, "likelihood lower by (nats)": cost, "score higher by": score}
    found["Frechet distance lower by"] = frechet
    for name in c16.WEIGHTS:
        for quantity in ("sharpness", "classifier score", "Frechet distance"):
            found[f"{quantity}, {name}"] = 1.0
        found[f"log p(x) bound, {name} (nats)"] = -50.0
    return {name: figure(value) for name, value in found.items()}


@pytest.mark.parametrize(
    ("figures", "kind", "why"),
    [
        (sharper(0.3, 5.0, 1.0, -1.0), "confirmed", "better digits"),
        (sharper(0.3, 5.0, -1.0, -1.0), "qualified", "not better digits"),
        (sharper(0.3, -5.0, 1.0, 1.0), "qualified", "no cost"),
        (sharper(-0.3, 5.0, 1.0, 1.0), "not seen at this scale", "does not sharpen"),
    ],
)
def test_sharpness_is_weighed_against_its_cost(figures, kind, why):
    verdict = c16.judge(figures)
    assert verdict.kind == kind and why in verdict.why


def test_sharpness_falls_when_an_image_is_blurred():
    images = torch.bernoulli(torch.full((50, 14, 14), 0.3), generator=torch.Generator().manual_seed(0))
    blurred = torch.nn.functional.avg_pool2d(images, 3, stride=1, padding=1)
    assert c16.sharpness(blurred.flatten(1)) < c16.sharpness(images.flatten(1)) / 5
    assert c16.sharpness(2 * images.flatten(1)) == pytest.approx(4 * c16.sharpness(images.flatten(1)))
    assert c16.sharpness(torch.ones(2, 25)) == 0


def test_a_tiny_vae_gan_has_every_number():
    torch.manual_seed(0)
    found = c16.measure(0, False, steps=2, images=20, held_out=4, samples=2)
    difference = found["log p(x) bound, VAE (nats)"] - found["log p(x) bound, VAE + GAN (nats)"]
    assert found["likelihood lower by (nats)"] == pytest.approx(difference)
    assert found["sharper by"] == pytest.approx(found["sharpness, VAE + GAN"] - found["sharpness, VAE"])
    assert c16.judge({name: Figure((value, value)) for name, value in found.items()}).why


# C18


def read_off(chance, k_means, slant, width):
    found = {"accuracy above chance": chance, "accuracy above k-means": k_means, "bound on MI(x; y) (nats)": 2.0}
    for name in ("InfoGAN", "k-means"):
        found |= {f"cluster accuracy, {name}": 0.5, f"NMI, {name}": 0.5}
    for name, above in (("slant", slant), ("width", width)):
        found |= {f"|correlation|, {name}, codes": 0.5, f"|correlation|, {name}, noise": 0.1}
        found[f"{name}, codes above noise"] = above
    return {name: figure(value) for name, value in found.items()}


@pytest.mark.parametrize(
    ("figures", "kind", "why"),
    [
        (read_off(0.5, 0.2, 0.4, 0.4), "confirmed", "accuracy"),
        (read_off(0.5, 0.2, 0.4, -0.4), "qualified", "carry slant beyond"),
        (read_off(0.2, -0.2, 0.4, 0.4), "qualified", "not clearly better than k-means"),
        (read_off(-0.05, -0.3, -0.1, -0.1), "not seen at this scale", "does not find"),
    ],
)
def test_codes_are_judged_beside_k_means_and_noise(figures, kind, why):
    verdict = c18.judge(figures)
    assert verdict.kind == kind and why in verdict.why


def test_slant_and_width_know_sheared_and_stretched_bars():
    side = 15
    rows, columns = torch.meshgrid(torch.arange(side) - 7.0, torch.arange(side) - 7.0, indexing="ij")
    bars = [((columns - shear * rows).abs() <= half).float() for shear in (-0.5, 0.0, 0.5) for half in (0.6, 2.1)]
    bars = [bar * (rows.abs() <= 5) for bar in bars]
    slant, width = c18.slant_and_width(torch.stack(bars).flatten(1))
    torch.testing.assert_close(slant, torch.tensor([-0.5, -0.5, 0.0, 0.0, 0.5, 0.5]), rtol=0, atol=0.06)
    assert (width[1::2] > 1.9 * width[::2]).all()
    torch.testing.assert_close(width[3], torch.tensor(2.0).sqrt(), rtol=0, atol=1e-3)  # of -2 .. 2


def test_correlations_are_within_classes():
    generator = torch.Generator().manual_seed(0)
    classes = torch.randint(3, (3000,), generator=generator)
    z = torch.randn(3000, 2, generator=generator)
    factor = 10.0 * classes + z[:, 1] + torch.randn(3000, generator=generator)
    found = c18.correlations(z, factor, classes)
    assert found[0] < 0.06 and found[1].item() == pytest.approx(0.5**0.5, abs=0.03)


def test_k_means_finds_far_clusters():
    torch.manual_seed(0)
    labels = torch.arange(300) % 3
    x = 20 * torch.eye(3)[labels] + torch.randn(300, 3)
    found = [c18.k_means(x, x, 3) for _ in range(5)]
    assert any(len(set(zip(f.tolist(), labels.tolist(), strict=True))) == 3 for f in found)


def test_a_tiny_info_gan_has_every_number():
    torch.manual_seed(0)
    found = c18.measure(0, False, steps=2, images=200)
    assert 0.1 < found["cluster accuracy, k-means"] < 0.8 and 0 <= found["NMI, InfoGAN"] <= 1
    assert found["bound on MI(x; y) (nats)"] <= 2.31
    assert c18.judge({name: Figure((value, value)) for name, value in found.items()}).why
