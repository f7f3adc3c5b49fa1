"""The Classify tab: one photo with one or two networks, or several photos as a table."""

from __future__ import annotations

import csv
import os
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

import core
from demo import cards
from demo.context import Context
from demo.examples import examples
from demo.jobs import Progress
from demo.messages import message_for
from demo.photo import photo_input

if TYPE_CHECKING:
    from core.classifier import FileResult

NO_SECOND = "none"
TABLE_HEADERS = ["photo", "best name", "probability", "cat", "dog", "neither", "note"]
PICTURE_SUFFIXES = [".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff"]


def build_classify_tab(context: Context, page: gr.Blocks) -> None:
    """Put the tab's components on the page and connect them."""
    gr.Markdown(
        "A network that has studied 1.3 million photos knows 1,000 things by name, among them 118 breeds of dogs. "
        "**Drop a photo and read what it sees.** The photo stays on this machine.",
        elem_classes="pl-lead",
    )
    networks = _network_choices()
    with gr.Tabs(overflow_behavior="wrap"):
        with gr.Tab("One photo"):
            _build_one_photo(context, page, networks)
        with gr.Tab("Several photos"):
            _build_several_photos(context, networks)


def _build_one_photo(context: Context, page: gr.Blocks, networks: list[tuple[str, str]]) -> None:
    ready = examples()
    with gr.Row():
        with gr.Column(scale=5, min_width=280):
            photo = photo_input(value=str(ready[0].path), label="Photo", height=340, elem_id="photo")
            gr.Markdown("Or try one of these:", elem_classes="pl-or")
            with gr.Row(elem_classes="pl-examples"):
                buttons = [
                    gr.Button(example.shows, icon=str(example.path), size="sm", min_width=84, elem_classes="pl-example")
                    for example in ready
                ]
            button = gr.Button("Classify", variant="primary", elem_id="classify")
        with gr.Column(scale=6, min_width=280):
            first_card = gr.HTML(cards.waiting_card("Waking the network …"), elem_id="result")
            second_card = gr.HTML(visible=False, elem_id="second-result")
            wanted = gr.Textbox(visible="hidden")  # written when a network must be fetched first
            with gr.Row():
                backbone = _network_dropdown(networks, "Network")
                second = gr.Dropdown(
                    [("none", NO_SECOND), *networks],
                    value=NO_SECOND,
                    label="Compare with",
                    allow_custom_value=True,
                    elem_id="compare",
                )

    async def show(photo: str | None, backbone: str, compare_with: str) -> tuple:
        first, first_missing = await _card(context, photo, backbone)
        if compare_with == NO_SECOND:
            other, other_missing = gr.update(visible=False), False
        else:
            card, other_missing = await _card(context, photo, compare_with)
            other = gr.update(value=card, visible=True)
        # a value that is always new: its change event starts the fetch
        return first, other, str(time.time()) if first_missing or other_missing else gr.skip()

    async def fetch(photo: str | None, backbone: str, compare_with: str) -> AsyncIterator[tuple]:
        async for card in _fetch_then_card(context, photo, backbone):
            yield card, gr.skip()
        if compare_with != NO_SECOND:
            async for card in _fetch_then_card(context, photo, compare_with):
                yield gr.skip(), card

    async def classify(photo: str | None, backbone: str, top: float) -> dict:
        """Classify one photo: the same object as `python -m core classify --json`, without the file's name."""
        try:
            return await context.quick.run(_as_json, photo, backbone, top)
        except Exception as error:
            raise gr.Error(message_for(error), print_exception=False) from error

    for example_button, example in zip(buttons, ready, strict=True):
        example_button.click(
            partial(str, example.path), outputs=photo, queue=False, show_progress="hidden", api_visibility="private"
        )
    # Without Gradio's queue, which costs another 10 ms: the pool has a queue of its own.
    gr.on(
        [page.load, photo.change, button.click, backbone.change, second.change],
        show,
        inputs=[photo, backbone, second],
        outputs=[first_card, second_card, wanted],
        show_progress="hidden",
        trigger_mode="always_last",
        queue=False,
        api_visibility="private",
    )
    wanted.change(
        fetch,
        inputs=[photo, backbone, second],
        outputs=[first_card, second_card],
        show_progress="hidden",
        concurrency_limit=None,
        api_visibility="private",
    )
    # For programs. Through components, not `gr.api`: only components refuse a path that nobody uploaded.
    top, answer, ask = gr.Number(5, visible=False), gr.JSON(visible=False), gr.Button(visible=False)
    ask.click(classify, inputs=[photo, backbone, top], outputs=answer, api_name="classify", concurrency_limit=None)


def _build_several_photos(context: Context, networks: list[tuple[str, str]]) -> None:
    most = context.limits.max_photos
    with gr.Row():
        with gr.Column(scale=5, min_width=280):
            photos = gr.File(
                file_count="multiple", file_types=PICTURE_SUFFIXES, label=f"Photos (up to {most})", height=220,
                elem_id="photos",
            )  # fmt: skip
            backbone = _network_dropdown(networks, "Network")
            with gr.Row():
                start = gr.Button("Classify all", variant="primary", elem_id="classify-all")
                stop = gr.Button("Stop", variant="stop", interactive=False, elem_id="stop")
        with gr.Column(scale=8, min_width=280):
            status = gr.HTML(cards.waiting_card("Drop several photos, then press Classify all."), elem_id="status")
            table = gr.Dataframe(
                headers=TABLE_HEADERS, interactive=False, wrap=True, max_height=460, show_label=False,
                show_search="search", elem_id="table",
            )  # fmt: skip
            download_button = gr.DownloadButton("Download the table (CSV)", interactive=False, elem_id="csv")

    async def classify_all(photos: list[str] | None, backbone: str, request: gr.Request) -> AsyncIterator[tuple]:
        idle = gr.update(interactive=True), gr.update(interactive=False)
        busy = gr.update(interactive=False), gr.update(interactive=True)
        no_file = gr.update(value=None, interactive=False)
        if not photos or len(photos) > most:
            text = f"{len(photos)} photos are too many: {most} at a time." if photos else "Choose some photos first."
            yield cards.message_card(text), gr.skip(), no_file, *idle
            return
        results: list[FileResult] = []
        try:
            async for waiting in _fetch_if_missing(context, backbone):
                yield waiting, [], no_file, *busy
            job = context.long.submit(lambda: _classify_files(photos, backbone))
            context.sessions.start(request.session_hash, job)
            try:
                async for progress in job.watch():
                    results = progress.snapshot or []
                    text = _status(progress, len(results), len(photos))
                    yield cards.waiting_card(text, len(results) / len(photos)), _rows(results), no_file, *busy
            finally:
                job.stop()
        except Exception as error:
            yield cards.message_card(message_for(error)), _rows(results), no_file, *idle
            return
        share = len(results) / len(photos)
        if not results:
            yield cards.waiting_card(text, share), [], no_file, *idle
            return
        table_file = _write_csv(results, backbone)
        try:
            download = gr.update(value=table_file, interactive=True)
            yield cards.waiting_card(text, share), _rows(results), download, *idle
        finally:
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


def _network_dropdown(networks: list[tuple[str, str]], label: str) -> gr.Dropdown:
    return gr.Dropdown(
        networks,
        value=core.DEFAULT_BACKBONE,
        label=label,
        info="or type any timm name",
        allow_custom_value=True,
    )


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


async def _card(context: Context, photo: str | None, backbone: str) -> tuple[str, bool]:
    """The card for one photo, and whether the network must be fetched first."""
    if not photo:
        return cards.hint_card(), False
    try:
        look = await context.quick.run(_look, photo, backbone)
    except Exception as error:
        return cards.message_card(message_for(error)), False
    if look is None:
        return cards.waiting_card(f"Asking the hub for {backbone} …"), True
    return cards.result_card(look), False


async def _fetch_then_card(context: Context, photo: str | None, backbone: str) -> AsyncIterator[str]:
    """The cards while a network is fetched, then the one for the photo. Nothing but the last for a network that is here."""
    try:
        async for waiting in _fetch_if_missing(context, backbone):
            yield waiting
    except Exception as error:
        yield cards.message_card(message_for(error))
        return
    yield (await _card(context, photo, backbone))[0]


async def _fetch_if_missing(context: Context, backbone: str) -> AsyncIterator[str]:
    # through a lambda: core's names import torch at their first use, which must not happen on the event loop
    if not await context.quick.run(lambda: core.needs_fetching(backbone)):
        return
    yield cards.waiting_card(f"Asking the hub for {backbone} …")
    async for progress in context.fetch.submit(lambda: core.fetch_backbone(backbone)).watch():
        if progress.snapshot and progress.snapshot.total_bytes:
            received, total = progress.snapshot.received_bytes, progress.snapshot.total_bytes
            text = f"Fetching {backbone}: {received / 1e6:.0f} of {total / 1e6:.0f} MB"
            yield cards.waiting_card(text, min(1.0, received / total))


def _look(photo: str, backbone: str) -> cards.Look | None:
    """A network's look at a photo; None if the network must be fetched first."""
    if core.needs_fetching(backbone):
        return None
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
    if top != int(top):
        raise core.SettingsError(f"top must be a whole number, not {top}.")
    start = time.perf_counter()
    classifier = core.Classifier(core.load_backbone(backbone))
    said = classifier.predict([classifier.read(photo)])[0].as_dict(int(top))
    return {"backbone": classifier.backbone.name, **said, "seconds": time.perf_counter() - start}


def _classify_files(photos: list[str], backbone: str) -> Iterator[list[FileResult]]:
    """Snapshots: all results so far."""
    classifier = core.Classifier(core.load_backbone(backbone))
    results: list[FileResult] = []
    for result in core.predict_files(classifier, photos):
        results.append(result)
        yield results.copy()


def _status(progress: Progress, done: int, total: int) -> str:
    if progress.state == "queued":
        return f"Waiting: place {progress.place} in the queue"
    if progress.state == "stopped":
        return f"Stopped after {done} of {total} photos"
    return f"{done} of {total} photos"


def _rows(results: list[FileResult]) -> list[list]:
    rows = []
    for result in results:
        name = Path(result.source).name
        if result.prediction is None:
            rows.append([name, "", "", "", "", "", str(result.error)])
            continue
        best, species = result.prediction.top(1)[0], result.prediction.species
        shares = [f"{share:.1%}" for share in (best.probability, species.cat, species.dog, species.neither)]
        rows.append([name, best.title, *shares, "unsure" if result.prediction.unsure else ""])
    return rows


def _write_csv(results: list[FileResult], backbone: str) -> str:
    """One line a photo with its five best names; returns the path of a new temporary file."""
    names = [f"{what}_{place}" for place in range(1, 6) for what in ("label", "probability")]
    with tempfile.NamedTemporaryFile(
        "w", newline="", encoding="utf-8-sig", prefix="pet-lens-", suffix=".csv", delete=False
    ) as file:
        writer = csv.writer(file)
        writer.writerow(["file", "backbone", *names, "cat", "dog", "neither", "unsure", "error"])
        for result in results:
            start = [_plain_cell(Path(result.source).name), backbone]
            if result.prediction is None:
                writer.writerow([*start, *[""] * 14, str(result.error)])
                continue
            best = [cell for ranked in result.prediction.top(5) for cell in (ranked.label, ranked.probability)]
            species = result.prediction.species
            writer.writerow([*start, *best, species.cat, species.dog, species.neither, result.prediction.unsure, ""])
    return file.name


def _plain_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
