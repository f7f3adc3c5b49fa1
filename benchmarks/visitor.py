"""One visitor of the running app, as a browser speaks to it but without a window: thirty of them fit beside the app."""

from __future__ import annotations

import asyncio
import contextlib
import json
import mimetypes
import ssl
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import httpx


class Visitor:
    """An open page: what its components hold, and what happens when one of them is used.

    `async with Visitor(address) as visitor:` opens the page; leaving it closes the page, as the app notices too. Components
    are named by their `elem_id`, of the first language's page. A visitor does one thing at a time, but for what goes past
    the queue, such as Stop. `values` are what the components hold, `events` all that the page can ask of the app.

    Args:
        address: of the app, as `http://127.0.0.1:7860`.
        verify: which certificates of the other side count; True: those that the system trusts.
    """

    def __init__(self, address: str, *, verify: bool | ssl.SSLContext = True) -> None:
        self.session = uuid.uuid4().hex[:12]
        self.values: dict[int, Any] = {}
        patience = httpx.Timeout(600.0, connect=60.0)
        self._http = httpx.AsyncClient(base_url=address, timeout=patience, trust_env=False, verify=verify)
        self._ids: dict[str, int] = {}
        self._names: dict[int, str] = {}
        self.events: list[dict] = []
        self._heart: asyncio.Task | None = None

    async def __aenter__(self) -> Self:
        config = (await self._http.get("/config")).raise_for_status().json()
        for component in config["components"]:
            number, props = component["id"], component["props"]
            self.values[number] = props.get("value")
            name = props.get("elem_id")
            if name and name not in self._ids:
                self._ids[name] = number
                self._names[number] = name
        self.events = [event for event in config["dependencies"] if event["backend_fn"]]
        self._heart = asyncio.create_task(self._stay())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._heart is not None:
            self._heart.cancel()
            with contextlib.suppress(asyncio.CancelledError, httpx.HTTPError):
                await self._heart
        await self._http.aclose()

    async def _stay(self) -> None:
        """The connection by which the app knows that the page is open."""
        async with self._http.stream("GET", f"/gradio_api/heartbeat/{self.session}") as beats:
            async for _ in beats.aiter_raw():
                pass

    def __getitem__(self, name: str) -> Any:
        return self.values[self._ids[name]]

    def __setitem__(self, name: str, value: Any) -> None:
        self.values[self._ids[name]] = value

    def number(self, name: str) -> int:
        """By which the app knows the component."""
        return self._ids[name]

    async def upload(self, path: Path, *, content: bytes | None = None) -> dict:
        """A file of the visitor's, uploaded: what a component holds then.

        Args:
            content: what is uploaded under that very name; without, the file is read.
        """
        name, content = (path.name, path.read_bytes()) if content is None else (str(path), content)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        answer = await self._http.post("/gradio_api/upload", files={"files": (name, content, kind)})
        (where,) = answer.raise_for_status().json()
        return {"path": where, "orig_name": path.name, "meta": {"_type": "gradio.FileData"}}

    async def download(self, file: dict) -> bytes:
        """What a button for downloads holds."""
        answer = await self._http.get("/gradio_api/file=" + file["path"])
        return answer.raise_for_status().content

    async def use(self, name: str, kind: str = "click") -> dict[str, Any]:
        """Use a component; what all that listens to it, and what follows that, has told its outputs at the end. One that was
        told nothing is left out.

        Raises:
            RuntimeError: the app answered with an error.
        """
        shown: dict[str, Any] = {}
        async for update in self.watch(name, kind):
            shown |= update
        return shown

    async def watch(self, name: str, kind: str = "click") -> AsyncIterator[dict[str, Any]]:
        """The same, with each update on the way."""
        target = self._ids[name]
        for event in self.events:
            if [target, kind] in event["targets"]:
                async for update in self._run_with_what_follows(event):
                    yield update

    async def _run_with_what_follows(self, event: dict) -> AsyncIterator[dict[str, Any]]:
        async for update in self.run(event, [self.values[number] for number in event["inputs"]]):
            yield update
        for other in self.events:
            if other["trigger_after"] == event["id"]:
                async for update in self._run_with_what_follows(other):
                    yield update

    async def run(self, event: dict, data: list) -> AsyncIterator[dict[str, Any]]:
        """One of `events` with any inputs, as one can send them past the page."""
        target, what = event["targets"][0][0], event["api_name"]
        asked = {
            "data": data,
            "fn_index": event["id"],
            "session_hash": self.session,
            "trigger_id": target,
            "event_data": None,
        }
        if not event["queue"]:
            answer = await self._post("/gradio_api/run/predict", asked)
            if answer.status_code != 200:
                raise RuntimeError(f"{what}: {answer.status_code} {answer.text[:200]}")
            yield self._take(event, answer.json()["data"])
            return
        answer = await self._post("/gradio_api/queue/join", asked)
        if answer.status_code != 200:
            raise RuntimeError(f"{what}: {answer.status_code} {answer.text[:200]}")
        number, said = answer.json()["event_id"], None
        async with self._http.stream("GET", "/gradio_api/queue/data", params={"session_hash": self.session}) as stream:
            async for line in stream.aiter_lines():
                if not line.startswith("data:"):
                    continue
                message = json.loads(line[5:])
                if message.get("event_id") != number:
                    continue
                if message["msg"] == "process_generating" and message["success"]:
                    data = message["output"]["data"]
                    said = (
                        data if said is None else [_patched(old, edits) for old, edits in zip(said, data, strict=True)]
                    )
                    yield self._take(event, said)
                elif message["msg"] == "process_completed":
                    if not message["success"]:
                        raise RuntimeError(f"{what}: {message['output'].get('error')}")
                    yield self._take(event, message["output"]["data"])
                    return

    async def _post(self, route: str, asked: dict) -> httpx.Response:
        # not httpx's own JSON, which has no NaN
        return await self._http.post(route, content=json.dumps(asked), headers={"Content-Type": "application/json"})

    def _take(self, event: dict, data: list) -> dict[str, Any]:
        shown = {}
        for number, said in zip(event["outputs"], data, strict=True):
            if isinstance(said, dict) and said.get("__type__") == "update":
                if "value" not in said:
                    continue
                said = said["value"]
            self.values[number] = said
            shown[self._names.get(number, str(number))] = said
        return shown


def _patched(old: Any, edits: list) -> Any:
    """What a stream sends after its first update: how the next one differs."""
    new = json.loads(json.dumps(old))
    for action, path, value in edits:
        if not path:
            new = value if action == "replace" else new + value
            continue
        *way, last = path
        place = new
        for step in way:
            place = place[step]
        if action == "delete":
            del place[last]
        elif action == "append":
            place[last] += value
        elif action == "add" and isinstance(place, list):
            place.insert(last, value)
        else:
            place[last] = value
    return new
