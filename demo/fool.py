"""The Fool it tab: a photo, a goal, Go, and a change that grows until the network reads something else; what becomes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any

import gradio as gr

from core.attack.presets import find_attack_preset
from core.errors import PetLensError, SettingsError
from demo import cards
from demo.context import Context
from demo.examples import photo_named
from demo.fool_cards import (
    change_panel,
    example_card,
    full_size_card,
    no_change_panel,
    status_card,
    survival_card,
)
from demo.fool_compare import compare_pictures, compare_value
from demo.fool_example import ready_made
from demo.fool_form import (
    ANYTHING,
    SIAMESE,
    Form,
    build_form,
    checked_beside,
    checked_photo,
    goal_choices,
    is_anything,
    is_goal,
    link_of,
    names_of_goals,
    others_here,
    read_link,
)
from demo.fool_more import build_defence, build_dial
from demo.fool_run import Attempt, Wish, enlarge, fool, survivals, write_full_size, write_png
from demo.jobs import Job
from demo.languages import mark, tr
from demo.made_files import discard
from demo.messages import message_for
from demo.networks import find_network, load, prepare
from demo.session import VisitorsRun
from demo.tab_opener import Opener

HINT = mark("Press Go. The photo changes a little, step by step, until the network reads what you chose.")
_PRIVATE = {"show_progress": "hidden", "api_visibility": "private"}


def build_fool_tab(context: Context, page: gr.Blocks, tab: gr.Tab) -> tuple[list[gr.Dropdown], Opener]:
    """Put the tab's components on the page and connect them; returns its list of networks, and what opens it from elsewhere.

    A link brings goal, network, the networks beside it ("with"), preset and settings; "photo" is one of the app's own
    examples, and without it the photo stays as it is.

    Args:
        tab: this one: the thousand names are read when it is seen for the first time.
    """
    gr.Markdown(
        tr(
            "A photo can be changed so little that nobody sees it, and yet a network is sure that it shows something "
            "else. **Choose what it should read, press Go, and look for the difference.**"
        ),
        elem_classes="pl-lead",
    )
    form = build_form()
    untouched = cards.waiting_card(tr(HINT))
    with gr.Row():
        go = gr.Button(tr("Go"), variant="primary", elem_id="fool-go")
        stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="fool-stop")
        more = gr.Button(tr("Continue"), interactive=False, elem_id="fool-continue")
    with gr.Row():
        # on a phone what is read stands between the pictures
        with gr.Column(scale=4, min_width=280):
            pictures = compare_pictures("fool-pictures")
            png = gr.DownloadButton(tr("Picture (PNG)"), interactive=False, elem_id="fool-png")
        with gr.Column(scale=4, min_width=280, elem_id="fool-second"):
            change = gr.HTML(no_change_panel(), elem_id="fool-change")
            full = gr.Button(tr("Put it onto the full-size photo"), interactive=False, elem_id="fool-full")
            full_said = gr.HTML(elem_id="fool-full-said")
            full_png = gr.DownloadButton(tr("Full-size photo (PNG)"), visible=False, elem_id="fool-full-png")
            link = gr.Textbox(
                label=tr("Link with these settings"),
                buttons=["copy"],
                interactive=False,
                max_lines=4,
                elem_id="fool-link",
            )
        with gr.Column(scale=5, min_width=280, elem_id="fool-third"):
            status = gr.HTML(untouched, elem_id="fool-status")
    survival = gr.HTML(elem_id="fool-survival")
    build_dial(context, form, _wish_of)
    build_defence(context, form, _wish_of)
    page_address, go_from_elsewhere = gr.Textbox(visible=False), gr.Textbox(visible="hidden")
    named = {"pictures": pictures, "change": change, "status": status, "png": png, "full": full, "link": link}
    named |= {"survival": survival, "full_said": full_said, "full_png": full_png}
    outputs = [*named.values(), go, stop, more]
    # what was said belongs to the picture of before
    nothing_said = {"survival": "", "full_said": "", "full_png": gr.update(visible=False)}

    def shown(what: dict[str, Any] | None = None, *, busy: bool, can_go_on: bool = False) -> tuple:
        """Updates of `outputs`: what is named, and the buttons."""
        given = {named[name]: value for name, value in (what or {}).items()}
        if busy:  # what can be had belongs to the picture of before
            given |= {png: gr.update(interactive=False), full: gr.update(interactive=False)}
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
            nothing = {"png": gr.update(interactive=False), "full": gr.update(interactive=False)}
            return shown({**nothing, "status": card}, busy=False)
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
                    yield shown({"status": cards.waiting_for(progress)}, busy=True)
                elif job.unfinished:
                    card = status_card(attempt, running=True, stopping=job.stopping)
                    yield shown({**nothing_said, **_seen(attempt, exact=False), "status": card}, busy=True)
            if job.snapshot is None:
                yield failed(visitor, cards.waiting_card(tr("Stopped.")))
                return
            attempt = await context.data.run(job.snapshot.set_aside)
            context.sessions.keep_result(visitor, attempt=attempt)
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
                context.sessions.keep_result(visitor, attempt=job.snapshot)
            yield failed(visitor, cards.message_card(message_for(error)))
        finally:
            if job is not None:
                job.stop()
                context.sessions.finish(visitor, job, kind="attack")
            if path is not None:  # Gradio serves a copy
                discard([path])

    async def start_attack(values: dict[Any, Any], request: gr.Request) -> AsyncIterator[tuple]:
        yield shown({"status": cards.waiting_card(tr("Waking the network …"))}, busy=True)
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
            card = cards.message_card(tr("There is nothing to go on with. Press Go."))
            yield failed(request.session_hash, card)
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
        no_file, wait = gr.update(visible=False), gr.update(interactive=False)
        if attempt is None:
            yield cards.message_card(tr("There is no change yet. Press Go.")), no_file, gr.skip()
            return
        yield cards.waiting_card(tr("Enlarging the change …")), no_file, wait
        job, path = Job(partial(enlarge, attempt)), None
        try:
            context.attacking.submit(job)
            async for progress in job.watch():
                if not is_shown(attempt, request.session_hash):
                    return
                if progress.place:
                    yield cards.waiting_for(progress), no_file, wait
                elif job.unfinished and progress.snapshot is not None:
                    yield full_size_card(attempt, progress.snapshot), no_file, wait
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
            names = await context.quick.run(names_of_goals, own)
            known = await context.quick.run(is_goal, chosen, names, own is None)
        except PetLensError:
            return gr.skip(), gr.update(choices=here)
        goal = gr.update(choices=goal_choices(names), value=chosen if known else ANYTHING)
        return goal, gr.update(choices=here)

    async def show_example(said: str, request: gr.Request) -> tuple:
        """Something to look at, until there is something of the visitor's own; a message stays."""
        session = context.sessions.get(request.session_hash)
        if session.attempt is None and session.attack is None:
            example = await context.quick.run(ready_made)
            session = context.sessions.get(request.session_hash)
            if example is not None and session.attempt is None and session.attack is None:
                card = example_card(example) if said == untouched else gr.skip()
                return compare_value(example, exact=True), change_panel(example, exact=True), card
        return gr.skip(), gr.skip(), gr.skip()

    async def open_with(visitor: str, params: Mapping[str, str]) -> Sequence[Any]:
        photo = await context.quick.run(photo_named, params)
        goal, network, beside, preset, settings = await context.quick.run(read_link, params)
        others = gr.update(choices=await context.quick.run(others_here), value=beside)
        about = tr(find_attack_preset(preset).about)
        return photo or gr.skip(), goal, network, others, preset, about, *form.shown(settings)

    streamed = {"outputs": outputs, "concurrency_limit": None, **_PRIVATE}
    begun = gr.on([go.click, go_from_elsewhere.change], start_attack, inputs={*form.inputs, page_address}, **streamed)
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
    tab.select(show_example, inputs=status, outputs=[pictures, change, status], queue=False, **_PRIVATE)
    page.load(None, outputs=page_address, js="() => location.origin + location.pathname")
    opened = [form.photo, form.goal, form.network, form.beside, form.preset, form.about, *form.widgets.values()]
    return [form.network], Opener("fool", opened, open_with, status, go_from_elsewhere)


def _seen(attempt: Attempt, *, exact: bool) -> dict[str, Any]:
    """Values of the places that show pictures."""
    return {"pictures": compare_value(attempt, exact=exact), "change": change_panel(attempt, exact=exact)}


def _wish_of(context: Context, form: Form, values: dict[Any, Any], visitor: str) -> Wish:
    goal = ANYTHING if is_anything(values[form.goal]) else values[form.goal]
    if not isinstance(goal, str) or not goal.strip():
        raise SettingsError(
            "There is nothing that the network should read. Choose a name, for instance {siamese}.",
            siamese=SIAMESE,
        )
    preset = find_attack_preset(values[form.preset]).token
    network = find_network(context, values[form.network], visitor)
    settings = form.settings(values)
    context.limits.check_steps(settings.total_steps)
    return Wish(checked_photo(values[form.photo]), goal, network, settings, preset, checked_beside(values[form.beside]))
