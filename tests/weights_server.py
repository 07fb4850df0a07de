"""A web server of the test's own that does what servers and networks do to long downloads."""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest


class WeightsServer(ThreadingHTTPServer):
    """Serves `files` by name.

    Attributes
    ----------
    asked
        The Range header of every request, in order.
    breaks
        For the next requests: after how many bytes of the body the connection is closed.
    statuses
        For the next requests: another status than 200 or 206.
    ranges
        Whether it can begin in the middle.
    lengths
        Whether it says how long the answer is.
    place
        What it says of a part in place of the truth.
    on_asked
        Called at every request with how many there were before.
    stall_after
        After how many bytes it falls silent, until it is closed or `go_on` is set.
    """

    daemon_threads = False  # closing waits for them

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str | None] = []
        self.breaks: list[int] = []
        self.statuses: list[int] = []
        self.ranges = self.lengths = True
        self.kind = "application/octet-stream"
        self.etag = self.place = ""
        self.on_asked: Callable[[int], object] = lambda before: None
        self.stall_after: int | None = None
        self.go_on = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/models"

    def add(self, data: bytes, stem: str = "small", ending: str = ".pth") -> str:
        """Serve some bytes under a name that says their hash, and return the name."""
        name = f"{stem}-{hashlib.sha256(data).hexdigest()[:8]}{ending}"
        self.files[name] = data
        return name

    def publish(self, monkeypatch: pytest.MonkeyPatch, network: str, data: bytes) -> str:
        """Let `data` be what torchvision publishes for a network, here; return the file's name."""
        from cnnviz.models import torchvision_zoo

        before = torchvision_zoo.published_weights
        name = self.add(data, network)
        meta = {**before(network).meta, "_file_size": len(data) / 2**20}
        entry = SimpleNamespace(name="TEST_V1", url=f"{self.url}/{name}", meta=meta)
        monkeypatch.setattr(torchvision_zoo, "published_weights", lambda n: entry if n == network else before(n))
        return name


class _Handler(BaseHTTPRequestHandler):
    server: WeightsServer

    def do_GET(self) -> None:
        server = self.server
        wanted = self.headers["Range"]
        server.on_asked(len(server.asked))
        server.asked.append(wanted)
        name = self.path.rpartition("/")[2]
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        if name not in server.files:
            self.send_error(404)
            return
        data = server.files[name]
        start = 0
        if wanted and server.ranges and self.headers.get("If-Range", server.etag) == server.etag:
            found = re.fullmatch(r"bytes=(\d+)-", wanted)
            assert found is not None
            start = int(found[1])
        if start >= len(data) > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(data)}")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", server.place or f"bytes {start}-{len(data) - 1}/{len(data)}")
        if server.lengths:
            self.send_header("Content-Length", str(len(data) - start))
        if server.etag:
            self.send_header("ETag", server.etag)
        self.send_header("Content-Type", server.kind)
        self.end_headers()
        body = data[start:]
        if server.breaks:
            body = body[: server.breaks.pop(0)]
        with contextlib.suppress(OSError):  # those who were served may have left
            at = len(body) if server.stall_after is None else server.stall_after
            self.wfile.write(body[:at])
            if at < len(body):
                server.go_on.wait(30)
                self.wfile.write(body[at:])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving() -> Iterator[WeightsServer]:
    """Run a server, and wait for all of its threads and for those who still listen to it."""
    with WeightsServer() as server:
        thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), name="server")
        thread.start()
        try:
            yield server
        finally:
            server.go_on.set()
            server.shutdown()
            thread.join()
    for left in threading.enumerate():
        if left.name == "download":
            left.join(10)
