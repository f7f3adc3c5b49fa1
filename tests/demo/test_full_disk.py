"""A full disk is told in words, whoever meets it."""

from __future__ import annotations

import asyncio
import errno

import gradio as gr
import pytest

from core import CheckpointError
from demo.full_disk import FULL_DISK, Page, is_full_disk
from demo.incoming import Incoming
from demo.languages import languages
from demo.messages import message_for
from demo.page import build_page

FULL = OSError(errno.ENOSPC, "No space left on device", "/secret/place")


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_it_is_recognised_through_what_it_caused(code):
    full = OSError(code, "no room")
    assert is_full_disk(full)
    assert is_full_disk(caused(CheckpointError("The run cannot be saved."), caused(RuntimeError(), full)))


def test_nothing_else_is_taken_for_it():
    assert not is_full_disk(None)
    assert not is_full_disk(OSError(errno.EACCES, "not yours"))
    assert not is_full_disk(caused(CheckpointError("The run cannot be saved."), OSError(errno.EROFS, "read only")))


def test_a_visitor_reads_what_to_do_and_no_path_and_the_host_finds_it_in_the_log(caplog):
    said = message_for(caused(CheckpointError("The run cannot be saved."), FULL))
    assert said == FULL_DISK
    assert "/secret" not in said
    assert "No space left on device: '/secret/place'" in caplog.text


def asked_of(page: gr.Blocks):
    return asyncio.run(page.process_api(next(iter(page.fns.values())), [], state=None))


@pytest.mark.parametrize(("raised", "words"), [(FULL, FULL_DISK), (OSError(errno.EACCES, "not yours"), None)])
def test_so_does_who_asked_for_a_picture_that_gradio_cannot_store(raised, words):
    def store(value):
        raise raised

    with Page() as page:
        box = gr.Textbox()
        gr.Button().click(lambda: "x", None, box)
    box.postprocess = store
    with pytest.raises(Exception) as caught:  # noqa: PT011
        asked_of(page)
    if words is None:
        assert not isinstance(caught.value, gr.Error)
        assert "not yours" in str(caught.value)
    else:
        assert isinstance(caught.value, gr.Error)
        assert caught.value.message == words


def test_it_is_said_in_the_language_of_the_page():
    (romanian,) = (language for language in languages() if language.code == "ro")
    with Page() as page:
        box = gr.Textbox()
        gr.Button().click(_no_room, None, box)
    page.language_of[next(iter(page.fns))] = romanian
    with pytest.raises(gr.Error, match="Discul acestui calculator e plin"):
        asked_of(page)


def test_every_handler_of_the_page_has_a_language():
    page = build_page()
    assert {number for number, event in page.fns.items() if event.fn is not None} <= set(page.language_of)
    assert {language.code for language in page.language_of.values()} == {language.code for language in languages()}


def _no_room():
    raise FULL


@pytest.mark.parametrize("raised", [FULL, OSError(errno.EACCES, "not yours")])
def test_an_upload_that_finds_no_room_is_answered(raised):
    sent = []

    async def app(scope, receive, send):
        raise raised

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": []}
    asked = Incoming(app, max_request_mb=1)(scope, None, send)
    if raised is FULL:
        asyncio.run(asked)
        assert sent[0]["status"] == 507
        assert sent[1]["body"].decode() == FULL_DISK
    else:
        with pytest.raises(OSError, match="not yours"):
            asyncio.run(asked)
        assert sent == []
