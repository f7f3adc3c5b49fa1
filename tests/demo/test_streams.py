from __future__ import annotations

import asyncio
import inspect
import itertools

import gradio as gr

from demo.streams import said_again


def collected(handler, *arguments):
    """The updates, each used up by its reader before the next comes, as Gradio does."""

    async def collect():
        updates = []
        async for update in handler(*arguments):
            updates.append([dict(one) if isinstance(one, dict) else one for one in update])
            for one in update:
                if isinstance(one, dict):
                    one.pop("value", None)
        return updates

    return asyncio.run(collect())


@said_again
async def opening(name: str, request: gr.Request):
    yield [f"Opening {name}", gr.update(value=None, visible="hidden"), gr.update(interactive=False)]
    yield ["Half", gr.update(value="sheet.png", visible=True), gr.skip()]
    yield ["Whole", gr.skip(), gr.update(interactive=True)]


def test_what_was_said_once_is_in_every_later_update():
    *_, last = collected(opening, "Pets", None)
    assert last[0] == "Whole"
    assert (last[1]["value"], last[1]["visible"]) == ("sheet.png", True)
    assert last[2]["interactive"] is True


def test_an_update_that_says_nothing_ends_that():
    """Who has chosen something else meanwhile does not get back what was there before."""

    @said_again
    async def left():
        yield ["Opening", gr.update(value="sheet.png", visible=True)]
        yield [gr.skip(), gr.skip()]
        yield [gr.skip(), gr.update(visible=False)]

    _, nothing, last = collected(left)
    assert nothing == [gr.skip(), gr.skip()]
    assert last == [gr.skip(), gr.update(visible=False)]


def test_a_plain_value_is_said_again_and_only_updates_are_merged():
    @said_again
    async def plain():
        yield ["Opening", {"runs": [1], "more": 2}]
        yield [gr.skip(), {"runs": [1, 2]}]

    assert collected(plain)[-1] == ["Opening", {"runs": [1, 2]}]


def test_no_update_leaves_out_what_the_one_before_it_said():
    """The difference to the one before is what Gradio sends: what is left out is deleted in the browser."""
    updates = collected(opening, "Pets", None)
    for before, after in itertools.pairwise(updates):
        assert all(set(old) <= set(new) for old, new in zip(before[1:], after[1:], strict=True))


def test_gradio_sees_the_handlers_own_parameters():
    assert list(inspect.signature(opening).parameters) == ["name", "request"]
    assert inspect.isasyncgenfunction(opening)


def test_a_stream_that_is_left_ends_its_handler():
    ended = []

    @said_again
    async def endless():
        try:
            while True:
                yield [gr.skip()]
        finally:
            ended.append(True)

    async def leave():
        stream = endless()
        await anext(stream)
        await stream.aclose()

    asyncio.run(leave())
    assert ended == [True]
