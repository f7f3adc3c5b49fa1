from __future__ import annotations

import asyncio
import json

import gradio as gr
import httpx
import pytest
from gradio import processing_utils, route_utils

from core import BackboneError, load_backbone
from demo.context import Context, Limits
from demo.incoming import Incoming
from demo.networks import find_network

PHOTO = {"path": "https://example.org/cat.png", "meta": {"_type": "gradio.FileData"}}


def asked_by_hand(app_address: str, data: list, *, elem_id: str = "classify") -> httpx.Response:
    config = httpx.get(f"{app_address}config").json()
    target = next(one["id"] for one in config["components"] if one["props"].get("elem_id") == elem_id)
    event = next(one for one in config["dependencies"] if [target, "click"] in one["targets"] and one["backend_fn"])
    values = {one["id"]: one["props"].get("value") for one in config["components"]}
    given = data + [values[number] for number in event["inputs"]][len(data) :]
    asked = {"data": given, "fn_index": event["id"], "session_hash": "by-hand", "event_data": None}
    return httpx.post(
        f"{app_address}gradio_api/run/predict",
        content=json.dumps(asked),
        headers={"Content-Type": "application/json"},
        timeout=60,
    )


@pytest.fixture
def fetched(monkeypatch) -> list[str]:
    """What Gradio was about to fetch for a visitor."""
    addresses = []

    async def fetch(url: str, *_: object, **__: object) -> str:
        addresses.append(url)
        raise ValueError(url)

    monkeypatch.setattr(processing_utils, "async_ssrf_protected_download", fetch)
    return addresses


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (0, PHOTO),
        (0, {**PHOTO, "path": " HTTP://example.org/cat.png"}),
        (0, {**PHOTO, "url": "/gradio_api/file=cat.png"}),
        (1, PHOTO),
        (1, [[{"deeper": PHOTO}]]),
    ],
)
def test_no_address_is_fetched_for_a_visitor(app_address, fetched, place, value):
    answer = asked_by_hand(app_address, [None] * place + [value])
    assert answer.status_code == 400
    assert "Upload it" in answer.json()["detail"]
    assert fetched == []


def test_an_address_written_with_escapes_is_one_too(app_address, fetched):
    hidden = (
        json.dumps({"data": [PHOTO, "", "", False], "fn_index": 6})
        .replace("http", "\\u0068ttp")
        .replace("//", "\\/\\/")
    )
    answer = httpx.post(
        f"{app_address}gradio_api/run/predict", content=hidden, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 400
    assert fetched == []


def test_without_the_check_gradio_would_fetch(fetched):
    """What the check is for: if this fails, Gradio has changed, and the check may go."""
    with gr.Blocks() as page:
        photo = gr.Image(type="filepath")
        gr.Button().click(lambda path: None, photo, None)
    event = next(iter(page.fns.values()))
    with pytest.raises(ValueError, match="example"):
        asyncio.run(page.preprocess_data(event, [PHOTO], None))
    assert fetched == [PHOTO["path"]]


def test_a_request_that_is_too_large_is_refused(app_address):
    answer = asked_by_hand(app_address, [None, "x" * (Limits().max_request_mb * 1_000_000)])
    assert answer.status_code == 413
    assert "4 MB" in answer.json()["detail"]


def test_what_the_page_sends_goes_through(app_address, chelsea):
    files = {"files": ("chelsea.png", chelsea.read_bytes(), "image/png")}
    (path,) = httpx.post(f"{app_address}gradio_api/upload", files=files).json()
    photo = {"path": path, "url": f"{app_address}gradio_api/file={path}", "meta": {"_type": "gradio.FileData"}}
    assert asked_by_hand(app_address, [photo]).status_code == 200


def passes(method: str = "POST", path: str = "/gradio_api/run/predict", headers: tuple = (), body: bytes = b"{}"):
    """What a request comes to: the body that the app was given, else the status that it was refused with."""
    given, sent = [], []

    async def app(scope, receive, send):
        given.append(b"")
        while True:
            message = await receive()
            given[0] += message["body"]
            if not message["more_body"]:
                return

    pieces = [body[start : start + 300_000] for start in range(0, len(body), 300_000)] or [b""]
    messages = iter(
        {"type": "http.request", "body": piece, "more_body": number < len(pieces)}
        for number, piece in enumerate(pieces, 1)
    )

    async def receive():
        return next(messages)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": method, "path": path, "headers": list(headers)}
    asyncio.run(Incoming(app, max_request_mb=1)(scope, receive, send))
    return given[0] if given else sent[0]["status"]


JSON = (b"content-type", b"application/json")
NAMED = json.dumps({"data": [PHOTO]})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize(
    "headers", [(), (JSON,), (JSON, (b"content-type", b"multipart/x")), ((b"content-type", b"multipart/x"),)]
)
def test_an_address_is_found_whatever_the_request_says_of_itself(encoding, headers):
    assert passes(headers=headers, body=NAMED.encode(encoding)) == 400


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("headers", [(JSON,), ((b"content-type", b"multipart/form-data; boundary=x"),)])
@pytest.mark.parametrize("path", ["/gradio_api/run/predict", "/gradio_api/queue/join", "/login"])
def test_only_an_upload_may_be_large(method, headers, path):
    assert passes(method, path, headers, b"x" * 1_000_001) == 413
    assert passes(method, path, headers, b"x" * 1_000_000) == b"x" * 1_000_000
    assert passes("POST", "/gradio_api/upload", headers, b"x" * 1_000_001) == b"x" * 1_000_001


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize(
    "path", ["/gradio_api/file=", "/gradio_api/file/", "/gradio_api/proxy=", "/file=", "/ro/file="]
)
@pytest.mark.parametrize("address", ["http://example.org/x", "https://example.org/x", "HTTPS:/example.org"])
def test_no_path_may_name_an_address(method, path, address):
    assert passes(method, path + address) == 400


def test_gradio_fetches_nothing_that_a_path_names(app_address, monkeypatch):
    """Written as a browser writes it, and with escapes."""
    asked = []
    monkeypatch.setattr(route_utils, "secure_url_stream_response", lambda *said, **_: asked.append(said))
    for address in ("https://example.org/cat.png", "https%3A%2F%2Fexample.org%2Fcat.png"):
        assert httpx.get(f"{app_address}gradio_api/file={address}").status_code == 400
    assert asked == []


@pytest.mark.parametrize("body", [b"", b"//", b"[" * 100_000 + b"//", b'{"data": "\\ud800//"}', b"\xff\\//"])
def test_what_is_no_json_is_gradios_to_refuse(body):
    assert passes(body=body) == body


@pytest.mark.parametrize("network", [float("inf"), 3, ["resnet18"], {"a": 1}, None, True])
def test_a_network_that_is_no_text_is_no_name(network):
    found = find_network(Context.create(), network, "visitor")
    with pytest.raises(BackboneError, match="is not the name of a network"):
        load_backbone(found)
