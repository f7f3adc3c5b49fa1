"""What is left of a page that was closed: nothing, or memory would run out on a machine that many people visit."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.visitor import Visitor
from demo.context import Context, Limits
from demo.page import build_page, launch_options
from tests.waiting import until


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The context, the page, and its address."""
    with pytest.MonkeyPatch.context() as patch:
        # what this app deletes when it ends, another one may still show
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("gradio")))
        context = Context.create(Limits(max_sessions=3))
        page = build_page(context)
        _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options(context.limits))
        yield context, page, address.rstrip("/")
        page.close()


def test_neither_we_nor_gradio_keep_anything_of_a_page_that_was_left(served):
    context, page, address = served

    async def visit() -> str:
        async with Visitor(address) as visitor:
            await visitor.use("station-next")
            await visitor.use("classify")
            assert visitor.session in page.state_holder.session_data
            assert visitor.session in context.sessions._sessions
            return visitor.session

    session = asyncio.run(visit())
    until(lambda: session not in page.state_holder.session_data)
    until(lambda: session not in context.sessions._sessions)
    assert session not in page.state_holder.time_last_used


def test_of_pages_that_never_say_that_they_are_left_the_newest_are_kept(served):
    _, page, address = served

    async def come_and_never_leave() -> list[str]:
        visitors = [Visitor(address) for _ in range(5)]
        for visitor in visitors:
            await visitor.__aenter__()
            await visitor.use("station-next")
        there = [visitor.session in page.state_holder.session_data for visitor in visitors]
        for visitor in visitors:
            await visitor.__aexit__()
        return there

    assert asyncio.run(come_and_never_leave()) == [False, False, True, True, True]
