"""A small hub for tests: a real HTTP server on this machine that serves files as the Hugging Face hub does.

    with HubServer({"timm/test_resnet.r160_in1k": {"model.safetensors": weights}}) as hub:
        ...  # huggingface_hub, pointed at hub.url, downloads from it
        assert hub.paths == {"/timm/test_resnet.r160_in1k/resolve/main/model.safetensors"}

A repository that is not among the files is missing; so is a file that is not in its repository. `Manners` says what
else goes wrong. Knows nothing of networks, nor of who asks.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Small, so that a slow download is a steady one.
_PIECE_BYTES = 16_384
_PATH = re.compile(r"/(?P<repository>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


@dataclass(frozen=True)
class Manners:
    """How the server treats who asks; without arguments, the hub on a good day.

    Attributes:
        gated: only for people who accepted the terms.
        silent_to: the methods that it never answers: "HEAD", "GET".
        stall_at: the byte of the file before which it stops sending, without hanging up, until `HubServer.mend`.
        cut_at: the byte of the file before which it hangs up.
        cuts: how many times it does so.
        declared_bytes: the size that the headers tell, where it is not the file's.
        tells_size: whether the headers tell a size.
        is_a_hub: whether the headers name the commit, as no other web server's do.
        knows_ranges: whether it answers a request for a part with that part, or with the whole file.
        bytes_per_second: how fast it sends.
    """

    gated: bool = False
    silent_to: tuple[str, ...] = ()
    stall_at: int | None = None
    cut_at: int | None = None
    cuts: float = math.inf
    declared_bytes: int | None = None
    tells_size: bool = True
    is_a_hub: bool = True
    knows_ranges: bool = True
    bytes_per_second: float = math.inf


@dataclass(frozen=True)
class Request:
    """What was asked for. `range` is the header: None, or a text such as "bytes=1000-"."""

    method: str
    path: str
    range: str | None


class HubServer(ThreadingHTTPServer):
    """Listens from its creation on, answers inside a `with` block.

    Args:
        files: repository -> file name -> content.
        manners: what goes wrong.
    """

    def __init__(self, files: Mapping[str, Mapping[str, bytes]], manners: Manners | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files = files
        self.manners = manners or Manners()
        self.requests: list[Request] = []
        self.gone = False
        self._cuts = 0
        self._mended = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.vanish()
        self.shutdown()
        self.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """What `HF_ENDPOINT` would be."""
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def paths(self) -> set[str]:
        """All paths that were asked for."""
        return {request.path for request in self.requests}

    @property
    def downloads(self) -> list[Request]:
        """The requests for a file's content."""
        return [request for request in self.requests if request.method == "GET"]

    def mend(self) -> None:
        """The hub on a good day from now on; who waits gets the rest."""
        self.manners = Manners()
        self._mended.set()

    def vanish(self) -> None:
        """Hang up on all who wait, and have no repository from now on: nobody has a reason to try again."""
        self.gone = True
        self.mend()

    def wait_until_mended(self, seconds: float | None = None) -> None:
        """Wait for `mend` or `vanish`, at most so long."""
        self._mended.wait(seconds)

    def takes_a_cut(self) -> bool:
        """Whether to hang up once more; counts."""
        with self._lock:
            self._cuts += 1
            return self._cuts <= self.manners.cuts

    def handle_error(self, request: object, client_address: object) -> None:
        """Print what went wrong, unless it is only that the other side hung up."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing: the tests look at `HubServer.requests`."""

    def _answer(self) -> None:
        hub = self.server
        self.close_connection = True
        hub.requests.append(Request(self.command, self.path, self.headers.get("Range")))
        if self.command in hub.manners.silent_to:
            hub.wait_until_mended()
            if hub.gone:
                return
        asked = _PATH.fullmatch(self.path)
        if hub.gone or not asked or asked["repository"] not in hub.files:
            self._refuse(404, "RepoNotFound")
        elif hub.manners.gated:
            self._refuse(403, "GatedRepo")
        elif asked["file"] not in hub.files[asked["repository"]]:
            self._refuse(404, "EntryNotFound")
        else:
            self._give(hub.files[asked["repository"]][asked["file"]])

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def _give(self, content: bytes) -> None:
        manners = self.server.manners
        size = len(content) if manners.declared_bytes is None else manners.declared_bytes
        start = self._start() if manners.knows_ranges else 0
        self.send_response(206 if start else 200)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Accept-Ranges", "bytes" if manners.knows_ranges else "none")
        self.send_header("Connection", "close")
        if manners.is_a_hub:
            self.send_header("X-Repo-Commit", hashlib.sha1(content).hexdigest())
        if manners.tells_size:
            self.send_header("Content-Length", str(size - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        if self.command == "GET":
            self._send(memoryview(content), start)

    def _start(self) -> int:
        """The first byte asked for. Who resumes asks for all the rest: no other range is understood."""
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        return int(asked[1]) if asked else 0

    def _send(self, content: memoryview, start: int) -> None:
        hub = self.server
        marks = {mark for mark in (hub.manners.stall_at, hub.manners.cut_at) if mark is not None}
        for position, end in _pieces(start, len(content), marks):
            # looked up anew for each piece: they may be mended in between
            if position == hub.manners.stall_at:
                hub.wait_until_mended()
            if hub.gone or (position == hub.manners.cut_at and hub.takes_a_cut()):
                return
            self.wfile.write(content[position:end])
            hub.wait_until_mended((end - position) / hub.manners.bytes_per_second)


def _pieces(start: int, stop: int, marks: set[int]) -> Iterator[tuple[int, int]]:
    """(first, one past the last) of what is sent at once; a new piece begins at each mark."""
    firsts = sorted({*range(start, stop, _PIECE_BYTES), *(mark for mark in marks if start <= mark < stop)})
    return itertools.pairwise([*firsts, stop])
