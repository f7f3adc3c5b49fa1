"""The Classify tab: its functions called plainly, then the running app through its API."""

from __future__ import annotations

import asyncio
import csv
import os
import subprocess
import sys
import threading

import httpx
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from huggingface_hub import constants
from PIL import Image

import core
from core.backbones import hub
from core.streams import last
from demo import classify, classify_many, networks
from demo.context import Context, Limits
from demo.examples import find_example
from tests.conftest import PROJECT
from tests.demo.made_runs import make_run
from tests.hub_server import HubServer, Manners


@pytest.fixture(scope="module")
def context(classifier):
    """With the shipped network in memory."""
    return Context.create(Limits())


def _collect(stream) -> list:
    async def collect():
        return [item async for item in stream]

    return asyncio.run(asyncio.wait_for(collect(), 60))


def _card(context, photo, backbone) -> str:
    return asyncio.run(asyncio.wait_for(classify._card(context, photo, backbone, "me"), 60))[0]


def test_no_photo_gives_a_hint(context):
    assert "Drop a photo" in _card(context, None, "resnet18")


def test_a_photo_gives_a_card(context, chelsea):
    assert ">tiger cat<" in _card(context, str(chelsea), core.DEFAULT_BACKBONE)


def test_photos_that_pile_up_are_looked_at_together_and_not_mixed_up(context, chelsea, tmp_path):
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"not a picture")
    shown = {str(chelsea): ">tiger cat<", str(broken): "not a picture that can be opened"}
    shown |= {str(find_example(word).path): f">{word}<" for word in ("cheetah", "lion")}
    shown[str(tmp_path / "gone.jpg")] = "no longer on the server"
    photos = [*shown] * 3
    busy = threading.Event()

    async def ask():
        waiting = asyncio.ensure_future(context.quick.run(busy.wait, 10))
        asked = [
            asyncio.ensure_future(classify._card(context, photo, core.DEFAULT_BACKBONE, f"visitor {number}"))
            for number, photo in enumerate(photos)
        ]
        await asyncio.sleep(0.1)
        busy.set()
        await waiting
        return [card for card, _ in await asyncio.gather(*asked)]

    cards_shown = asyncio.run(asyncio.wait_for(ask(), 60))
    for photo, card in zip(photos, cards_shown, strict=True):
        assert shown[photo] in card
    assert sum("ms each, together with 14 other photos" in card for card in cards_shown) == 9


def test_photos_for_different_networks_are_not_looked_at_together(context, chelsea, own_run):
    own = f"run:{own_run.token}"
    busy = threading.Event()

    async def ask():
        waiting = asyncio.ensure_future(context.quick.run(busy.wait, 10))
        asked = [
            asyncio.ensure_future(classify._card(context, str(chelsea), value, "me", prepared=True))
            for value in (core.DEFAULT_BACKBONE, own, core.DEFAULT_BACKBONE, own)
        ]
        await asyncio.sleep(0.1)
        busy.set()
        await waiting
        return [card for card, _ in await asyncio.gather(*asked)]

    published, trained, again, too = asyncio.run(asyncio.wait_for(ask(), 60))
    assert ">tiger cat<" in published
    assert "trained on" in trained
    assert ["together with 1 other photo" in card for card in (published, trained, again, too)] == [True] * 4
    assert "trained on" not in again
    assert "trained on" in too


def test_a_broken_photo_gives_a_message_without_a_path(context, tmp_path):
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"not a picture")
    card = _card(context, str(path), core.DEFAULT_BACKBONE)
    assert "not a picture that can be opened" in card
    assert str(tmp_path) not in card


def test_a_network_that_cannot_be_had_gives_a_message(context, chelsea, monkeypatch):
    monkeypatch.setenv("PETLENS_FETCH", "0")
    card = _collect(classify._prepare_then_card(context, str(chelsea), "resnet50", visitor="me", why=False))[-1]
    assert "switched fetching off" in card


def test_our_own_fault_is_logged_not_shown(context, chelsea, caplog):
    card = _card(context, ["not a path"], core.DEFAULT_BACKBONE)
    assert "Something went wrong inside Pet Lens" in card
    assert "unexpected error" in caplog.text


def test_the_choices_say_what_needs_internet(monkeypatch, shared_weights):
    choices = {name: title for title, name in networks._network_choices()}
    assert choices["tf_efficientnet_lite0"] == "EfficientNet-Lite0"
    assert choices["resnet18"] == "ResNet-18"
    assert choices["vgg16"] == "VGG-16 (needs internet: 553 MB)"
    assert "vit_small_patch14_dinov2" not in choices
    monkeypatch.setenv("PETLENS_FETCH", "0")
    assert {name: title for title, name in networks._network_choices()}["vgg16"] == "VGG-16 (not on this machine)"


@pytest.fixture
def results(classifier, chelsea, tmp_path):
    (tmp_path / "=evil().jpg").touch()
    return list(core.predict_files(classifier, [str(chelsea), str(tmp_path / "=evil().jpg")]))


def test_the_csv_holds_every_photo_and_no_formula(results, tmp_path):
    path = classify_many._write_csv(classify_many.Batch("net", results, []))
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert (rows[0]["file"], rows[0]["label_1"], rows[0]["unsure"]) == ("chelsea.png", "tiger cat", "False")
    assert float(rows[0]["cat"]) > 0.85
    assert rows[1]["file"] == "'=evil().jpg"
    assert "empty" in rows[1]["error"]
    assert None not in rows[1]


@pytest.fixture
def own_run(context, classifier, tmp_path, monkeypatch):
    """A run of the visitor "me" with two classes."""
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    run = make_run(classifier, None, names=("=tabby", "mat"))
    context.sessions.keep_run("me", run)
    return run


def _cards(context, photo, value, visitor) -> list[str]:
    return _collect(classify._prepare_then_card(context, photo, value, visitor=visitor, why=False))


def test_a_photo_is_named_by_the_visitors_own_run(context, chelsea, own_run):
    card = _cards(context, str(chelsea), f"run:{own_run.token}", "me")[-1]
    for text in ("EfficientNet-Lite0, trained on Plain colours, says", ">=tabby<", ">mat<", "2 names known"):
        assert text in card
    assert "pl-species" not in card


def test_another_visitors_run_names_nothing(context, chelsea, own_run):
    card = _cards(context, str(chelsea), f"run:{own_run.token}", "you")[-1]
    assert "not on your page" in card
    assert "tabby" not in card


def test_the_csv_of_a_run_with_two_classes_holds_two_names_and_no_formula(chelsea, own_run, tmp_path):
    (tmp_path / "empty.jpg").touch()
    batch = last(classify_many._classify_files([str(chelsea), str(tmp_path / "empty.jpg")], own_run))
    with open(classify_many._write_csv(batch), encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[0]["run"] == "Mine"
    assert {rows[0]["label_1"], rows[0]["label_2"]} == {"'=tabby", "mat"}
    assert float(rows[0]["probability_1"]) + float(rows[0]["probability_2"]) == pytest.approx(1)
    assert not {"label_3", "cat", "dog", "neither"} & set(rows[0])
    assert "empty" in rows[1]["error"]


def test_the_table_of_a_run_has_no_cat_dog_or_neither(chelsea, own_run):
    count, table = classify_many._so_far(last(classify_many._classify_files([str(chelsea)], own_run)))
    assert count == 1
    assert "neither" not in table
    assert "pl-bar" in table


# --- the running app ---


def test_the_api_answers_like_the_command_line(client, chelsea):
    said = client.predict(handle_file(chelsea), api_name="/classify")
    assert set(said) == {"backbone", "top", "cat", "dog", "neither", "unsure", "seconds"}
    assert said["top"][0]["label"] == "tiger cat"
    assert len(said["top"]) == 5


@pytest.mark.parametrize(
    ("backbone", "top", "message"),
    [
        ("resnet51", 5, "no network called"),
        ("../../etc/passwd", 5, "not the name of a network"),
        ("tf_efficientnet_lite0", 0, "from 1 to 1000"),
        ("tf_efficientnet_lite0", 2.5, "whole number"),
    ],
)
def test_the_api_checks_every_setting(client, chelsea, backbone, top, message):
    with pytest.raises(AppError, match=message):
        client.predict(handle_file(chelsea), backbone, top, api_name="/classify")


def test_the_api_explains_a_broken_photo(client, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff" + b"\x00" * 100)
    with pytest.raises(AppError) as caught:
        client.predict(handle_file(tmp_path / "photo.jpg"), api_name="/classify")
    assert "not a picture" in str(caught.value) or "damaged" in str(caught.value)
    assert "/" not in str(caught.value)


def _ask_past_the_client(address: str, path: str) -> str:
    """What the endpoint answers to a raw request that names `path` as the uploaded photo."""
    photo = {"path": path, "meta": {"_type": "gradio.FileData"}}
    posted = httpx.post(f"{address}gradio_api/call/classify", json={"data": [photo, core.DEFAULT_BACKBONE, 5]})
    if posted.status_code != 200:
        return posted.json()["detail"]
    return httpx.get(f"{address}gradio_api/call/classify/{posted.json()['event_id']}", timeout=30).text


@pytest.mark.parametrize("given", ["a picture of the server", "/etc/passwd"])
def test_no_path_of_the_server_is_followed(app_address, tmp_path, given):
    """A real picture too: it is refused because nobody uploaded it, not because it cannot be read."""
    if given == "a picture of the server":
        given = str(tmp_path / "secret.png")
        Image.new("RGB", (9, 9)).save(given)
    said = _ask_past_the_client(app_address, given)
    assert said.startswith("event: error")
    assert "probability" not in said


def test_no_address_is_followed(app_address):
    assert "Upload it" in _ask_past_the_client(app_address, "http://127.0.0.1:1/x.png")


def test_an_uploaded_path_is_accepted_by_the_same_raw_request(app_address, chelsea):
    """The check above can fail."""
    uploaded = httpx.post(f"{app_address}gradio_api/upload", files={"files": chelsea.read_bytes()}).json()[0]
    assert "tiger cat" in _ask_past_the_client(app_address, uploaded)


def test_a_network_that_hangs_on_its_way_holds_up_nobody(client, chelsea, monkeypatch):
    with HubServer({}, Manners(silent_to=("HEAD",))) as silent:
        template = f"{silent.url}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(hub, "PATIENCE_SECONDS", 5.0)
        waiting = client.submit(handle_file(chelsea), "resnet50", 5, api_name="/classify")
        assert client.predict(handle_file(chelsea), api_name="/classify")["top"][0]["label"] == "tiger cat"
        assert not waiting.done()
        with pytest.raises(AppError, match="sent nothing for 5 seconds"):
            waiting.result(timeout=30)


def test_a_setting_of_the_host_that_makes_no_sense_is_said_in_one_line():
    environment = os.environ | {"PETLENS_FETCH": "nein"}
    command = [sys.executable, "app.py"]
    ran = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert ran.stderr == "Pet Lens cannot start: PETLENS_FETCH is 'nein'; it must be 0 or 1.\n"


def test_only_the_documented_endpoint_is_offered(client):
    assert list(client.view_api(return_format="dict")["named_endpoints"]) == ["/classify"]
