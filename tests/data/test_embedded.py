"""The samples in the package: the committed bytes, where they come from, and their rights."""

import gzip
import hashlib
import runpy
from importlib import resources

import numpy as np
import pytest
import torch

from dgm_tutor import data
from dgm_tutor.data import embedded, full

from .conftest import SOURCE_FOLDERS, real_folder

FILES = resources.files("dgm_tutor.data") / "files"


def test_the_committed_files_have_their_digests():
    sums = dict(line.split()[::-1] for line in (FILES / "SHA256SUMS").read_text().splitlines())
    packed = [path for path in FILES.iterdir() if path.name.endswith(".xz")]
    assert sums == {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in packed}
    assert set(sums) == {"mnist.npz.xz", "fashion.npz.xz", "chorales.npz.xz"}
    assert sum(len(path.read_bytes()) for path in packed) < 5_000_000


@pytest.mark.parametrize(("name", "train", "test"), [("mnist", 10_000, 2_000), ("fashion", 6_000, 1_000)])
def test_samples_are_balanced_distinct_images_of_the_right_size(name, train, test):
    loaded = data.load(name)
    for split, n in ((loaded.train, train), (loaded.test, test)):
        assert split.x.shape == (n, 28, 28) and split.x.dtype == torch.uint8
        assert split.y.dtype == torch.int64 and split.y.bincount().tolist() == [n // 10] * 10
        assert 0 < split.x.float().mean() < 128 and split.x.max() == 255
    both = {x.numpy().tobytes() for split in (loaded.train, loaded.test) for x in split.x}
    assert len(both) >= train + test - 5  # Fashion-MNIST itself holds a few pictures twice
    assert len(loaded.classes) == 10


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_a_nearest_mean_reads_the_labels(name):
    """Images and labels belong together: a shuffled label file would give 10%."""
    loaded = data.load(name)
    x, y = loaded.train.pixels().flatten(1), loaded.train.y
    means = torch.stack([x[y == k].mean(0) for k in range(10)])
    guess = torch.cdist(loaded.test.pixels().flatten(1), means).argmin(1)
    assert (guess == loaded.test.y).float().mean() > 0.6


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_samples_come_from_the_real_sets(root, name):
    """Where the full files are at hand, the sample is theirs; everywhere, it names distinct positions in them."""
    arrays = embedded.read(name)
    for half, n in (("train", 60_000), ("test", 10_000)):
        index = arrays[f"{half}_index"]
        assert len(np.unique(index)) == len(index) == len(arrays[f"{half}_images"])
        assert index.min() >= 0 and index.max() < n
    source = real_folder(root)
    if source is None:
        return
    folder = source / SOURCE_FOLDERS[name]
    keys = ("train_images", "train_labels", "test_images", "test_labels")
    for key, file in zip(keys, full.SETS[name].files, strict=True):
        whole = full.parse_idx(gzip.decompress((folder / f"{file.name}.gz").read_bytes())).numpy()
        assert np.array_equal(arrays[key], whole[arrays[f"{key.split('_')[0]}_index"]])


def test_cutting_again_gives_the_same_arrays(root):
    """``scripts/cut_data.py`` is what made the files; without the sources, its choice is checked on made labels."""
    cut = runpy.run_path(str(root / "scripts" / "cut_data.py"))
    source = real_folder(root)
    if source is not None:
        for name in ("mnist", "fashion"):
            assert_same_arrays(cut["cut_images"](name, source), embedded.read(name))
        assert_same_arrays(cut["cut_chorales"](source), embedded.read("chorales"))
    labels = np.random.default_rng(1).integers(0, 10, 5_000)
    chosen = cut["balanced"](labels, 1_000, np.random.default_rng(2))
    assert np.array_equal(chosen, cut["balanced"](labels, 1_000, np.random.default_rng(2)))
    assert len(set(chosen)) == 1_000 and np.bincount(labels[chosen]).tolist() == [100] * 10


def assert_same_arrays(a, b):
    assert a.keys() == b.keys()
    for key in a:
        assert np.array_equal(a[key], b[key]), key


def test_chorales_are_bachs_range_whole_and_named():
    loaded = data.load("chorales")
    assert (len(loaded.train), len(loaded.test)) == (294, 74)
    for split in (loaded.train, loaded.test):
        assert split.x.dtype == torch.int64 and split.x.shape[2] == 4
        assert len(split.names) == len(set(split.names)) == len(split)
        rows = torch.arange(split.x.shape[1])
        held = rows < split.length[:, None]
        assert (split.x[~held] == 0).all()  # padding is rest
        sounding = split.x[split.x > 0]
        assert sounding.min() >= 36 and sounding.max() <= 81
        mean = [split.x[..., v][split.x[..., v] > 0].float().mean().item() for v in range(4)]
        assert mean == sorted(mean, reverse=True)  # soprano above alto above tenor above bass
    assert int(loaded.train.length.sum() + loaded.test.length.sum()) == 40_000
    assert not set(loaded.train.names) & set(loaded.test.names)
    assert "bwv10.7" in loaded.train.names + loaded.test.names


def test_no_chorale_is_on_both_sides_of_the_split_not_even_transposed():
    def shapes(split):
        for x, n in zip(split.x, split.length, strict=True):
            notes = x[:n]
            yield torch.where(notes > 0, notes - notes[notes > 0].min(), -1).numpy().tobytes()

    loaded = data.load("chorales")
    assert not set(shapes(loaded.train)) & set(shapes(loaded.test))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MNIST", ["CC BY-SA 3.0", "LeCun", "creativecommons.org/licenses/by-sa/3.0", "Changes:"]),
        ("FASHION-MNIST", ["Copyright (c) 2017 Zalando SE", "Permission is hereby granted", "AS IS"]),
        ("CHORALES", ["public domain", "music21", "Changes:"]),
    ],
)
def test_every_embedded_set_has_its_licence_beside_it(name, words):
    text = (FILES / f"LICENSE-{name}").read_text()
    for word in words:
        assert word in text
