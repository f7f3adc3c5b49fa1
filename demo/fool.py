"""The Fool it tab: a photo, a goal, Go, and a change that grows until the network reads something else; what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import gradio as gr

from core.attack.presets import find_attack_preset
from core.errors import PetLensError, SettingsError
from demo import cards
from demo.context import Context
from demo.fool_cards import (
    change_panel,
    compare_pictures,
    compare_value,
    example_card,
    full_size_card,
    no_change_panel,
    status_card,
    survival_card,
)
from demo.fool_example import ready_made
from demo.fool_form import (
    SIAMESE,
    Form,
    build_form,
    checked_beside,
    checked_photo,
    is_goal,
    link_of,
    names_of_goals,
    others_here,
    read_link,
)
from demo.fool_more import build_defence, build_dial
from demo.fool_run import Attempt, Wish, enlarge, fool, survivals, write_full_size, write_png
from demo.jobs import Job
from demo.made_files import discard
from demo.messages import message_for
from demo.networks import find_network, load, prepare
from demo.session import VisitorsRun

HINT = "Press Go. The photo changes a little, step by step, until the network reads what you chose."
_PRIVATE = {"show_progress": "hidden", "api_visibility": "private"}


def build_fool_tab(context: Context, page: gr.Blocks, tab: gr.Tab, *, tabs: gr.Tabs) -> list[gr.Dropdown]:
    """Put the tab's components on the page and connect them; returns its list of networks.

    Args:
        tab: this one: the thousand names are read when it is seen for the first time.
        tabs: those of the whole page, for links that open this one.
    """
    gr.Markdown(
        "A photo can be changed so little that nobody sees it, and yet a network is sure that it shows something else. "
        "**Choose what it should read, press Go, and look for the difference.**",
        elem_classes="pl-lead",
    )
    form = build_form()
    with gr.Row():
        go = gr.Button("Go", variant="primary", elem_id="fool-go")
        stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="fool-stop")
        more = gr.Button("Continue", interactive=False, elem_id="fool-continue")
    with gr.Row():
        # on a phone what is read stands between the pictures
        with gr.Column(scale=4, min_width=280):
            pictures = compare_pictures("fool-pictures")
            png = gr.DownloadButton("Picture (PNG)", interactive=False, elem_id="fool-png")
        with gr.Column(scale=4, min_width=280, elem_id="fool-second"):
            change = gr.HTML(no_change_panel(), elem_id="fool-change")
            full = gr.Button("Put it onto the full-size photo", interactive=False, elem_id="fool-full")
            full_said = gr.HTML(elem_id="fool-full-said")
            full_png = gr.DownloadButton("Full-size photo (PNG)", visible=False, elem_id="fool-full-png")
            link = gr.Textbox(
                label="Link with these settings", buttons=["copy"], interactive=False, max_lines=4, elem_id="fool-link"
            )
        with gr.Column(scale=5, min_width=280, elem_id="fool-third"):
            status = gr.HTML(cards.waiting_card(HINT), elem_id="fool-status")
    survival = gr.HTML(elem_id="fool-survival")
    build_dial(context, form, _wish_of)
    build_defence(context, form, _wish_of)
    page_address = gr.Textbox(visible=False)
    named = {"pictures": pictures, "change": change, "status": status, "png": png, "full": full, "link": link}
    named |= {"survival": survival, "full_said": full_said, "full_png": full_png}
    outputs = [*named.values(), go, stop, more]
    # what was said belongs to the picture of before
    nothing_said = {"survival": "", "full_said": "", "full_png": gr.update(visible=False)}

    def shown(what: dict[str, Any] | None = None, *, busy: bool, can_go_on: bool = False) -> tuple:
        """Updates of `outputs`: what is named, and the buttons."""
        given = {named[name]: value for name, value in (what or {}).items()}
        buttons = {
            go: gr.update(interactive=not busy),
            stop: gr.update(interactive=busy),
            more: gr.update(interactive=can_go_on and not busy),
        }
        return tuple({**given, **buttons}.get(output, gr.skip()) for output in outputs)

    def failed(visitor: str, card: str) -> tuple:
        """The result of before stays, with all that one can do with it."""
        kept = context.sessions.get(visitor).attempt
        if kept is None:
            return shown({"status": card}, busy=False)
        what = {**_seen(kept, exact=True), "png": gr.update(interactive=True), "full": gr.update(interactive=True)}
        return shown({**what, "status": card}, busy=False, can_go_on=True)

    async def watch(wish: Wish, address: str, request: gr.Request, go_on: Attempt | None) -> AsyncIterator[tuple]:
        """Everything that is seen of one attack, which is kept at its end."""
        visitor = request.session_hash
        job, path = None, None
        try:
            seconds = 60.0 * context.limits.max_drawing_minutes
            job = Job(partial(fool, wish, go_on=go_on, max_seconds=seconds))
            context.sessions.start(visitor, job, kind="attack")
            for network in (wish.network, *wish.beside):
                async for waiting in prepare(context, network):
                    if job.stopping:
                        break
                    yield shown({"status": waiting}, busy=True)
            context.attacking.submit(job)
            async for progress in job.watch(every_seconds=0.25):
                attempt = progress.snapshot
                if attempt is None:
                    text = f"Waiting: place {progress.place} in the queue" if progress.place else "Beginning …"
                    yield shown({"status": cards.waiting_card(text)}, busy=True)
                elif job.unfinished:
                    card = status_card(attempt, running=True, stopping=job.stopping)
                    yield shown({**_seen(attempt, exact=False), "status": card, **nothing_said}, busy=True)
            attempt = job.snapshot
            if attempt is None:
                yield failed(visitor, cards.waiting_card("Stopped."))
                return
            context.sessions.keep_attempt(visitor, attempt)
            path = await context.data.run(write_png, attempt)
            done = {
                **nothing_said,
                **_seen(attempt, exact=True),
                "status": status_card(attempt, running=False),
                "png": gr.update(value=path, interactive=True),
                "full": gr.update(interactive=True),
                "link": address + link_of(wish.goal, wish.network, wish.preset, wish.settings, wish.beside),
            }
            yield shown(done, busy=False, can_go_on=True)
        except Exception as error:
            if job is not None and job.snapshot is not None:  # what it had reached can be gone on with
                context.sessions.keep_attempt(visitor, job.snapshot)
            yield failed(visitor, cards.message_card(message_for(error)))
        finally:
            if job is not None:
                job.stop()
                context.sessions.finish(visitor, job, kind="attack")
            if path is not None:  # Gradio serves a copy
                discard([path])

    async def start_attack(values: dict[Any, Any], request: gr.Request) -> AsyncIterator[tuple]:
        nothing = {"png": gr.update(interactive=False), "full": gr.update(interactive=False)}
        yield shown({"status": cards.waiting_card("Waking the network …"), **nothing}, busy=True)
        try:
            wish = await context.quick.run(_wish_of, context, form, values, request.session_hash)
        except Exception as error:
            yield failed(request.session_hash, cards.message_card(message_for(error)))
            return
        async for update in watch(wish, values[page_address] or "", request, None):
            yield update

    async def continue_attack(address: str, request: gr.Request) -> AsyncIterator[tuple]:
        """As many steps again from where it ended, with the photo and the settings that it had."""
        before = context.sessions.get(request.session_hash).attempt
        if before is None:
            yield failed(request.session_hash, cards.message_card("There is nothing to go on with. Press Go."))
            return
        async for update in watch(before.wish, address or "", request, before):
            yield update

    def stop_attack(request: gr.Request) -> dict:
        context.sessions.stop(request.session_hash, kind="attack")
        return gr.update(interactive=False)

    def is_shown(attempt: Attempt, visitor: str) -> bool:
        """Whether it is still the one on the screen, and no other has begun since."""
        session = context.sessions.get(visitor)
        return session.attempt is attempt and session.attack is None

    async def see_what_survives(request: gr.Request) -> AsyncIterator[Any]:
        """After each attack that worked; other networks may have to be loaded first."""
        attempt = context.sessions.get(request.session_hash).attempt
        if attempt is None or not attempt.attacked.success:
            yield ""
            return
        job = Job(partial(survivals, attempt))
        try:
            context.data.submit(job)
            async for progress in job.watch(every_seconds=0.3):
                if not is_shown(attempt, request.session_hash):
                    return
                yield survival_card(attempt, progress.snapshot or (), done=progress.state == "done")
        except Exception as error:
            yield cards.message_card(message_for(error))
        finally:
            job.stop()

    async def put_onto_full_size(request: gr.Request) -> AsyncIterator[tuple]:
        attempt = context.sessions.get(request.session_hash).attempt
        no_file = gr.update(visible=False)
        if attempt is None:
            yield cards.message_card("There is no change yet. Press Go."), no_file, gr.skip()
            return
        yield cards.waiting_card("Enlarging the change …"), no_file, gr.update(interactive=False)
        job, path = Job(partial(enlarge, attempt)), None
        try:
            context.attacking.submit(job)
            async for progress in job.watch():
                if not is_shown(attempt, request.session_hash):
                    return
                if progress.place:
                    text = f"Waiting: place {progress.place} in the queue"
                    yield cards.waiting_card(text), no_file, gr.skip()
                elif job.unfinished and progress.snapshot is not None:
                    yield full_size_card(attempt, progress.snapshot), no_file, gr.skip()
            result = job.snapshot
            path = await context.data.run(write_full_size, attempt, result)
            if is_shown(attempt, request.session_hash):
                ready = gr.update(value=path, visible=True)
                yield full_size_card(attempt, result), ready, gr.update(interactive=True)
        except Exception as error:
            yield cards.message_card(message_for(error)), no_file, gr.update(interactive=True)
        finally:
            job.stop()
            if path is not None:
                discard([path])

    async def offer_goals(network: str, chosen: str, request: gr.Request) -> tuple[dict, dict]:
        """The names that this network knows; and the networks that are here now."""
        here = await context.quick.run(others_here)
        try:
            found = find_network(context, network, request.session_hash)
            own = None
            if isinstance(found, VisitorsRun):
                own = (await context.data.run(load, found)).class_names
            names = list(await context.quick.run(names_of_goals, own))
            known = await context.quick.run(is_goal, chosen, names, own is None)
        except PetLensError:
            return gr.skip(), gr.update(choices=here)
        return gr.update(choices=names, value=chosen if known else names[0]), gr.update(choices=here)

    async def show_example(request: gr.Request) -> tuple:
        """Something to look at, until there is something of the visitor's own."""
        session = context.sessions.get(request.session_hash)
        if session.attempt is None and session.attack is None:
            example = await context.quick.run(ready_made)
            session = context.sessions.get(request.session_hash)
            if example is not None and session.attempt is None and session.attack is None:
                return compare_value(example, exact=True), change_panel(example, exact=True), example_card(example)
        return gr.skip(), gr.skip(), gr.skip()

    async def open_link(request: gr.Request) -> tuple:
        """A link that was shared puts everything as it was, except the photo."""
        params = dict(request.query_params)
        nothing = (gr.skip(),) * (6 + len(form.widgets))
        if params.get("tab") != "fool":
            return *nothing, gr.skip()
        try:
            goal, network, beside, preset, settings = await context.quick.run(read_link, params)
        except PetLensError as error:
            return gr.update(selected="fool"), *nothing[1:], cards.message_card(message_for(error))
        about = find_attack_preset(preset).about
        others = gr.update(choices=await context.quick.run(others_here), value=beside)
        return gr.update(selected="fool"), goal, network, others, preset, about, *form.shown(settings), gr.skip()

    streamed = {"outputs": outputs, "concurrency_limit": None, **_PRIVATE}
    begun = go.click(start_attack, inputs={*form.inputs, page_address}, **streamed)
    gone_on = more.click(continue_attack, inputs=page_address, **streamed)
    for event in (begun, gone_on):
        event.then(see_what_survives, outputs=survival, concurrency_limit=None, **_PRIVATE)
    stop.click(stop_attack, outputs=stop, queue=False, api_visibility="private")
    full.click(put_onto_full_size, outputs=[full_said, full_png, full], concurrency_limit=None, **_PRIVATE)
    gr.on(
        [tab.select, form.network.change],
        offer_goals,
        inputs=[form.network, form.goal],
        outputs=[form.goal, form.beside],
        queue=False,
        **_PRIVATE,
    )
    tab.select(show_example, outputs=[pictures, change, status], queue=False, **_PRIVATE)
    page.load(None, outputs=page_address, js="() => location.origin + location.pathname")
    page.load(
        open_link,
        outputs=[
            *(tabs, form.goal, form.network, form.beside, form.preset, form.about),
            *(*form.widgets.values(), status),
        ],
        queue=False,
        **_PRIVATE,
    )
    return [form.network]


def _seen(attempt: Attempt, *, exact: bool) -> dict[str, Any]:
    """Values of the places that show pictures."""
    return {"pictures": compare_value(attempt, exact=exact), "change": change_panel(attempt, exact=exact)}


def _wish_of(context: Context, form: Form, values: dict[Any, Any], visitor: str) -> Wish:
    goal = values[form.goal]
    if not isinstance(goal, str) or not goal.strip():
        raise SettingsError(
            "There is nothing that the network should read. Choose a name, for instance {siamese}.",
            siamese=SIAMESE,
        )
    preset = find_attack_preset(values[form.preset]).token
    network = find_network(context, values[form.network], visitor)
    return Wish(
        checked_photo(values[form.photo]),
        goal,
        network,
        form.settings(values),
        preset,
        checked_beside(values[form.beside]),
    )
