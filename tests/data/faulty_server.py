"""A web server on loopback that fails on purpose: one fault a request, in the order given."""

from __future__ import annotations

import contextlib
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class FaultyServer:
    """``files``: path -> bytes. ``faults``: what the next requests meet; once it is empty, all is well.

    A fault is an HTTP status (404, 500), or one of
    "cut"        closes after half of what it promised
    "stall"      sends half and then nothing, connection open
    "drip"       sends one byte at a time, slowly, for 5 s
    "flip"       one bit wrong, in the middle
    "truncate"   half of the file, announced as if it were all
    "endless"    no length, and 20 MB, which is far too much
    "no range"   good bytes, but Range is ignored
    "no length"  good bytes, chunked, with no Content-Length
    "slow"       good bytes after a pause
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: list[int | str] = []
        self.always: int | str | None = None
        self.requests: list[tuple[str, str | None]] = []  # path and Range of each
        self.sent = 0  # bytes of bodies
        self.closing = threading.Event()

    def __enter__(self) -> FaultyServer:
        server = self

        class Handler(_Handler):
            world = server

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    world: FaultyServer

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        world, wanted = self.world, self.headers.get("Range")
        world.requests.append((self.path, wanted))
        fault = world.faults.pop(0) if world.faults else world.always
        self.close_connection = True
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # the client may have had enough
            self._answer(fault, world.files.get(self.path), wanted)

    def _answer(self, fault: int | str | None, content: bytes | None, wanted: str | None) -> None:
        if isinstance(fault, int) or content is None:
            return self._head(fault or 404, 0)
        if fault == "slow":
            self.world.closing.wait(0.3)
        if fault == "truncate":
            content = content[: len(content) // 2]
        if fault == "flip":
            middle = len(content) // 2
            content = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted and fault != "no range" else 0
        if start >= len(content):
            return self._head(416, 0, **{"Content-Range": f"bytes */{len(content)}"})
        body = content[start:]
        extra = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        if fault == "endless":
            return self._endless()
        if fault == "no length":
            self._head(200, None, **{"Transfer-Encoding": "chunked"})
            return self._write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body))
        self._head(206 if start else 200, len(body), **extra)
        if fault == "drip":
            return self._drip(body)
        self._write(body[: len(body) // 2] if fault in ("cut", "stall") else body)
        if fault == "stall":
            self.world.closing.wait(30)
        return None

    def _head(self, status: int, length: int | None, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _write(self, body: bytes) -> None:
        self.world.sent += len(body)  # counted first: the client may look as soon as it has the last byte
        self.wfile.write(body)

    def _drip(self, body: bytes) -> None:
        for byte in body[:250]:
            self._write(bytes([byte]))
            if self.world.closing.wait(0.02):
                return

    def _endless(self) -> None:
        self._head(200, None)
        for _ in range(20):
            self._write(bytes(1_000_000))
