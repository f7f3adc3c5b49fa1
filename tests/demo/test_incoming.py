from __future__ import annotations

import json

import httpx
import pytest
from gradio import processing_utils

from demo.context import Limits

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
    import asyncio

    import gradio as gr

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


@pytest.mark.parametrize("body", [b"", b"//", b"[" * 100_000 + b"//", b'{"data": "\\ud800//"}', b"\xff\\//"])
def test_what_is_no_json_is_gradios_to_refuse(app_address, body):
    answer = httpx.post(
        f"{app_address}gradio_api/run/predict", content=body, headers={"Content-Type": "application/json"}
    )
    assert 400 <= answer.status_code < 600


@pytest.mark.parametrize("network", [float("inf"), 3, ["resnet18"], {"a": 1}, None, True])
def test_a_network_that_is_no_text_is_told_to_be_no_name(app_address, chelsea, network):
    files = {"files": ("chelsea.png", chelsea.read_bytes(), "image/png")}
    (path,) = httpx.post(f"{app_address}gradio_api/upload", files=files).json()
    answer = asked_by_hand(app_address, [{"path": path, "meta": {"_type": "gradio.FileData"}}, network])
    if answer.status_code == 200:  # else Gradio has refused it
        assert "is not the name of a network" in answer.json()["data"][0]
