"""Why this class: where the network looks, a test of that, and the same before and after an attack."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import gradio as gr

from demo import cards
from demo.context import Context
from demo.inside_why_cards import fooled_card, test_card, why_card
from demo.inside_why_run import before_and_after, explain, put_to_test
from demo.jobs import Job
from demo.languages import tr
from demo.messages import message_for
from demo.networks import Network, find_network, prepare

_PRIVATE = {"show_progress": "hidden", "api_visibility": "private"}


@dataclass(frozen=True, eq=False)
class WhyPart:
    """The part of the tab.

    Attributes:
        outputs: what `shown` updates.
        shown: updates for a photo and a network; to be called in a pool. Raises PetLensError.
    """

    outputs: Sequence[gr.components.Component]
    shown: Callable[..., list[Any]]


def build_why(context: Context, photo: gr.Image, network: gr.Dropdown) -> WhyPart:
    """Put the components on the page and connect them."""
    label = gr.Dropdown(
        [],
        label=tr("Class"),
        info=tr("what the network says first; choose another to see what speaks for that"),
        elem_id="why-class",
    )
    said = gr.HTML(elem_id="why-said", elem_classes="pl-bare")
    with gr.Row():
        test = gr.Button(tr("Test it: cover parts of the photo"), variant="primary", elem_id="why-test")
        stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="why-stop")
    tested = gr.HTML(elem_id="why-tested", elem_classes="pl-bare")
    compare = gr.Button(tr("Compare before and after an attack"), elem_id="why-compare")
    compared = gr.HTML(elem_id="why-compared", elem_classes="pl-bare")
    outputs = [label, said, tested]

    def shown(path: str, found: Network) -> list[Any]:
        look = explain(path, found, None)
        choices = [(f"{one.title}, {one.probability:.0%}".replace("%", " %"), one.index) for one in look.answer.top(5)]
        return [gr.update(choices=choices, value=look.explanation.label), why_card(look), ""]

    async def show_class(path: Any, value: Any, chosen: Any, request: gr.Request) -> tuple[Any, Any]:
        if not path:
            return gr.skip(), gr.skip()
        context.sessions.drop(request.session_hash, "testing")
        try:
            found = find_network(context, value, request.session_hash)
            return await context.quick.run(lambda: why_card(explain(path, found, chosen))), ""
        except Exception as error:
            return cards.message_card(message_for(error)), ""

    async def test_it(path: Any, value: Any, chosen: Any, request: gr.Request) -> AsyncIterator[tuple]:
        """The photo with parts covered, while the network looks at it."""
        visitor, job = request.session_hash, None
        if not path:
            yield cards.hint_card(), gr.skip(), gr.skip()
            return
        busy = gr.update(interactive=False), gr.update(interactive=True)
        idle = gr.update(interactive=True), gr.update(interactive=False)
        yield cards.waiting_card(tr("Beginning …")), *busy
        try:
            found = find_network(context, value, visitor)
            job = Job(partial(put_to_test, path, found, chosen))
            context.sessions.start(visitor, job, kind="testing")
            async for waiting in prepare(context, found):
                if job.stopping:
                    break
                yield waiting, *busy
            if not job.stopping:
                context.long.submit(job)
                async for progress in job.watch(every_seconds=0.25):
                    if progress.snapshot is None:
                        yield cards.waiting_for(progress), *busy
                    elif job.unfinished and not job.stopping:
                        yield test_card(progress.snapshot, running=True), *busy
            if not context.sessions.is_current(visitor, job, kind="testing"):
                yield gr.skip(), *idle
            elif job.snapshot is None:
                yield cards.waiting_card(tr("Stopped.")), *idle
            else:
                yield test_card(job.snapshot, running=False), *idle
        except Exception as error:
            yield cards.message_card(message_for(error)), *idle
        finally:
            if job is not None:
                job.stop()
                context.sessions.finish(visitor, job, kind="testing")

    def stop_test(request: gr.Request) -> dict:
        context.sessions.stop(request.session_hash, kind="testing")
        return gr.update(interactive=False)

    async def compare_attack(request: gr.Request) -> AsyncIterator[str]:
        attempt = context.sessions.get(request.session_hash).attempt
        yield cards.waiting_card(tr("Looking at both …"))
        try:
            yield await context.quick.run(lambda: fooled_card(before_and_after(attempt)))
        except Exception as error:
            yield cards.message_card(message_for(error))

    label.input(
        show_class,
        inputs=[photo, network, label],
        outputs=[said, tested],
        queue=False,
        trigger_mode="always_last",
        **_PRIVATE,
    )
    test.click(
        test_it, inputs=[photo, network, label], outputs=[tested, test, stop], concurrency_limit=None, **_PRIVATE
    )
    stop.click(stop_test, outputs=stop, queue=False, **_PRIVATE)
    compare.click(compare_attack, outputs=compared, concurrency_limit=None, **_PRIVATE)
    return WhyPart(outputs, shown)
