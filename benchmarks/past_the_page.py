"""Every endpoint of the running app called past the page, with what no page would send.

Nothing outside the app's folders may be read, no address be asked for, nothing be unpickled, and the app must answer as
before at the end. A refusal is Gradio's (a choice that was not offered, a file that was not uploaded) or one of our own, in
words; an error that nobody thought of counts as a problem.
"""

from __future__ import annotations

import argparse
import asyncio
import collections
import contextlib
import http.server
import pickle
import random
import re
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

from benchmarks import report
from benchmarks.hostile_pictures import good_answer
from benchmarks.running_app import PROJECT, App
from benchmarks.visitor import Visitor
from demo.examples import examples

SECRET = "what nobody may read"
# What an error begins with that is a refusal in words.
_REFUSED = ("gradio.exceptions.Error", "gradio.exceptions.InvalidPathError", "core.errors.", "demo.jobs.BusyError")
_LEFT, _HUNG = "worked, and was left", "no answer"


class _Touch:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self._path,)


@contextlib.contextmanager
def _listening() -> Iterator[tuple[str, list[str]]]:
    """The address of a server that nobody should ask, and what was asked of it all the same."""
    asked: list[str] = []

    class Note(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404)
            self.end_headers()

        do_HEAD = do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Note)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


def _values(secret: Path, pickled: Path, address: str) -> list[Any]:
    """What is put in place of one input."""

    def file(path: str, **more: Any) -> dict:
        return {"path": path, "meta": {"_type": "gradio.FileData"}, **more}

    return [
        None, True, 0, -1, 1e308, -1e308, float("nan"), float("inf"), 2**70, 0.5,
        "", "x" * 10_000_000, "\0", "../../../etc/passwd", "<script>alert(1)</script>", "{0.__class__}", "%s%n", "NaN", "١٢",
        str(secret), f"file://{secret}", address, f"{address}/weights.safetensors", "hf-hub:nobody/nothing", "timm/../x",
        [], [[]], [None] * 1000, [str(secret)], {}, {"__type__": "update", "value": 3}, {"a": {"b": {"c": []}}},
        file(str(secret)), file("/etc/passwd"), file("../../etc/passwd"), file(str(pickled)), file(address, url=address),
        file("", url=f"{address}/cat.png"), file("data:image/png;base64,AAAA"), [file(str(secret))], [file(address, url=address)],
    ]  # fmt: skip


async def drive(app: App, calls: int, seed: int, folder: Path, good_photo: Path) -> dict[str, Any]:
    """So many calls, each of one endpoint with one input replaced; then the routes that serve files."""
    secret, pickled, harm = folder / "secret.txt", folder / "harm.pt", folder / "harm"
    secret.write_text(SECRET)
    pickled.write_bytes(pickle.dumps(_Touch(harm)))
    chance = random.Random(seed)
    answered: collections.Counter[str] = collections.Counter()
    called: set[int] = set()
    problems: list[str] = []
    with _listening() as (address, asked):
        values = _values(secret, pickled, address)
        visitor = await Visitor(app.address).__aenter__()
        before = await good_answer(visitor, good_photo)
        events, usual = list(visitor.events), dict(visitor.values)
        order = [chance.sample(events, len(events)) for _ in range(calls // len(events) + 1)]
        for event in [event for one in order for event in one][:calls]:
            called.add(event["id"])
            data = [usual[number] for number in event["inputs"]]
            if data:
                data[chance.randrange(len(data))] = chance.choice(values)
            if chance.random() < 0.05:
                data = chance.choice([[], data * 2, [None] * len(data)])
            kind, text = await _call(visitor, event, data)
            if kind in (_LEFT, _HUNG):
                await visitor.__aexit__()
                visitor = await Visitor(app.address).__aenter__()
            answered[kind] += 1
            if SECRET in text or "root:x:" in text:
                problems.append(f"{event['api_name']}: read a file")
            if kind == _HUNG:
                problems.append(f"{event['api_name']}: {kind} {text[:200]}")
            # Gradio itself asks no address of this very machine, so that none was asked proves nothing yet
            if _has_address(data, address) and "400" not in text:
                problems.append(f"{event['api_name']}: an address in place of a file was not refused: {text[:200]}")
        read = await _read_files(app.address, secret, address)
        problems += [f"{route} was served" for route, served in read.items() if served]
        problems += [f"{path} was asked for" for path in asked]
        after = await good_answer(visitor, good_photo)
        await visitor.__aexit__()
    if harm.exists():
        problems.append("A pickle was loaded.")
    if before != after:
        problems.append("A good photo is read in another way than before.")
    strange = _strange_errors(app.said)
    problems += strange
    return {
        "calls": sum(answered.values()),
        "endpoints": len(called),
        "answered": dict(answered),
        "routes tried for files and addresses": len(read),
        "addresses asked for": len(asked),
        "errors that nobody thought of": len(strange),
        "app alive": app.process.poll() is None,
        "problems": problems,
    }


async def _call(visitor: Visitor, event: dict, data: list) -> tuple[str, str]:
    """How it was answered, and all that was said. What goes on after its first answer is left, as by closing the page."""
    said: list[str] = []
    first = asyncio.Event()

    async def listen() -> None:
        async for shown in visitor.run(event, data):
            said.append(repr(shown))
            first.set()

    listening = asyncio.create_task(listen())
    await asyncio.wait({listening, asyncio.create_task(first.wait())}, timeout=60, return_when=asyncio.FIRST_COMPLETED)
    try:
        await asyncio.wait_for(listening, 1.0)
    except (TimeoutError, asyncio.TimeoutError):
        return (_LEFT if said else _HUNG), "".join(said)
    except RuntimeError as error:
        return "refused", f"{error}"
    except httpx.HTTPError as error:
        return _HUNG, repr(error)
    text = "".join(said)
    return ("refused in words" if 'role="alert"' in text else "answered"), text


def _has_address(data: Any, address: str) -> bool:
    if isinstance(data, dict):
        return str(data.get("path", "")).startswith(address) or any(_has_address(one, address) for one in data.values())
    return isinstance(data, list) and any(_has_address(one, address) for one in data)


async def _read_files(address: str, secret: Path, elsewhere: str) -> dict[str, bool]:
    """Each route by which one might read a file or reach another address, and whether it gave what it should not.

    An address must be refused before Gradio looks at it: that it asks none of this very machine proves nothing.
    """
    paths = [
        str(secret),
        "/etc/passwd",
        "../../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "app.py",
        "core/errors.py",
    ]
    bases = [
        "/gradio_api/file=",
        "/gradio_api/file/",
        "/file=",
        "/static/",
        "/assets/",
        "/theme/",
        "/gradio_api/stream/x/y/",
    ]
    routes = [f"{base}{path}" for base in bases for path in paths]
    addresses = [f"{base}{elsewhere}/x.png" for base in (*bases, "/gradio_api/proxy=", "/proxy=")]
    found = {}
    async with httpx.AsyncClient(base_url=address, trust_env=False, follow_redirects=False) as client:
        for route in addresses:
            found[route] = (await client.get(httpx.URL(f"{address}{route}"))).status_code != 400
        for route in routes:
            answer = await client.get(httpx.URL(f"{address}{route}"))
            text = answer.text
            found[route] = SECRET in text or "root:x:" in text or "class PetLensError" in text or "build_page()" in text
    return found


def _strange_errors(log: str) -> list[str]:
    """The ends of tracebacks that go through our own code and are no refusals."""
    # every call, Gradio's own refusals among them, goes through the page of `full_disk`
    ours = re.compile(rf'File "{re.escape(str(PROJECT))}/(app|core|demo(?!/full_disk\.py))')
    found = []
    for block in re.split(r"(?=Traceback \(most recent call last\))", log)[1:]:
        ends = [line for line in block.splitlines() if re.match(r"[A-Za-z_][\w.]*(Error|Exception|Interrupt)\b", line)]
        if ours.search(block) and not (ends and ends[-1].startswith(_REFUSED)):
            found.append("\n".join(block.splitlines()[-12:]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=3000, help="how many (default: 3000)")
    parser.add_argument("--seed", type=int, default=2026, help="of the inputs (default: 2026)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="past-the-page-") as home:
        app = App(["app.py"], Path(home, "app"))
        try:
            figures = asyncio.run(drive(app, options.calls, options.seed, Path(home), examples()[0].path))
        finally:
            app.stop()
    report.write("past_the_page", figures)


if __name__ == "__main__":
    main()
