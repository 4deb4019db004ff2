"""The catalogue: names, shapes, seeds, errors; pixels and binarisation."""

import pytest
import torch

from dgm_tutor import data

NAMES = [
    *("mnist", "fashion", "chorales", "sprites", "colour_digits"),
    *("two_moons", "rings", "checkerboard", "mixture"),
]


def tensors(split):
    parts = {"x": split.x, "y": split.y, "factors": split.factors, "length": split.length, **split.modalities}
    return {name: part for name, part in parts.items() if part is not None}


def test_names():
    assert data.names() == NAMES


@pytest.fixture(scope="module", params=NAMES)
def loaded(request):
    return data.load(request.param, seed=3)


def test_the_catalogue_says_what_is_loaded(loaded):
    described = {entry["name"]: entry for entry in data.describe()}
    assert list(described) == NAMES
    entry = described[loaded.name]
    assert (entry["train"], entry["test"]) == (len(loaded.train), len(loaded.test))
    assert (entry["license"], entry["source"]) == (loaded.license, loaded.source)
    assert loaded.license and loaded.source
    shape = loaded.train.x.shape[1:]
    assert len(entry["shape"]) == len(shape)
    assert all(size in ("time", n) for size, n in zip(entry["shape"], shape, strict=True))


def test_rows_belong_together(loaded):
    for split in (loaded.train, loaded.test):
        assert {len(part) for part in tensors(split).values()} == {len(split)}
        if split.factors is not None:
            sizes = torch.tensor(split.factor_sizes)
            assert len(split.factor_names) == len(sizes) == split.factors.shape[1]
            assert ((split.factors >= 0) & (split.factors < sizes)).all()


def test_a_seed_settles_everything(loaded):
    again = data.load(loaded.name, seed=3)
    for half in ("train", "test"):
        a, b = tensors(getattr(loaded, half)), tensors(getattr(again, half))
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_another_seed_draws_anew_and_leaves_the_embedded_sets_alone(loaded):
    same = torch.equal(data.load(loaded.name, seed=4).train.x, loaded.train.x)
    assert same == (loaded.name in ("mnist", "fashion", "chorales"))


def test_loading_leaves_the_global_generator_alone(loaded):
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    data.load(loaded.name)
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize(
    ("given", "meant"),
    [("minst", "mnist"), ("Fashion-MNIST", "fashion"), ("two-moons", "two_moons"), ("color_digits", "colour_digits")],
)
def test_an_unknown_name_gets_the_closest_known_one(given, meant):
    with pytest.raises(ValueError) as error:
        data.load(given)
    message = str(error.value)
    assert repr(given) in message and f"Did you mean {meant!r}?" in message
    assert all(name in message for name in NAMES)


def test_a_name_like_no_other_gets_the_list():
    with pytest.raises(ValueError, match="Known: mnist, fashion") as error:
        data.load("zzzz")
    assert "Did you mean" not in str(error.value)


@pytest.mark.parametrize("name", NAMES[2:])
def test_full_is_refused_where_there_is_nothing_larger(name):
    with pytest.raises(ValueError, match="full=True is for: mnist, fashion"):
        data.load(name, full=True)


def test_what_is_not_downloaded_is_called_so(tmp_path, monkeypatch):
    monkeypatch.setenv("DGM_TUTOR_CACHE", str(tmp_path))
    states = {entry["name"]: entry["full"] for entry in data.describe()}
    assert states["mnist"] == states["fashion"] == "not downloaded"
    assert states["sprites"] == "none"


def test_pixels_are_grey_levels_in_the_unit_interval():
    split = data.load("mnist").test
    pixels = split.pixels()
    assert pixels.dtype == torch.float32 and pixels.shape == split.x.shape
    assert pixels.min() == 0 and pixels.max() == 1
    assert torch.equal((255 * pixels).round().to(torch.uint8), split.x)


@pytest.mark.parametrize("name", ["chorales", "mixture"])
def test_what_holds_no_images_has_no_pixels(name):
    with pytest.raises(TypeError, match=r"pixels\(\) is for images"):
        data.load(name).test.pixels()


def test_binarised_pixels_are_coins_with_the_grey_level_as_mean():
    grey = torch.linspace(0, 1, 11).expand(20_000, 11)
    coins = data.binarise(grey, torch.Generator().manual_seed(0))
    assert coins.dtype == torch.float32 and set(coins.unique().tolist()) == {0.0, 1.0}
    error = (coins.mean(0) - grey[0]).abs()
    assert error[0] == error[-1] == 0
    assert (error <= 4.5 * (grey[0] * (1 - grey[0]) / len(grey)).sqrt()).all()
    assert coins[:, 5].var(unbiased=False) > 0.24  # drawn anew for every pixel


def test_binarisation_follows_its_generator_and_keeps_the_shape():
    grey = torch.rand(5, 28, 28, generator=torch.Generator().manual_seed(1))
    first, again = (data.binarise(grey, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, again) and first.shape == grey.shape
    generator = torch.Generator().manual_seed(7)
    assert not torch.equal(data.binarise(grey, generator), data.binarise(grey, generator))


@pytest.mark.parametrize("bad", [torch.tensor([0.5, 1.2]), torch.tensor([-0.1]), torch.tensor([float("nan"), 0.0])])
def test_levels_that_are_no_probabilities_are_refused(bad):
    with pytest.raises(ValueError, match=r"in \[0, 1\]"):
        data.binarise(bad)


@pytest.mark.parametrize("draw", [data.binarise, data.dequantise])
def test_missing_levels_are_counted_and_the_error_says_what_to_do(draw):
    with pytest.raises(ValueError, match=r"NaN in 2 of 6 values: leave them out or fill them in"):
        draw(torch.tensor([[0.5, float("nan"), 1.0], [0.0, 0.2, float("nan")]]))


def test_bytes_are_refused_with_a_hint():
    with pytest.raises(TypeError, match=r"split\.pixels\(\)"):
        data.binarise(torch.zeros(3, dtype=torch.uint8))
