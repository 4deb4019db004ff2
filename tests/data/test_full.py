"""Full sets end to end: fetched from mirrors with faults, verified, cached; the addresses and the cache folder."""

import gzip
import hashlib

import numpy as np
import platformdirs
import pytest
import torch

from dgm_tutor import data
from dgm_tutor.data import full

from .conftest import idx

# Of the decompressed files, as the field publishes them (torchvision and others list those of MNIST).
MD5 = {
    "mnist": [
        "6bbc9ace898e44ae57da46a324031adb",
        "a25bea736e30d166cdddb491f175f624",
        "2646ac647ad5339dbf082846283269ea",
        "27ae3e4e09519cfbb04c329615203637",
    ],
    "fashion": [
        "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "9018921c3c673c538a1fc5bad174d6f9",
        "8181f5470baa50b63fa0f6fddb340f0a",
        "15d484375f8d13e6eb1aabb0c3f46965",
    ],
}


@pytest.fixture
def campus(server, full_sets, cache, monkeypatch):
    """A mirror on loopback that has both sets, chosen by the environment."""
    server.files = {
        f"/data/{name}/{file}": content for name, files in full_sets.packed.items() for file, content in files.items()
    }
    monkeypatch.setenv("DGM_TUTOR_MIRROR", f"{server.url}/data/")
    return server


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_a_full_set_survives_faults_and_is_fetched_once(campus, full_sets, cache, name):
    campus.faults = ["cut", "flip"]
    loaded = data.load(name, full=True)
    packed = full_sets.packed[name]
    expected = torch.frombuffer(bytearray(gzip.decompress(packed["train-images-idx3-ubyte.gz"])), dtype=torch.uint8)
    assert torch.equal(loaded.train.x.flatten(), expected[16:])
    expected = torch.frombuffer(bytearray(gzip.decompress(packed["t10k-labels-idx1-ubyte.gz"])), dtype=torch.uint8)
    assert torch.equal(loaded.test.y, expected[8:].long())
    for split in (loaded.train, loaded.test):
        assert split.x.dtype == torch.uint8 and split.x.shape[1:] == (28, 28)
        assert split.y.dtype == torch.int64 and split.y.shape == (len(split),)
    if full_sets.real:
        assert (len(loaded.train), len(loaded.test)) == (60_000, 10_000)

    asked = len(campus.requests)
    assert asked == 4 + 2  # four files, one resumed, one fetched again
    again = data.load(name, full=True)
    assert torch.equal(again.train.x, loaded.train.x)
    assert len(campus.requests) == asked
    assert {entry["name"]: entry["full"] for entry in data.describe()}[name] == "cached"


def test_a_tampered_cached_image_is_put_right(campus, cache):
    original = data.load("fashion", full=True)
    path = cache / "fashion" / "t10k-images-idx3-ubyte"
    content = bytearray(path.read_bytes())
    content[5000] ^= 255
    path.write_bytes(content)
    assert torch.equal(data.load("fashion", full=True).test.x, original.test.x)
    assert [path for path, _ in campus.requests[4:]] == ["/data/fashion/t10k-images-idx3-ubyte.gz"]


def test_without_a_connection_the_error_says_what_to_do(cache, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("DGM_TUTOR_MIRROR", "http://127.0.0.1:1")
    with pytest.raises(data.DownloadError) as error:
        data.load("mnist", full=True)
    assert str(cache / "mnist") in str(error.value) and "by hand" in str(error.value)


def test_files_put_there_by_hand_are_enough(full_sets, cache, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("DGM_TUTOR_MIRROR", "http://127.0.0.1:1")
    (cache / "fashion").mkdir(parents=True)
    for name, content in full_sets.packed["fashion"].items():
        (cache / "fashion" / name).write_bytes(content)
    assert len(data.load("fashion", full=True).test) > 0


@pytest.mark.parametrize("name", ["mnist", "fashion"])
def test_the_pinned_digests_are_those_of_the_published_files(full_sets, name):
    for file, md5 in zip(full.SETS[name].files, MD5[name], strict=True):
        content = gzip.decompress(full_sets.packed[name][f"{file.name}.gz"])
        assert file.matches(content)
        if full_sets.real:
            assert hashlib.md5(content).hexdigest() == md5


def test_every_public_set_has_several_mirrors_on_different_hosts():
    for name, public in full.SETS.items():
        assert full.mirrors(name) == public.mirrors
        hosts = {address.split("/")[2] for address in public.mirrors}
        assert len(hosts) == len(public.mirrors) >= 3


def test_a_mirror_must_be_a_web_address(cache, monkeypatch):
    monkeypatch.setenv("DGM_TUTOR_MIRROR", "/some/folder")
    with pytest.raises(ValueError, match=r"DGM_TUTOR_MIRROR is '/some/folder'.*http"):
        data.load("mnist", full=True)


def test_the_cache_folder_is_the_platforms_unless_chosen(cache, monkeypatch):
    assert data.cache_folder() == cache
    monkeypatch.delenv("DGM_TUTOR_CACHE")
    assert data.cache_folder() == platformdirs.user_cache_path("dgm-tutor", appauthor=False)


def test_idx_files_are_read_in_their_own_order():
    array = np.arange(2 * 3 * 4).reshape(2, 3, 4)
    assert full.parse_idx(idx(array)).tolist() == array.tolist()


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04" + bytes(100), b"\x00\x00\x0d\x01" + bytes(8), idx(np.zeros((2, 2)))[:-1]],
    ids=["empty", "zip", "floats", "short"],
)
def test_what_is_no_idx_file_of_bytes_is_refused(content):
    with pytest.raises(ValueError, match="IDX"):
        full.parse_idx(content)
