"""One file from faulty mirrors: whatever happens, the right bytes or a clear error, and never half a file."""

import gzip
import hashlib
import os
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from dgm_tutor.data import DownloadError
from dgm_tutor.data import fetch as module
from dgm_tutor.data.fetch import RemoteFile, fetch, write_atomically

CONTENT = np.random.default_rng(0).integers(0, 256, 300_000, dtype=np.uint8).tobytes()
PACKED = gzip.compress(CONTENT)
FILE = RemoteFile("things", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
QUICK = {"timeout": 0.5, "wait": 0.01}


@pytest.fixture
def mirrors(server):
    server.files = {"/one/things.gz": PACKED, "/two/things.gz": gzip.compress(CONTENT, 1)}
    return [f"{server.url}/one", f"{server.url}/two/"]


def get(folder, mirrors, **options):
    return fetch(FILE, folder, mirrors, **(QUICK | options))


def assert_clean(folder):
    """The file is there and right; nothing unfinished lies about."""
    assert (folder / "things").read_bytes() == CONTENT
    assert {path.name for path in folder.iterdir()} <= {"things", "things.lock", "things.gz"}


def test_a_good_mirror_is_asked_once_and_the_cache_afterwards(server, mirrors, tmp_path):
    assert get(tmp_path / "deep" / "folder", mirrors) == CONTENT
    assert get(tmp_path / "deep" / "folder", mirrors) == CONTENT
    assert server.requests == [("/one/things.gz", None)]
    assert_clean(tmp_path / "deep" / "folder")


def test_a_cut_connection_is_resumed_and_sends_exactly_the_rest(server, mirrors, tmp_path):
    server.faults = ["cut"]
    assert get(tmp_path, mirrors) == CONTENT
    assert server.requests == [("/one/things.gz", None), ("/one/things.gz", f"bytes={len(PACKED) // 2}-")]
    assert server.sent == len(PACKED)
    assert_clean(tmp_path)


def test_what_arrived_is_resumed_by_the_next_call(server, mirrors, tmp_path):
    server.faults = ["cut"]
    with pytest.raises(DownloadError, match="connection cut after"):
        get(tmp_path, mirrors[:1], tries=1)
    assert get(tmp_path, mirrors[:1]) == CONTENT
    assert server.sent == len(PACKED)
    assert_clean(tmp_path)


def test_a_server_that_ignores_range_is_read_from_the_start(server, mirrors, tmp_path):
    server.faults = ["cut", "no range"]
    assert get(tmp_path, mirrors) == CONTENT
    assert [wanted is not None for _, wanted in server.requests] == [False, True]
    assert_clean(tmp_path)


def test_a_part_that_is_already_complete_is_used(server, mirrors, tmp_path):
    server.faults = ["cut"]
    with pytest.raises(DownloadError):
        get(tmp_path, mirrors[:1], tries=1)
    (part,) = tmp_path.glob("*.part")
    part.write_bytes(PACKED)
    assert get(tmp_path, mirrors[:1]) == CONTENT
    assert server.sent == len(PACKED) // 2  # nothing more was sent


@pytest.mark.parametrize("stale", [PACKED + b"more", bytes(1000)], ids=["too long", "other bytes"])
def test_a_part_of_something_else_does_not_stick(server, mirrors, tmp_path, stale):
    server.faults = ["cut"]
    with pytest.raises(DownloadError):
        get(tmp_path, mirrors[:1], tries=1)
    (part,) = tmp_path.glob("*.part")
    part.write_bytes(stale)
    assert get(tmp_path, mirrors[:1]) == CONTENT
    assert_clean(tmp_path)


def test_parts_of_two_mirrors_never_mix(server, mirrors, tmp_path):
    server.faults = ["stall"]  # half of /one arrives; /two compresses differently and is asked for all of its own
    assert get(tmp_path, mirrors) == CONTENT
    assert server.requests[1:] == [("/two/things.gz", None)]


@pytest.mark.parametrize("fault", ["flip", "truncate", "no length", "cut", 500, 503, 429])
def test_a_passing_fault_is_tried_again_at_the_same_mirror(server, mirrors, tmp_path, fault):
    server.faults = [fault]
    assert get(tmp_path, mirrors) == CONTENT
    assert {path for path, _ in server.requests} == {"/one/things.gz"}
    assert_clean(tmp_path)


@pytest.mark.parametrize("fault", [404, 403, "stall", "drip", "endless"])
def test_a_hopeless_mirror_is_left_at_once_for_the_next(server, mirrors, tmp_path, fault):
    server.faults = [fault]
    assert get(tmp_path, mirrors) == CONTENT
    assert [path for path, _ in server.requests] == ["/one/things.gz", "/two/things.gz"]


@pytest.mark.parametrize("fault", ["flip", "truncate", "cut", 500])
def test_a_mirror_that_stays_faulty_is_left_for_the_next(server, mirrors, tmp_path, fault):
    server.faults = [fault] * 3
    assert get(tmp_path, mirrors) == CONTENT
    assert [path for path, _ in server.requests] == ["/one/things.gz"] * 3 + ["/two/things.gz"]


def test_wrong_bytes_are_refused_even_if_every_mirror_sends_them(server, mirrors, tmp_path):
    server.files = dict.fromkeys(server.files, gzip.compress(CONTENT[:-1] + b"!"))
    with pytest.raises(DownloadError, match="wrong content"):
        get(tmp_path, mirrors)
    assert not (tmp_path / "things").exists()
    assert not list(tmp_path.glob("*.part"))


def test_a_gzip_bomb_is_not_unpacked(server, mirrors, tmp_path):
    server.files = {"/one/things.gz": gzip.compress(bytes(100_000_000))}
    tracemalloc.start()
    with pytest.raises(DownloadError, match="wrong content"):
        get(tmp_path, mirrors[:1], tries=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_too_many_bytes_are_not_kept(server, mirrors, tmp_path):
    server.faults = ["endless"]
    with pytest.raises(DownloadError, match="far more than the file can be"):
        get(tmp_path, mirrors[:1])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 0
    assert get(tmp_path, mirrors[:1]) == CONTENT


def test_everything_down_says_what_was_tried_and_what_to_do(server, mirrors, tmp_path):
    server.always = 500
    gone = "http://127.0.0.1:1"  # nothing listens there
    with pytest.raises(DownloadError) as error:
        get(tmp_path / "here", [*mirrors, gone])
    message = str(error.value)
    for address in (*mirrors, gone):
        assert f"{address.rstrip('/')}/things.gz: " in message
    assert "HTTP 500" in message and "refused" in message
    assert f"put things.gz, from any source, into {tmp_path / 'here'} by hand" in message
    assert "DGM_TUTOR_CACHE" in message


@pytest.mark.parametrize(
    "spoilt",
    [b"", CONTENT[:-1], CONTENT + b"x", bytes([CONTENT[0] ^ 1]) + CONTENT[1:]],
    ids=["empty", "torn", "longer", "one bit"],
)
def test_a_torn_or_tampered_cache_is_fetched_again(server, mirrors, tmp_path, spoilt):
    (tmp_path / "things").write_bytes(spoilt)
    assert get(tmp_path, mirrors) == CONTENT
    assert len(server.requests) == 1
    assert_clean(tmp_path)


def test_a_file_put_there_by_hand_needs_no_mirror(server, tmp_path):
    (tmp_path / "things.gz").write_bytes(gzip.compress(CONTENT, 3))
    assert get(tmp_path, []) == CONTENT
    assert_clean(tmp_path)


def test_a_wrong_file_put_there_by_hand_is_named_and_kept(server, tmp_path):
    (tmp_path / "things.gz").write_bytes(b"not gzip")
    with pytest.raises(DownloadError, match=r"things\.gz: not a sound gzip file"):
        get(tmp_path, [])
    assert (tmp_path / "things.gz").read_bytes() == b"not gzip"


def test_an_interrupted_write_leaves_the_old_file_and_nothing_half(tmp_path, monkeypatch):
    target = tmp_path / "things"
    target.write_bytes(b"old")

    def interrupted(self: Path, content: bytes) -> None:
        with open(self, "wb") as out:
            out.write(content[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(target, CONTENT)
    monkeypatch.undo()
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["things"]


def test_an_interrupted_download_keeps_what_arrived_and_the_next_call_goes_on(server, mirrors, tmp_path, monkeypatch):
    class Interrupting(module.tqdm):
        def update(self, n=1):
            super().update(n)
            if self.n > len(PACKED) // 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(module, "tqdm", Interrupting)
    with pytest.raises(KeyboardInterrupt):
        get(tmp_path, mirrors)
    monkeypatch.undo()
    (part,) = tmp_path.glob("*.part")
    kept = part.stat().st_size
    assert len(PACKED) // 3 < kept < len(PACKED)
    assert get(tmp_path, mirrors) == CONTENT
    assert server.requests[-1][1] == f"bytes={kept}-"
    assert_clean(tmp_path)


# Loads the one module by its path: the package would import torch, which takes seconds.
ASKER = """
import importlib.util, pathlib, sys
path, folder, sha256, size, *mirrors = sys.argv[1:]
spec = importlib.util.spec_from_file_location("fetch", path)
sys.modules["fetch"] = fetch = importlib.util.module_from_spec(spec)
spec.loader.exec_module(fetch)
print("ready", flush=True)
input()
content = fetch.fetch(fetch.RemoteFile("things", int(size), sha256), pathlib.Path(folder), mirrors)
print(len(content))
"""


def test_processes_that_ask_at_once_download_once(server, mirrors, tmp_path):
    server.always = "slow"
    command = [sys.executable, "-c", ASKER, module.__file__, tmp_path, FILE.sha256, str(FILE.size), *mirrors]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    askers = [subprocess.Popen(command, **pipes) for _ in range(3)]
    assert [asker.stdout.readline() for asker in askers] == ["ready\n"] * 3
    for asker in askers:
        asker.stdin.write("go\n")
        asker.stdin.flush()
    assert [asker.communicate()[0] for asker in askers] == [f"{FILE.size}\n"] * 3
    assert len(server.requests) == 1
    assert_clean(tmp_path)


def test_threads_that_ask_at_once_download_once(server, mirrors, tmp_path):
    server.always = "slow"
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(lambda _: get(tmp_path, mirrors) == CONTENT, range(4)))
    assert len(server.requests) == 1
