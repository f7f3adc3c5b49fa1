"""The visitor's runs: compared in a table, shown, used in the other tabs, taken home, brought back, removed.

Whatever happens here happens to runs of the visitor's own session only. Names of runs are texts of people.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from core.errors import CheckpointError
from demo import cards, run_files
from demo.context import Context
from demo.evaluation_view import comparison_table
from demo.languages import mark, tr, tr_n
from demo.messages import message_for
from demo.networks import names_of, shortened, updated_lists
from demo.session import Session, VisitorsRun
from demo.train_results import Results

NOTHING_YET = mark(
    "Your runs come here, below each other, as soon as there is one. Train a network, or load a run from a zip."
)

# What is offered is a link that appears once its file is there: pressed here, so that one press is enough.
PRESS_WHEN_READY_JS = """
() => {
  let left = 50;
  const press = () => {
    const link = document.querySelector('#run-file[href], #run-file [href]') || document.querySelector('#run-file');
    if (link && link.offsetParent) link.click(); else if (left-- > 0) setTimeout(press, 100);
  };
  press();
}
"""


@dataclass(frozen=True, eq=False)
class _Parts:
    """The components that several handlers write to."""

    table: gr.HTML
    chosen: gr.Dropdown
    actions: gr.Column
    csv: gr.Button
    status: gr.HTML
    file: gr.DownloadButton
    lists: list[gr.Dropdown]


def build_my_runs(
    context: Context,
    page: gr.Blocks,
    results: Results,
    plot: gr.HTML,
    plot_of: Callable[[Session], Any],
    *,
    network_lists: Sequence[gr.Dropdown] = (),
    tabs: gr.Tabs | None = None,
    classify_tab: str = "classify",
) -> None:
    """Put the components on the page and connect them. They follow `results.changed` by themselves.

    Args:
        plot: drawn anew, with the value `plot_of(session)`, where a run comes or goes.
        network_lists: the lists of networks of all tabs, which show the visitor's runs too.
        tabs: they hold the Classify tab, whose id is `classify_tab`.
    """
    table = gr.HTML(cards.waiting_card(tr(NOTHING_YET)), elem_id="runs-table")
    button = partial(gr.Button, min_width=140, size="md")
    with gr.Column(visible=False) as actions:
        chosen = gr.Dropdown([], label=tr("One of your runs"), filterable=False, elem_id="run")
        with gr.Row():
            use = button(tr("Use it in Classify"), variant="primary", elem_id="use-run")
            show = button(tr("Show its results"), elem_id="show-run")
            pack = button(tr("Download (zip)"), elem_id="zip-run")
            onnx = button(tr("Export ONNX"), elem_id="onnx-run")
            remove = button(tr("Remove"), variant="stop", elem_id="remove-run")
    with gr.Row():
        upload = gr.UploadButton(
            tr("Load a run (zip)"), file_types=[".zip"], min_width=140, size="md", elem_id="load-run"
        )
        csv = button(tr("Table of all runs (CSV)"), visible=False, elem_id="csv-runs")
    status = gr.HTML(elem_id="runs-status")
    file = gr.DownloadButton(tr("Save the file"), visible=False, elem_id="run-file")
    parts = _Parts(table, chosen, actions, csv, status, file, list(network_lists))

    _follow(context, page, parts, results)
    _connect_show(context, parts, results, show)
    _connect_use(context, parts, use, tabs, classify_tab)
    _connect_remove(context, parts, results, remove, plot, plot_of)
    _connect_load(context, parts, results, upload, plot, plot_of)
    _connect_file(context, parts, pack, run_files.write_zip, mark("Packing {name} …"))
    _connect_file(
        context, parts, onnx, run_files.write_onnx, mark("Writing as ONNX, which takes some seconds: {name} …")
    )
    _connect_csv(context, parts)


def _follow(context: Context, page: gr.Blocks, parts: _Parts, results: Results) -> None:
    """Keep the table, the runs to choose from and the lists of networks as the session has them."""

    def follow(request: gr.Request, *values: str | None) -> list[Any]:
        session = context.sessions.get(request.session_hash)
        runs, names = session.runs, names_of(session.runs)
        rows = [run_files.row_of(run, names[run.token]) for run in runs]
        newest_first = [(shortened(names[run.token]), run.token) for run in reversed(runs)]
        value = session.shown if session.run(session.shown) else next((token for _, token in newest_first), None)
        return [
            comparison_table(rows) or cards.waiting_card(tr(NOTHING_YET)),
            gr.update(choices=newest_first, value=value),
            gr.update(visible=bool(runs)),
            gr.update(visible=bool(runs)),
            *updated_lists(parts.lists, values, runs),
        ]

    outputs = [parts.table, parts.chosen, parts.actions, parts.csv, *parts.lists]
    _listen(results.changed.change, follow, parts.lists, outputs, queue=False, trigger_mode="multiple")


def _connect_show(context: Context, parts: _Parts, results: Results, show: gr.Button) -> None:
    def show_results(token: str | None, request: gr.Request) -> list[Any]:
        try:
            run = _chosen(context, token, request)
        except CheckpointError as error:
            return [_message(error), *[gr.skip()] * len(results.outputs)]
        context.sessions.change(request.session_hash, shown=run.token)
        return ["", *results.refresh(request)]

    _listen(show.click, show_results, [parts.chosen], [parts.status, *results.outputs], queue=False)


def _connect_use(context: Context, parts: _Parts, use: gr.Button, tabs: gr.Tabs | None, classify_tab: str) -> None:
    to_tab = [] if tabs is None else [tabs]

    def use_in_classify(token: str | None, request: gr.Request, *values: str | None) -> list[Any]:
        try:
            run = _chosen(context, token, request)
        except CheckpointError as error:
            return [_message(error), *[gr.skip()] * (len(parts.lists) + len(to_tab))]
        said = cards.waiting_card(tr("{name} is now the network of the Classify tab.", name=run.record.name))
        runs = context.sessions.get(request.session_hash).runs
        selected = [gr.update(selected=classify_tab)] * len(to_tab)
        return [said, *updated_lists(parts.lists, values, runs, use=run), *selected]

    outputs = [parts.status, *parts.lists, *to_tab]
    _listen(use.click, use_in_classify, [parts.chosen, *parts.lists], outputs, queue=False)


def _connect_remove(
    context: Context, parts: _Parts, results: Results, remove: gr.Button, plot: gr.HTML, plot_of: Callable
) -> None:
    async def remove_run(token: str | None, request: gr.Request) -> list[Any]:
        visitor = request.session_hash
        try:
            run = _chosen(context, token, request)
            await context.data.run(_delete, context, run)
        except Exception as error:
            return [_message(error), *[gr.skip()] * (2 + len(results.outputs))]
        session = context.sessions.get(visitor)
        left = tuple(other for other in session.runs if other.token != run.token)
        shown = session.shown if session.shown != run.token else (left[-1].token if left else "")
        after = context.sessions.change(visitor, runs=left, shown=shown)
        said = cards.waiting_card(tr("{name} is removed.", name=run.record.name))
        return [said, gr.update(value=None, visible=False), plot_of(after), *results.refresh(request)]

    _listen(remove.click, remove_run, [parts.chosen], [parts.status, parts.file, plot, *results.outputs], queue=False)


def _connect_load(
    context: Context, parts: _Parts, results: Results, upload: gr.UploadButton, plot: gr.HTML, plot_of: Callable
) -> None:
    async def load_zip(path: str | None, request: gr.Request) -> AsyncIterator[list[Any]]:
        nothing = [gr.skip()] * (1 + len(results.outputs))
        if not path:
            return
        yield [cards.waiting_card(tr("Unpacking and checking the run …")), *nothing]
        try:
            run = await context.data.run(run_files.open_run, path)
        except Exception as error:
            yield [_message(error), *nothing]
            return
        after = context.sessions.keep_run(request.session_hash, run)
        said = tr_n(
            "{name} is loaded. It knows {count} name.",
            "{name} is loaded. It knows {count} names.",
            len(run.record.class_names),
            name=run.record.name,
        )
        yield [cards.waiting_card(said), plot_of(after), *results.refresh(request)]

    outputs = [parts.status, plot, *results.outputs]
    _listen(upload.upload, load_zip, [upload], outputs, concurrency_limit=None)


def _connect_file(
    context: Context, parts: _Parts, button: gr.Button, make: Callable[[VisitorsRun, Path], Path], doing: str
) -> None:
    async def offer(token: str | None, request: gr.Request) -> AsyncIterator[tuple]:
        """Make a file of the chosen run, where Gradio serves it from and deletes it after some hours."""
        try:
            run = _chosen(context, token, request)
            yield cards.waiting_card(tr(doing, name=run.record.name)), gr.update(value=None, visible=False)
            made = await context.data.run(make, run, Path(parts.file.GRADIO_CACHE))
        except Exception as error:
            yield _message(error), gr.update(value=None, visible=False)
            return
        megabytes, most = made.stat().st_size / 1e6, context.limits.max_upload_mb
        said = tr("{name} is a file now, of {megabytes:.1f} MB.", name=run.record.name, megabytes=megabytes)
        if megabytes > most:
            said += " " + tr("It is too large to be loaded here again: uploads may have {most} MB.", most=most)
        label = tr("Save {name}", name=made.name)
        yield cards.waiting_card(said), gr.update(value=str(made), visible=True, label=label)

    made = _listen(button.click, offer, [parts.chosen], [parts.status, parts.file], concurrency_limit=None)
    made.then(None, js=PRESS_WHEN_READY_JS)


def _connect_csv(context: Context, parts: _Parts) -> None:
    async def offer_table(request: gr.Request) -> AsyncIterator[tuple]:
        made = None
        try:
            runs = context.sessions.get(request.session_hash).runs
            made = await context.quick.run(run_files.write_csv, runs)
            label = tr_n("Save the table of {count} run", "Save the table of {count} runs", len(runs))
            yield "", gr.update(value=made, visible=True, label=label)
        except Exception as error:
            yield _message(error), gr.update(value=None, visible=False)
        finally:
            if made:
                os.unlink(made)  # Gradio serves a copy, which it deletes after a while

    made = _listen(parts.csv.click, offer_table, [], [parts.status, parts.file], concurrency_limit=None)
    made.then(None, js=PRESS_WHEN_READY_JS)


def _chosen(context: Context, token: str | None, request: gr.Request) -> VisitorsRun:
    """The run that was chosen, among this visitor's own and nowhere else."""
    run = context.sessions.get(request.session_hash).run(token) if isinstance(token, str) else None
    if run is None:
        raise CheckpointError("Choose one of your runs first.")
    return run


def _delete(context: Context, run: VisitorsRun) -> None:
    """Delete a run that nobody trains at the moment, in whatever tab."""
    with context.under_way.hold(run.token):
        run_files.delete(run)


def _message(error: Exception) -> str:
    return cards.message_card(message_for(error))


def _listen(event: Callable, handler: Callable, inputs: list[Any], outputs: list[Any], **more: Any) -> Any:
    return event(handler, inputs, outputs, show_progress="hidden", api_visibility="private", **more)
