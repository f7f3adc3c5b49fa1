"""Two visitors of the running app: who guesses the other's session, runs or files sees nothing of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from PIL import Image

from benchmarks.pupils import trains_head
from benchmarks.running_app import App
from benchmarks.visitor import Visitor

NAME = "private matters 4711"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The app in a process of its own, with one visitor's things in it."""
    app = App(["app.py"], tmp_path_factory.mktemp("app"))
    yield app
    app.stop()


@pytest.fixture(scope="module")
def lives(app, tmp_path_factory):
    """What the owner has made: the open page, the run's token, and every file of the app's home."""
    photo = tmp_path_factory.mktemp("photo") / "mine.png"
    Image.effect_noise((200, 200), 90).convert("RGB").save(photo)

    async def live() -> tuple[Visitor, dict]:
        visitor = await Visitor(app.address).__aenter__()
        visitor["fool-photo"] = await visitor.upload(photo)
        visitor["fool-goal"], visitor["fool-steps"] = "Siamese cat", 2
        attacked = await visitor.use("fool-go")
        await trains_head(visitor, NAME, epochs=2)
        return visitor, attacked

    loop = asyncio.new_event_loop()
    visitor, attacked = loop.run_until_complete(live())
    home = Path(app.home)
    (token,) = (path.name for path in (home / "pet-lens" / "runs").iterdir())
    yield {"visitor": visitor, "attacked": attacked, "token": token, "home": home}
    loop.run_until_complete(visitor.__aexit__())
    loop.close()


def told(session: str, app: App, *uses: tuple[str, dict], keeps: list[str] | None = None) -> str:
    """All that a page with that session is told: of the runs that its browser says it keeps, when some of its parts are used,
    with what they hold, and in the table of its runs."""

    async def ask() -> str:
        stranger = Visitor(app.address)
        stranger.session = session
        said = []
        async with stranger:

            async def tell(answers: AsyncIterator[dict[str, Any]]) -> None:
                with contextlib.suppress(RuntimeError):  # refused by Gradio
                    said.extend([repr(shown) async for shown in answers])

            if keeps is not None:
                await tell(stranger.run(_event(stranger, "train", "load"), [keeps]))
            for name, holds in uses:
                for part, value in holds.items():
                    number = _network_list(stranger) if part == "network" else stranger.number(part)
                    stranger.values[number] = value
                await tell(stranger.watch(name))
            table = _event(stranger, "runs-table", "change")
            await tell(stranger.run(table, [stranger.values[number] for number in table["inputs"]]))
        return "\n".join(said)

    return asyncio.run(ask())


def _network_list(visitor: Visitor) -> int:
    """That of the Classify tab."""
    button = [visitor.number("classify"), "click"]
    return next(event["inputs"][1] for event in visitor.events if button in event["targets"])


def _event(visitor: Visitor, output: str, kind: str) -> dict:
    """What the page does by itself that has something to say in that place."""
    (event,) = (
        event
        for event in visitor.events
        if visitor.number(output) in event["outputs"] and {what for _, what in event["targets"]} == {kind}
    )
    return event


LOOKS = ("fool-continue", "fool-full", "continue-drawing", "csv-runs", "show-run", "zip-run", "onnx-run", "go-on")


def guesses(session: str) -> list[str]:
    return [
        session[:-1],
        session + "0",
        session.swapcase(),
        session[::-1],
        f" {session}",
        "%",
        "*",
        "0" * len(session),
    ]


def test_a_guessed_session_is_a_page_with_nothing_on_it(lives, app):
    right = lives["visitor"].session
    for session in set(guesses(right)) - {right}:
        said = told(session, app, *((name, {}) for name in LOOKS))
        assert NAME not in said, session
        assert lives["token"] not in said, session
        assert "There is nothing to go on with" in said, session


def test_the_token_of_a_run_is_of_no_use_in_the_fields_of_another_page(lives, app):
    """Even who has seen the token: a run is looked for among the page's own."""
    holds = {"run": lives["token"]}
    said = told("somebodyelse", app, *((name, holds) for name in ("show-run", "zip-run", "onnx-run", "remove-run")))
    assert NAME not in said
    assert (lives["home"] / "pet-lens" / "runs" / lives["token"]).is_dir()
    refused = told("somebodyelse", app, ("classify", {"network": f"run:{lives['token']}"}))
    assert "This run is not on your page" in refused
    assert 'class="pl-name"' not in refused


def tokens_like(token: str) -> list[str]:
    other = "0" if token[-1] != "0" else "1"
    return [
        token[:-1] + other,
        token[:-1],
        token + "0",
        token.upper(),
        f" {token}",
        f"./{token}",
        f"../runs/{token}",
        f"{token}/",
        f"{token}\0",
        "*",
        "?" * 32,
        "0" * 32,
        ".",
        "..",
    ]


def test_a_browser_that_says_it_keeps_guessed_runs_gets_none(lives, app):
    guessed = [guess for guess in tokens_like(lives["token"]) if guess != lives["token"]]
    for some in (guessed[:7], guessed[7:]):  # more than twelve are not looked at
        assert NAME not in told("guesses", app, keeps=some)


def test_no_file_of_a_run_or_a_visitor_is_served_even_to_who_knows_its_path(lives, app):
    kept = [path for path in (lives["home"] / "pet-lens").rglob("*") if path.is_file()]
    assert any(lives["token"] in str(path) for path in kept)
    with httpx.Client(base_url=app.address, trust_env=False) as stranger:
        for path in kept:
            for written in (quote(str(path)), quote(str(path), safe=""), os.path.relpath(path, "/")):
                answer = stranger.get(f"/gradio_api/file={written}")
                assert answer.status_code in (403, 404), path


def test_the_folders_of_uploads_and_results_tell_nothing(lives, app):
    folder = lives["home"] / "gradio"
    uploaded = next(path for path in folder.rglob("mine.png"))
    with httpx.Client(base_url=app.address, trust_env=False) as stranger:
        assert (
            stranger.get(f"/gradio_api/file={uploaded}").status_code == 200
        )  # who knows the name, which is a checksum
        for path in (folder, uploaded.parent, uploaded.parent.parent):
            answer = stranger.get(f"/gradio_api/file={path}")
            assert answer.status_code in (403, 404)
            assert "mine.png" not in answer.text
        guessed = uploaded.parent.with_name(
            uploaded.parent.name[:-1] + ("0" if uploaded.parent.name[-1] != "0" else "1")
        )
        for written in (guessed / "mine.png", uploaded.parent.parent / "*" / "mine.png"):
            assert stranger.get(f"/gradio_api/file={quote(str(written))}").status_code in (403, 404)


def test_a_file_of_somebody_elses_run_is_no_input(lives, app):
    run = lives["home"] / "pet-lens" / "runs" / lives["token"]
    file = next(path for path in run.rglob("*") if path.is_file())
    given = {"path": str(file), "meta": {"_type": "gradio.FileData"}}
    before = app.said
    said = told("somebodyelse", app, ("classify", {"photo": given}), ("fool-go", {"fool-photo": given}))
    assert 'class="pl-name"' not in said
    assert NAME not in said
    log = app.said[len(before) :]
    assert log.count("Traceback") == log.count(
        "gradio.exceptions.InvalidPathError:"
    )  # a refusal of Gradio's, and no other


def test_an_uploaded_page_or_drawing_is_a_download_never_a_page(app, tmp_path):
    evil = {
        "page.html": b"<!doctype html><script>document.title='ran'</script>",
        "page.xhtml": b"<html xmlns='http://www.w3.org/1999/xhtml'><script>1</script></html>",
        "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        "code.js": b"alert(1)",
        "page.png": b"<!doctype html><script>1</script>",
        "page": b"<!doctype html><script>1</script>",
    }

    async def served() -> dict[str, httpx.Headers]:
        found = {}
        async with Visitor(app.address) as visitor, httpx.AsyncClient(base_url=app.address, trust_env=False) as other:
            for name, content in evil.items():
                where = await visitor.upload(Path(name), content=content)
                found[name] = (await other.get("/gradio_api/file=" + where["path"])).raise_for_status().headers
        return found

    for name, headers in asyncio.run(served()).items():
        kind = headers["content-type"].split(";")[0]
        attached = headers.get("content-disposition", "").startswith("attachment")
        shown_as_picture = kind.startswith("image/") and kind != "image/svg+xml"
        assert attached or shown_as_picture, (name, dict(headers))


def test_the_owner_sees_it_all(lives, app):
    """Else the other tests would prove nothing. The last one: who leaves a second page of that session ends the session."""
    assert NAME in told("another", app, keeps=[lives["token"]])  # whoever holds the token may: as with a secret link
    network = {"network": f"run:{lives['token']}"}
    said = told(
        lives["visitor"].session,
        app,
        ("fool-continue", {}),
        ("show-run", {"run": lives["token"]}),
        ("classify", network),
    )
    assert NAME in said
    assert "There is nothing to go on with" not in said
    assert "not on your page" not in said
    assert f"Waking {NAME}" in said
