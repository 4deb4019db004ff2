"""Get one file from several mirrors: resumed where it was cut, checked by digest, written atomically.

The digest is that of the *decompressed* bytes, because mirrors compress the same content differently. A
``.part`` file therefore belongs to one address: bytes of two mirrors never mix. A lock file per target lets
two processes ask for the same file; the second waits and then reads what the first one fetched.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock
from tqdm import tqdm

CHUNK = 1 << 16
MIN_SPEED = 1024  # bytes a second, over a window of `timeout` seconds; slower counts as stalled
AGENT = "dgm-tutor (course material; fetches public data sets)"


class DownloadError(RuntimeError):
    """No mirror gave the right file: what each one did, and how to put the file there by hand."""


class _Failed(Exception):
    """This mirror did not deliver. ``again``: worth another try at the same address."""

    def __init__(self, why: str, again: bool):
        super().__init__(why)
        self.again = again


@dataclass(frozen=True)
class RemoteFile:
    """A file as it must be after decompression. Mirrors hold it as ``name + ".gz"``."""

    name: str
    size: int
    sha256: str

    def matches(self, content: bytes) -> bool:
        return len(content) == self.size and hashlib.sha256(content).hexdigest() == self.sha256


def fetch(
    file: RemoteFile,
    folder: Path,
    mirrors: Sequence[str],
    *,
    timeout: float = 20,
    tries: int = 3,
    wait: float = 1,
) -> bytes:
    """The verified, decompressed content of ``file``; from ``folder``, else from the mirrors in turn.

    A torn or tampered copy in ``folder`` is refused and fetched again; ``NAME.gz`` put there by hand is
    used if it is right. Each mirror is tried up to ``tries`` times, ``wait`` seconds apart (doubling); a
    connection that moves less than ``MIN_SPEED`` over ``timeout`` seconds is given up. Raises
    DownloadError.
    """
    if (content := _stored(file, folder)) is not None:
        return content
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f"{file.name}.lock"):
        if (content := _stored(file, folder)) is not None:  # another process fetched it while this one waited
            return content
        told: list[str] = []
        content = _by_hand(file, folder, told) or _download(file, folder, mirrors, told, timeout, tries, wait)
        write_atomically(folder / file.name, content)
        return content


def _stored(file: RemoteFile, folder: Path) -> bytes | None:
    path = folder / file.name
    content = path.read_bytes() if path.exists() else b""
    return content if file.matches(content) else None


def _by_hand(file: RemoteFile, folder: Path, told: list[str]) -> bytes | None:
    path = folder / f"{file.name}.gz"
    try:
        return unpack(path.read_bytes(), file) if path.exists() else None
    except _Failed as failure:
        told.append(f"  {path}: {failure}")
        return None


def _download(
    file: RemoteFile,
    folder: Path,
    mirrors: Sequence[str],
    told: list[str],
    timeout: float,
    tries: int,
    wait: float,
) -> bytes:
    for mirror in mirrors:
        url = f"{mirror.rstrip('/')}/{file.name}.gz"
        part = folder / f"{file.name}.{hashlib.sha256(url.encode()).hexdigest()[:8]}.part"
        for attempt in range(tries):
            if attempt:
                time.sleep(wait * 2 ** (attempt - 1))
            try:
                return _attempt(url, part, file, timeout)
            except _Failed as failure:
                told.append(f"  {url}: {failure}")
                if not failure.again:
                    break
    raise DownloadError(
        f"could not get {file.name}. What was tried:\n" + "\n".join(told) + "\n"
        f"What to do: check the connection and try again (what has arrived is kept and resumed), or put "
        f"{file.name}.gz, from any source, into {folder} by hand. The environment variable DGM_TUTOR_CACHE "
        "chooses another cache folder, DGM_TUTOR_MIRROR another address to fetch from."
    )


def _attempt(url: str, part: Path, file: RemoteFile, timeout: float) -> bytes:
    _receive(url, part, limit=2 * file.size + CHUNK, timeout=timeout)
    try:
        return unpack(part.read_bytes(), file)
    finally:
        part.unlink()  # complete: it is either right and used, or wrong and must not be resumed


def _receive(url: str, part: Path, limit: int, timeout: float) -> None:
    """Append to ``part`` until it holds all that ``url`` has; what arrived before a _Failed stays."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"User-Agent": AGENT} | ({"Range": f"bytes={have}-"} if have else {})
    request = urllib.request.Request(url, headers=headers)
    try:
        response = urllib.request.urlopen(request, timeout=timeout)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing after what we have: complete, or not the file we began
            if error.headers.get("Content-Range", "") == f"bytes */{have}":
                return
            part.unlink(missing_ok=True)
        busy = error.code in (408, 416, 429) or error.code >= 500
        raise _Failed(f"HTTP {error.code} {error.reason}", again=busy) from None
    except urllib.error.URLError as error:  # no such host, refused, no route, bad certificate
        raise _Failed(_reason(error), again=False) from None
    except (OSError, http.client.HTTPException) as error:
        raise _Failed(_reason(error), again=not _timed_out(error)) from None
    with response:
        resumed = have > 0 and response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
        have = have if resumed else 0
        total = have + response.length if response.length is not None else None
        with (
            part.open("ab" if resumed else "wb") as out,
            _bar(url.rsplit("/", 1)[-1], have, total) as bar,
        ):
            _copy(response, out, bar, limit - have, timeout)
    got = part.stat().st_size
    if total is not None and got < total:
        raise _Failed(f"connection cut after {got:,} of {total:,} bytes", again=True)


def _bar(name: str, have: int, total: int | None) -> tqdm:
    return tqdm(desc=name, total=total, initial=have, unit="B", unit_scale=True, leave=False)


def _copy(response: http.client.HTTPResponse, out, bar: tqdm, limit: int, timeout: float) -> None:
    window, moved, total = time.monotonic(), 0, 0
    while True:
        try:
            chunk = response.read1(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _Failed(_reason(error), again=not _timed_out(error)) from None
        if not chunk:
            return
        out.write(chunk)
        bar.update(len(chunk))
        moved, total = moved + len(chunk), total + len(chunk)
        if total > limit:
            out.truncate(0)
            raise _Failed(f"sends far more than the file can be ({total:,} bytes and counting)", again=False)
        if time.monotonic() - window > timeout:
            if moved < MIN_SPEED * timeout:
                raise _Failed(f"stalled: {moved:,} bytes in {timeout:g} s", again=False)
            window, moved = time.monotonic(), 0


def _timed_out(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or isinstance(getattr(error, "reason", None), TimeoutError)


def _reason(error: Exception) -> str:
    if _timed_out(error):
        return "no answer in time"
    return str(getattr(error, "reason", error)) or type(error).__name__


def unpack(packed: bytes, file: RemoteFile) -> bytes:
    """Decompress, never beyond the size that ``file`` must have, and verify. Raises _Failed."""
    try:
        content = zlib.decompressobj(wbits=31).decompress(packed, file.size + 1)
    except zlib.error as error:
        raise _Failed(f"not a sound gzip file ({error})", again=True) from None
    if not file.matches(content):
        raise _Failed("wrong content (the digest of the decompressed bytes differs)", again=True)
    return content


def write_atomically(path: Path, content: bytes) -> None:
    """All of ``content`` under ``path``, or nothing: a reader never sees half a file."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
