"""Pictures: the pixels asked for, the words required, the same bytes every time."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from dgm_tutor.figures import Picture, figure, png, show, tile


def read(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def test_tile_puts_every_image_where_its_number_says():
    images = np.random.default_rng(1).random((5, 4, 3), dtype=np.float32)
    grid = tile(images, columns=2, gap=1)
    assert grid.dtype == np.uint8 and grid.shape == (3 * 4 + 2, 2 * 3 + 1)
    for i, image in enumerate(images):
        top, left = i // 2 * 5, i % 2 * 4
        np.testing.assert_array_equal(grid[top : top + 4, left : left + 3], (image * 255).round())
    assert (grid[10:, 4:] == 255).all(), "the empty last place is paper"
    assert (grid[4] == 255).all() and (grid[:, 3] == 255).all(), "gaps are paper"


def test_tile_keeps_colours_apart():
    red = torch.zeros(1, 3, 2, 2)
    red[:, 0] = 1
    np.testing.assert_array_equal(tile(red)[0, 0], [255, 0, 0])


@pytest.mark.parametrize(
    "bad", [np.zeros((2, 2)), np.zeros((1, 2, 4, 4)), np.zeros((0, 4, 4)), np.full((1, 4, 4), 1.5)]
)
def test_tile_refuses_what_it_cannot_show(bad):
    with pytest.raises(ValueError, match="tile"):
        tile(bad)


def test_tile_refuses_nan():
    with pytest.raises(ValueError, match="nan"):
        tile(np.full((1, 4, 4), np.nan))


def test_png_loses_nothing():
    array = np.random.default_rng(2).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(read(png(array)), array)


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_a_picture_without_words_is_refused(alt):
    with pytest.raises(ValueError, match="alt text"):
        Picture(png(np.zeros((2, 2), np.uint8)), alt)


def test_a_picture_says_its_words_in_every_form_and_keeps_its_shape():
    picture = Picture(png(np.zeros((10, 20), np.uint8)), 'a "dark" <square>', width=60)
    data, about = picture._repr_mimebundle_()
    assert 'alt="a &quot;dark&quot; &lt;square&gt;"' in data["text/html"] == picture.html
    assert data["text/plain"] == about["image/png"]["alt"] == picture.alt
    assert picture.size == (60, 30) and 'width="60" height="30"' in picture.html


def plot():
    fig, ax = figure(4, 3)
    ax.plot([1, 10, 100], [0, 1, 4])
    ax.set(xscale="log", xlabel="rate (nats)", ylabel="distortion (nats)")
    return fig, ax


def test_the_same_figure_gives_the_same_bytes():
    assert show(plot()[0], "a curve").png == show(plot()[0], "a curve").png


def test_place_finds_the_very_pixel_that_matplotlib_painted():
    fig, ax = figure(4, 3)
    ax.plot([20.0], [3.0], marker="s", markersize=6, color="#ff0000", linestyle="none")
    ax.set(xscale="log", xlim=(1, 100), ylim=(0, 4), xlabel="rate (nats)", ylabel="distortion (nats)")
    picture = show(fig, "one red square")
    pixels = read(picture.png)[..., :3].astype(int)
    rows, columns = np.nonzero((pixels[..., 0] > 250) & (pixels[..., 1] < 5) & (pixels[..., 2] < 5))
    across, down = picture.place(20.0, 3.0)
    height, width = pixels.shape[:2]
    assert abs(across * width - columns.mean()) < 1.5 and abs(down * height - rows.mean()) < 1.5


def test_place_stays_with_the_picture_when_the_figure_goes_on():
    fig, ax = plot()
    picture = show(fig, "a curve")
    before = picture.place(10, 1)
    ax.set_xlim(1e-3, 1e6)
    show(fig, "another view")
    assert picture.place(10, 1) == before
