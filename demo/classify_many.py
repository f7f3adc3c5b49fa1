"""Several photos at once: a table that grows, a Stop, a CSV to download."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr

import core
from core.errors import PetLensError
from demo import cards
from demo.context import Context
from demo.jobs import Job, Progress
from demo.languages import tr, tr_n
from demo.messages import message_for
from demo.networks import Network, find_network, load, network_dropdown, prepare
from demo.session import VisitorsRun
from demo.tables import write_table

if TYPE_CHECKING:
    from core import FileResult

CSV_NAMES = 5


@dataclass(frozen=True, eq=False)
class Batch:
    """Several photos, as far as they are done.

    Attributes:
        network: timm's name.
        results: of the photos.
        rows: of the table.
        class_names: of a visitor's run; None for a network as published.
        run: the name of that run.
    """

    network: str
    results: list[FileResult]
    rows: list[str]
    class_names: tuple[str, ...] | None = None
    run: str = ""


def build_several_photos(context: Context) -> list[gr.Dropdown]:
    """Put the components on the page and connect them; returns the lists of networks."""
    most = context.limits.max_photos
    with gr.Row():
        with gr.Column(scale=5, min_width=280):
            # of any type: what cannot be read gets its reason in the table, and the others are done
            photos = gr.File(
                file_count="multiple", label=tr("Photos (up to {most})", most=most), height=220, elem_id="photos"
            )
            backbone = network_dropdown(tr("Network"), tr("or type another timm network's name"))
            with gr.Row():
                start = gr.Button(tr("Classify all"), variant="primary", elem_id="classify-all")
                stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="stop")
        with gr.Column(scale=8, min_width=280):
            status = gr.HTML(cards.waiting_card(tr("Drop several photos, then press Classify all.")), elem_id="status")
            table = gr.HTML(elem_id="table")
            download_button = gr.DownloadButton(tr("Download the table (CSV)"), interactive=False, elem_id="csv")

    async def classify_all(photos: list[str] | None, backbone: str, request: gr.Request) -> AsyncIterator[tuple]:
        idle = gr.update(interactive=True), gr.update(interactive=False)
        busy = gr.update(interactive=False), gr.update(interactive=True)
        no_file = gr.update(value=None, interactive=False)
        if not photos or len(photos) > most:
            text = tr("Choose some photos first.")
            if photos:
                text = tr("{count} photos are too many: {most} at a time.", count=len(photos), most=most)
            yield cards.message_card(text), gr.skip(), no_file, *idle
            return
        try:
            network = find_network(context, backbone, request.session_hash)
        except PetLensError as error:
            yield cards.message_card(message_for(error)), gr.skip(), no_file, *idle
            return
        job = Job(partial(_classify_files, photos, network))
        context.sessions.start(request.session_hash, job)
        batch, table_file = None, None
        began = time.perf_counter()
        try:
            async for waiting in prepare(context, network):
                if job.stopping:
                    break
                yield waiting, "", no_file, *busy
            context.long.submit(job)
            async for progress in job.watch(every_seconds=0.4):
                batch = progress.snapshot
                done, table_html = _so_far(batch)
                text = _status(progress, done, len(photos))
                if not job.unfinished and batch:
                    seconds = time.perf_counter() - began
                    text += f" · {seconds:.1f} s · {batch.run or batch.network}"
                    table_file = await context.quick.run(_write_csv, batch)
                file = gr.update(value=table_file, interactive=True) if table_file else no_file
                buttons = busy if job.unfinished else idle
                yield cards.waiting_card(text, done / len(photos)), table_html, file, *buttons
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


def _so_far(batch: Batch | None) -> tuple[int, str]:
    """How many photos are done, and the table of them."""
    if batch is None:
        return 0, ""
    return len(batch.rows), cards.photo_table(batch.rows, species=batch.class_names is None)


def _classify_files(photos: list[str], network: Network) -> Iterator[Batch]:
    """Snapshots: all that is done so far."""
    classifier = load(network)
    names, run = None, ""
    if isinstance(network, VisitorsRun):
        names, run = classifier.class_names, network.record.name
    results, rows = [], []
    for result in core.predict_files(classifier, photos):
        results.append(result)
        rows.append(cards.photo_row(Path(result.source).name, result.prediction, _problem(result)))
        yield Batch(classifier.backbone.name, results.copy(), rows.copy(), names, run)


def _problem(result: FileResult) -> str:
    return "" if result.error is None else message_for(result.error)


def _status(progress: Progress, done: int, total: int) -> str:
    if progress.state == "queued":
        return cards.place_in_words(progress)
    if progress.state == "stopped":
        return tr_n("Stopped after {done} of {count} photo", "Stopped after {done} of {count} photos", total, done=done)
    return tr_n("{done} of {count} photo", "{done} of {count} photos", total, done=done)


def _write_csv(batch: Batch) -> str:
    """One line a photo with its best names; returns the path of a new temporary file."""
    own = batch.class_names is not None
    count = min(CSV_NAMES, len(batch.class_names)) if own else CSV_NAMES
    names = [f"{column}_{place}" for place in range(1, count + 1) for column in ("label", "index", "probability")]
    network, species = (["run", "backbone"], []) if own else (["backbone"], ["cat", "dog", "neither"])
    columns = ["file", *network, *names, *species, "unsure", "seconds", "error"]
    return write_table(columns, (_csv_line(result, batch, count) for result in batch.results))


def _csv_line(result: FileResult, batch: Batch, count: int) -> dict[str, object]:
    line = {"file": Path(result.source).name, "run": batch.run, "backbone": batch.network}
    prediction = result.prediction
    if prediction is None:
        return line | {"error": _problem(result)}
    for place, ranked in enumerate(prediction.top(count), start=1):
        line |= {f"{column}_{place}": getattr(ranked, column) for column in ("label", "index", "probability")}
    if prediction.species is not None:
        line |= {name: getattr(prediction.species, name) for name in ("cat", "dog", "neither")}
    return line | {"unsure": prediction.unsure, "seconds": round(result.seconds, 4)}
