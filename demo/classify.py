"""The Classify tab: one photo with one or two networks, or several photos as a table."""

from __future__ import annotations

import asyncio
import csv
import os
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

import core
from demo import cards
from demo.context import Context
from demo.examples import examples
from demo.jobs import Job, Progress
from demo.messages import message_for
from demo.photo import photo_input

if TYPE_CHECKING:
    from core import FileResult

NO_SECOND = "none"
CSV_NAMES = 5


@dataclass(frozen=True, eq=False)
class Batch:
    """Several photos, as far as they are done: the results, and the rows of the table."""

    network: str
    results: list[FileResult]
    rows: list[str]


def build_classify_tab(context: Context, page: gr.Blocks) -> None:
    """Put the tab's components on the page and connect them."""
    gr.Markdown(
        "A network that has studied 1.3 million photos knows 1,000 things by name, among them 118 breeds of dogs. "
        "**Drop a photo and read what it sees.** The photo goes to the computer that runs this page, and to nobody else.",
        elem_classes="pl-lead",
    )
    with gr.Tabs(overflow_behavior="wrap"):
        with gr.Tab("One photo"):
            dropdowns = _build_one_photo(context, page)
        with gr.Tab("Several photos"):
            dropdowns += _build_several_photos(context)

    def refresh_choices() -> list[dict]:
        """What is here may have changed since the app was started."""
        return [gr.update(choices=_choices_for(dropdown.value)) for dropdown in dropdowns]

    page.load(refresh_choices, outputs=dropdowns, queue=False, show_progress="hidden", api_visibility="private")


def _build_one_photo(context: Context, page: gr.Blocks) -> list[gr.Dropdown]:
    ready = examples()
    with gr.Row():
        with gr.Column(scale=5, min_width=280):
            photo = photo_input(value=str(ready[0].path), label="Photo", height=340, elem_id="photo")
            gr.Markdown("Or try one of these:", elem_classes="pl-or")
            with gr.Row(elem_classes="pl-examples"):
                example_buttons = [
                    gr.Button(example.shows, icon=str(example.path), size="sm", min_width=84, elem_classes="pl-example")
                    for example in ready
                ]
            with gr.Row():
                backbone = _network_dropdown("Network", "or type another timm network's name")
                second = _network_dropdown("Compare with", "a second network beside the first", value=NO_SECOND)
            button = gr.Button("Classify", variant="primary", elem_id="classify")
        with gr.Column(scale=6, min_width=280), gr.Row():
            with gr.Column(min_width=260):
                first_card = gr.HTML(cards.waiting_card("Waking the network …"), elem_id="result")
            with gr.Column(min_width=260, visible=False) as second_place:
                second_card = gr.HTML(elem_id="second-result")
    # The visitor's turn, written when a network must be fetched or loaded first: its change starts the preparation.
    wanted = gr.Textbox(visible="hidden")

    async def show(photo: str | None, backbone: str, compare_with: str, request: gr.Request) -> tuple:
        turn = context.sessions.next_turn(request.session_hash)
        first, first_waits = await _card(context, photo, backbone)
        if _is_none(compare_with):
            second, second_waits = gr.skip(), False
        else:
            second, second_waits = await _card(context, photo, compare_with)
        context.sessions.answer(request.session_hash, turn, (first, second))
        signal = str(turn) if first_waits or second_waits else gr.skip()
        return first, second, gr.update(visible=not _is_none(compare_with)), signal

    async def prepare(
        photo: str | None, backbone: str, compare_with: str, turn: str, request: gr.Request
    ) -> AsyncIterator[tuple]:
        async def both() -> AsyncIterator[tuple]:
            async for card in _prepare_then_card(context, photo, backbone):
                yield card, gr.skip()
            if not _is_none(compare_with):
                async for card in _prepare_then_card(context, photo, compare_with):
                    yield gr.skip(), card

        async for two_cards in _while_waiting(both(), lambda: _is_late(context, request, turn)):
            yield two_cards
        if _is_late(context, request, turn):
            # One of our cards may have crossed the newer answer on its way: show that again.
            yield context.sessions.get(request.session_hash).cards or (gr.skip(), gr.skip())

    async def classify(photo: str | None, backbone: str, top: float) -> dict:
        """Classify one photo: the same object as `python -m core classify --json`, without the file's name."""
        try:
            async for _ in _prepare(context, backbone):
                pass
            return await context.quick.run(_as_json, photo, backbone, top)
        except Exception as error:
            raise gr.Error(message_for(error), print_exception=False) from error

    for example_button, example in zip(example_buttons, ready, strict=True):
        example_button.click(
            partial(str, example.path), outputs=photo, queue=False, show_progress="hidden", api_visibility="private"
        )
    # Without Gradio's queue, which costs another 10 ms: the pool has a queue of its own.
    listen = partial(
        gr.on,
        fn=show,
        inputs=[photo, backbone, second],
        outputs=[first_card, second_card, second_place, wanted],
        show_progress="hidden",
        trigger_mode="always_last",
        queue=False,
        api_visibility="private",
    )
    listen([page.load, photo.change, backbone.change, second.change])
    listen([button.click], scroll_to_output=True)  # on a phone the result lies below
    wanted.change(
        prepare,
        inputs=[photo, backbone, second, wanted],
        outputs=[first_card, second_card],
        show_progress="hidden",
        trigger_mode="multiple",
        concurrency_limit=None,
        api_visibility="private",
    )
    # For programs. Through components, not `gr.api`: only components refuse a path that nobody uploaded.
    top, answer, ask = gr.Number(5, visible=False), gr.JSON(visible=False), gr.Button(visible=False)
    ask.click(classify, inputs=[photo, backbone, top], outputs=answer, api_name="classify", concurrency_limit=None)
    return [backbone, second]


def _build_several_photos(context: Context) -> list[gr.Dropdown]:
    most = context.limits.max_photos
    with gr.Row():
        with gr.Column(scale=5, min_width=280):
            # of any type: what cannot be read gets its reason in the table, and the others are done
            photos = gr.File(file_count="multiple", label=f"Photos (up to {most})", height=220, elem_id="photos")
            backbone = _network_dropdown("Network", "or type another timm network's name")
            with gr.Row():
                start = gr.Button("Classify all", variant="primary", elem_id="classify-all")
                stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="stop")
        with gr.Column(scale=8, min_width=280):
            status = gr.HTML(cards.waiting_card("Drop several photos, then press Classify all."), elem_id="status")
            table = gr.HTML(elem_id="table")
            download_button = gr.DownloadButton("Download the table (CSV)", interactive=False, elem_id="csv")

    async def classify_all(photos: list[str] | None, backbone: str, request: gr.Request) -> AsyncIterator[tuple]:
        idle = gr.update(interactive=True), gr.update(interactive=False)
        busy = gr.update(interactive=False), gr.update(interactive=True)
        no_file = gr.update(value=None, interactive=False)
        if not photos or len(photos) > most:
            text = f"{len(photos)} photos are too many: {most} at a time." if photos else "Choose some photos first."
            yield cards.message_card(text), gr.skip(), no_file, *idle
            return
        job = Job(partial(_classify_files, photos, backbone))
        context.sessions.start(request.session_hash, job)
        batch, table_file = None, None
        began = time.perf_counter()
        try:
            async for waiting in _prepare(context, backbone):
                if job.stopping:
                    break
                yield waiting, "", no_file, *busy
            context.long.submit(job)
            async for progress in job.watch(every_seconds=0.4):
                batch = progress.snapshot
                done, rows = (len(batch.rows), batch.rows) if batch else (0, [])
                text = _status(progress, done, len(photos))
                if not job.unfinished and batch:
                    seconds = time.perf_counter() - began
                    text += f" · {seconds:.1f} s · {batch.network}"
                    table_file = await context.quick.run(_write_csv, batch)
                file = gr.update(value=table_file, interactive=True) if table_file else no_file
                buttons = busy if job.unfinished else idle
                yield cards.waiting_card(text, done / len(photos)), cards.photo_table(rows), file, *buttons
        except Exception as error:
            yield cards.message_card(message_for(error)), gr.skip(), no_file, *idle
        finally:
            job.stop()
            context.sessions.finish(request.session_hash, job)
            if table_file:
                os.unlink(table_file)  # Gradio serves a copy, which it deletes after a while

    def stop_job(request: gr.Request) -> None:
        context.sessions.stop(request.session_hash)

    start.click(
        classify_all,
        inputs=[photos, backbone],
        outputs=[status, table, download_button, start, stop],
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )
    stop.click(stop_job, queue=False, api_visibility="private")
    return [backbone]


def _network_dropdown(label: str, info: str, *, value: str = core.DEFAULT_BACKBONE) -> gr.Dropdown:
    return gr.Dropdown(_choices_for(value), value=value, label=label, info=info, allow_custom_value=True)


def _choices_for(value: str) -> list[tuple[str, str]]:
    """The networks; where "none" is the value to begin with, that too."""
    return [("none", NO_SECOND)] * (value == NO_SECOND) + _network_choices()


def _network_choices() -> list[tuple[str, str]]:
    """Title and name of each network that can classify, with what it takes to have it."""
    choices = []
    for listing in core.list_backbones():
        if not listing.imagenet_head:
            continue
        if listing.here:
            title = listing.title
        elif core.fetching_is_allowed():
            title = f"{listing.title} (needs internet: {listing.parameters * 4 / 1e6:.0f} MB)"
        else:
            title = f"{listing.title} (not on this machine)"
        choices.append((title, listing.name))
    return choices


def _is_late(context: Context, request: gr.Request, turn: str) -> bool:
    """Whether the visitor has chosen again: a download goes on, but nobody wants to watch it here any more."""
    return str(context.sessions.get(request.session_hash).turn) != turn


async def _while_waiting(stream: AsyncIterator[tuple], ends: Callable[[], bool]) -> AsyncIterator[tuple]:
    """Items of a stream, until it ends or `ends()` says so, which is asked four times a second."""
    while not ends():
        following = asyncio.ensure_future(anext(stream, None))
        while not following.done() and not ends():
            await asyncio.wait({following}, timeout=0.25)
        if not following.done():
            following.cancel()
            return
        if following.result() is None:
            return
        yield following.result()


def _is_none(backbone: str | None) -> bool:
    return not backbone or backbone == NO_SECOND


async def _card(context: Context, photo: str | None, backbone: str) -> tuple[str, bool]:
    """The card for one photo, and whether the network must be fetched or loaded first."""
    if not photo:
        return cards.hint_card(), False
    try:
        look = await context.quick.run(_look, photo, backbone)
    except Exception as error:
        return cards.message_card(message_for(error)), False
    if look is None:
        return cards.waiting_card(f"Waking {backbone} …"), True
    return cards.result_card(look), False


async def _prepare_then_card(context: Context, photo: str | None, backbone: str) -> AsyncIterator[str]:
    """The cards while a network is fetched and loaded, then the one for the photo."""
    try:
        async for waiting in _prepare(context, backbone):
            yield waiting
    except Exception as error:
        yield cards.message_card(message_for(error))
        return
    yield (await _card(context, photo, backbone))[0]


async def _prepare(context: Context, backbone: str) -> AsyncIterator[str]:
    """Fetch and load a network that is not in memory yet; nothing for one that is."""
    # core's names import torch at their first use, which must not happen on the event loop
    if await context.quick.run(_is_ready, backbone):
        return
    async for progress in context.preparations.job(backbone).watch():
        if progress.state == "queued":
            yield cards.waiting_card(f"Waiting for {backbone}: place {progress.place} in the queue")
        elif progress.snapshot is None or progress.snapshot.total_bytes is None:
            yield cards.waiting_card(f"Waking {backbone} …")
        else:
            received, total = progress.snapshot.received_bytes, progress.snapshot.total_bytes
            text = f"Downloading {backbone}: {received / 1e6:.0f} of {total / 1e6:.0f} MB"
            yield cards.waiting_card(text, min(1.0, received / total))


def _is_ready(backbone: str) -> bool:
    core.check_can_classify(backbone)
    return core.is_loaded(backbone)


def _look(photo: str, backbone: str) -> cards.Look | None:
    """A network's look at a photo; None if the network is not in memory."""
    if not _is_ready(backbone):
        return None
    if not os.path.exists(photo):
        raise core.ImageError("This photo is no longer on the server, where it is kept for some hours. Drop it again.")
    classifier = core.Classifier(core.load_backbone(backbone))
    start = time.perf_counter()
    picture = classifier.read(photo)
    read = time.perf_counter()
    prediction = classifier.predict([picture])[0]
    done = time.perf_counter()
    network = classifier.backbone
    return cards.Look(network.title, network.licence, prediction, read - start, done - read)


def _as_json(photo: str | None, backbone: str, top: float) -> dict:
    if not photo:
        raise core.ImageError("There is no photo.")
    start = time.perf_counter()
    classifier = core.Classifier(core.load_backbone(backbone))
    said = classifier.predict([classifier.read(photo)])[0].as_dict(top)
    return {"backbone": classifier.backbone.name, **said, "seconds": time.perf_counter() - start}


def _classify_files(photos: list[str], backbone: str) -> Iterator[Batch]:
    """Snapshots: all that is done so far."""
    classifier = core.Classifier(core.load_backbone(backbone))
    results, rows = [], []
    for result in core.predict_files(classifier, photos):
        results.append(result)
        rows.append(cards.photo_row(Path(result.source).name, result.prediction, str(result.error)))
        yield Batch(classifier.backbone.name, results.copy(), rows.copy())


def _status(progress: Progress, done: int, total: int) -> str:
    if progress.state == "queued":
        return f"Waiting: place {progress.place} in the queue"
    if progress.state == "stopped":
        return f"Stopped after {done} of {total} photos"
    return f"{done} of {total} photos"


def _write_csv(batch: Batch) -> str:
    """One line a photo with its best names; returns the path of a new temporary file."""
    what = ("label", "index", "probability")
    names = [f"{column}_{place}" for place in range(1, CSV_NAMES + 1) for column in what]
    with tempfile.NamedTemporaryFile(
        "w", newline="", encoding="utf-8-sig", prefix="pet-lens-", suffix=".csv", delete=False
    ) as file:
        header = ["file", "backbone", *names, "cat", "dog", "neither", "unsure", "seconds", "error"]
        writer = csv.DictWriter(file, header)
        writer.writeheader()
        for result in batch.results:
            line = {"file": _plain_cell(Path(result.source).name), "backbone": batch.network}
            if result.prediction is None:
                writer.writerow(line | {"error": str(result.error)})
                continue
            for place, ranked in enumerate(result.prediction.top(CSV_NAMES), start=1):
                line |= {f"{column}_{place}": getattr(ranked, column) for column in what}
            species = result.prediction.species
            line |= {"cat": species.cat, "dog": species.dog, "neither": species.neither}
            writer.writerow(line | {"unsure": result.prediction.unsure, "seconds": round(result.seconds, 4)})
    return file.name


def _plain_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
