"""What comes in from outside, looked at before Gradio does.

Gradio downloads a file that a request names by its address, in an input or in the path of the request itself. Nothing here
needs that: whoever wants to show a photo uploads it. So such a request is refused, wherever the address hides, and so is one
that is larger than any that the page sends.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from demo.full_disk import FULL_DISK, is_full_disk, note_full_disk

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

UPLOAD = "/gradio_api/upload"
_NO_ADDRESSES = "A file cannot be given by its address here. Upload it."


class Incoming:
    """ASGI middleware. Uploads pass: Gradio holds them to their own limit.

    Args:
        app: what the request is for.
        max_request_mb: the largest request that is no upload, in units of 10^6 bytes.
    """

    def __init__(self, app: Callable[[dict, Receive, Send], Awaitable[None]], *, max_request_mb: int) -> None:
        self._app = app
        self._max_bytes = max_request_mb * 1_000_000

    async def __call__(self, scope: dict, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it with a status and words."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if re.search(r"https?:/", scope["path"], re.IGNORECASE):
            await _refuse(send, 400, _NO_ADDRESSES)
            return
        # by its path, not by what it says of itself
        if scope["path"].endswith(UPLOAD):
            await self._take_upload(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        body, length, more = bytearray(), 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":  # the other side is gone
                return
            length += len(message.get("body", b""))
            if length <= self._max_bytes:  # the rest is heard and dropped: who is cut short does not read the answer
                body += message.get("body", b"")
            more = message.get("more_body", False)
        if length > self._max_bytes:
            await _refuse(send, 413, f"A request may have {self._max_bytes // 1_000_000} MB at most.")
            return
        if _names_an_address(bytes(body)):
            await _refuse(send, 400, _NO_ADDRESSES)
            return
        given = iter([{"type": "http.request", "body": bytes(body), "more_body": False}])

        async def again() -> Message:
            return next(given, None) or await receive()

        await self._app(scope, again, send)

    async def _take_upload(self, scope: dict, receive: Receive, send: Send) -> None:
        """Gradio's to take; it answers at the end, unless the disk is full."""
        try:
            await self._app(scope, receive, send)
        except OSError as error:
            if not is_full_disk(error):
                raise
            note_full_disk(error)
            await _answer(send, 507, b"text/plain", FULL_DISK.encode())  # which the page shows as it comes


def _names_an_address(body: bytes) -> bool:
    """Whether some file in a JSON text has an address for a path."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):  # not JSON: Gradio refuses it, in its own words
        return False
    return any(path.strip().lower().startswith(("http:", "https:")) for path in _paths(said))


def _paths(said: Any) -> Iterator[str]:
    """Every text that is called "path", at any depth."""
    waiting = [said]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if isinstance(one.get("path"), str):
                yield one["path"]
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


async def _refuse(send: Send, status: int, words: str) -> None:
    await _answer(send, status, b"application/json", json.dumps({"detail": words}).encode())


async def _answer(send: Send, status: int, kind: bytes, content: bytes) -> None:
    headers = [(b"content-type", kind), (b"content-length", str(len(content)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
