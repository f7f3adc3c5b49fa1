"""Step 1 of the Train tab: choosing pictures, fetching them, and seeing what they are."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from core import places
from core.datasets.opening import DatasetListing, list_datasets
from core.errors import PetLensError, SettingsError
from core.fetching import fetching_is_allowed
from demo import cards
from demo.context import Context
from demo.data_cards import alt_text, data_card
from demo.data_choice import usual
from demo.jobs import Job, Progress
from demo.languages import mark, tr, tr_n
from demo.messages import message_for
from demo.opening import Opened, open_source
from demo.streams import said_again
from demo.train_own import build_own_classes, collect_own, visitors_folder

ZIP, OWN = "a zip of mine", "my own pictures"
_HINTS = {
    ZIP: mark(
        "Make a zip in which each class has a folder of its own, called as the class, with at least 5 pictures. "
        "Folders train, val and test inside are understood, too."
    ),
    OWN: mark("Name at least 2 classes and give each at least 5 pictures: drop files, or take them with the camera."),
}
_FETCHING = {
    "waiting": mark("Waiting for the download to begin: {received:,.0f} of {total:,.0f} MB"),
    "downloading": mark("Downloading: {received:,.0f} of {total:,.0f} MB"),
    "checking": mark("Checking what came: {received:,.0f} of {total:,.0f} MB"),
    "unpacking": mark("Unpacking: {received:,.0f} of {total:,.0f} MB"),
    "ready": mark("Ready: {received:,.0f} of {total:,.0f} MB"),
}


class PrivateJob(Job):
    """Work for one visitor, which ends when nobody watches; other openings are shared by all."""


@dataclass(frozen=True, eq=False)
class Data:
    """The choice of pictures on the page.

    Attributes:
        source: the list of data sets.
        again: hidden; a new text in it is as good as choosing what the list shows.
        opened: the events after which a data set may be open.
        choose: for a visitor's key, chooses a data set by its name, None the usual one, and begins to open it; returns
            updates of `source` and `again`. Raises PetLensError.
        wait: for a visitor's key, cards while what was chosen is being opened; then it is the session's data set. Raises
            what the opening raises.
    """

    source: gr.Dropdown
    again: gr.Textbox
    opened: Sequence[Any]
    choose: Callable[[str, str | None], list[Any]]
    wait: Callable[[str], AsyncIterator[str]]


def build_data(context: Context, page: gr.Blocks, tab: gr.Tab) -> Data:
    """Put the components on the page and connect them. What is chosen becomes `Session.dataset`."""
    listings = list_datasets()
    first = usual(listings)
    with gr.Row():
        with gr.Column(scale=5, min_width=300):
            source = gr.Dropdown(
                _choices(listings),
                value=first,
                label=tr("Pictures"),
                info=tr("What shall it learn to tell apart?"),
                elem_id="dataset",
            )
            again = gr.Textbox(visible="hidden")
            with gr.Row(visible=False) as fetching:
                fetch = gr.Button(tr("Download"), variant="primary", elem_id="fetch")
                stop = gr.Button(tr("Stop"), variant="stop", interactive=False, elem_id="stop-fetch")
            zip_file = gr.File(
                file_types=[".zip"],
                label=tr("A zip of class folders (up to {megabytes} MB)", megabytes=context.limits.max_upload_mb),
                height=140,
                visible=False,
                elem_id="zip",
            )
            card = gr.HTML(cards.waiting_card(tr("Opening the pictures …")), elem_id="data")
        with gr.Column(scale=8, min_width=300):
            sheet = gr.Image(
                label=tr("Some of the pictures"),
                show_label=False,
                type="filepath",
                format="jpeg",
                interactive=False,
                buttons=["fullscreen"],
                visible="hidden",  # while it is empty: an empty one has a label where none is allowed
                elem_id="sheet",
            )
            with gr.Column(visible=False, elem_id="own") as own_place:
                own = build_own_classes(context)

    outputs = [card, sheet, zip_file, own_place, fetching, fetch, stop]

    def show(card: Any = None, sheet: Any = None, **updates: Any) -> list:
        """Updates for `outputs`; what is not named stays."""
        given = {"card": card, "sheet": sheet, **updates}
        names = ("card", "sheet", "zip_file", "own_place", "fetching", "fetch", "stop")
        return [given[name] if given.get(name) is not None else gr.skip() for name in names]

    def layout(source: str) -> dict:
        listing = next((one for one in list_datasets() if one.name == source), None)
        away = listing is not None and not listing.here
        return {
            "zip_file": gr.update(visible=source == ZIP, **({} if source == ZIP else {"value": None})),
            "own_place": gr.update(visible=source == OWN),
            "fetching": gr.update(visible=away and fetching_is_allowed()),
            "fetch": gr.update(
                value=tr("Download ({megabytes})", megabytes=_megabytes(listing)) if away else tr("Download"),
                interactive=True,
            ),
            "stop": gr.update(interactive=False),
        }

    def begin(visitor: str, listing: DatasetListing | None) -> None:
        """Forget what was chosen before; a data set that is here begins to be opened."""
        job = context.openings.job(listing.name) if listing is not None and listing.here else None
        context.sessions.change(visitor, dataset=None, inspection=None, opening=job)

    def choose_by_name(visitor: str, name: str | None) -> list[Any]:
        known = {one.name: one for one in list_datasets()}
        name = usual([*known.values()]) if name is None else name
        if name not in known:
            raise SettingsError(
                "There is no data set {name!r:.80}. There are {known}.", name=name, known=", ".join(known)
            )
        begin(visitor, known[name])
        return [name, uuid.uuid4().hex]

    async def wait(visitor: str) -> AsyncIterator[str]:
        session = context.sessions.get(visitor)
        job = session.opening
        if session.dataset is not None or job is None or job.state == "failed":
            return
        async for progress in job.watch(every_seconds=0.3):
            opened = progress.snapshot
            fetches = opened is not None and not isinstance(opened, Opened)
            if fetches or context.sessions.get(visitor).opening is not job:
                return
            if opened is not None and opened.dataset is not None:
                context.sessions.change(visitor, dataset=opened.dataset)
                return
            yield _opening_card(progress)

    @said_again
    async def choose(source: str, request: gr.Request) -> AsyncIterator[list]:
        visitor = request.session_hash
        source = source if isinstance(source, str) else ""  # a request made by hand
        listing = next((one for one in list_datasets() if one.name == source), None)
        no_sheet = gr.update(value=None, visible="hidden")
        try:
            begin(visitor, listing)
        except PetLensError as error:
            yield show(cards.message_card(message_for(error)), no_sheet, **layout(source))
            return
        if listing is None:
            yield show(cards.waiting_card(tr(_HINTS.get(source, ""))), no_sheet, **layout(source))
        elif not listing.here:
            yield show(cards.waiting_card(_not_here(listing)), no_sheet, **layout(source))
        else:
            said = tr("Opening {title} …", title=tr(listing.title))
            yield show(cards.waiting_card(said), no_sheet, **layout(source))
            async for update in watch(visitor, lambda: context.openings.job(source)):
                yield update

    @said_again
    async def choose_first(source: str, request: gr.Request) -> AsyncIterator[list]:
        """The tab is seen for the first time."""
        session = context.sessions.get(request.session_hash)
        if session.dataset is not None or session.opening is not None:
            yield show()
            return
        async for update in choose(source, request):
            yield update

    async def watch(visitor: str, make: Any) -> AsyncIterator[list]:
        """The opening of a data set, until it is done or the visitor has chosen another one."""
        job, last = None, None
        try:
            job = make()
            context.sessions.change(visitor, opening=job, dataset=None, inspection=None)
            async for progress in job.watch(every_seconds=0.3):
                if context.sessions.get(visitor).opening is not job:
                    yield show()  # what a stream said last, Gradio says again at its end: nothing
                    return
                opened = progress.snapshot
                if opened is None or opened.dataset is None:
                    yield show(_opening_card(progress))
                    continue
                if last is None or last.dataset is None:
                    context.sessions.change(visitor, dataset=opened.dataset)
                if opened.inspection is not None:
                    context.sessions.change(visitor, inspection=opened.inspection)
                new_sheet = None
                if opened.sheet is not None and (last is None or last.sheet is None):
                    new_sheet = gr.update(value=opened.sheet, alt_text=alt_text(opened.dataset), visible=True)
                last = opened
                yield show(data_card(opened), new_sheet)
        except Exception as error:
            yield show(cards.message_card(message_for(error)))
        finally:
            if isinstance(job, PrivateJob):
                job.stop()

    @said_again
    async def open_zip(path: str | None, request: gr.Request) -> AsyncIterator[list]:
        if not path:
            return
        async for update in watch(
            request.session_hash, lambda: context.data.submit(PrivateJob(partial(open_source, Path(path))))
        ):
            yield update

    @said_again
    async def open_own(request: gr.Request, *values: Any) -> AsyncIterator[list]:
        visitor = request.session_hash

        def collect() -> Iterator:
            return collect_own(visitors_folder(context, visitor), values, max_pictures=context.limits.max_own_pictures)

        async for update in watch(visitor, lambda: context.data.submit(PrivateJob(collect))):
            yield update

    @said_again
    async def fetch_pictures(source: str, request: gr.Request) -> AsyncIterator[list]:
        visitor = request.session_hash
        job = PrivateJob(partial(_fetch, source))
        busy = {"fetch": gr.update(interactive=False), "stop": gr.update(interactive=True)}
        idle = {"fetch": gr.update(interactive=True), "stop": gr.update(interactive=False)}
        try:
            context.data.submit(job)
            context.sessions.change(visitor, opening=job, dataset=None, inspection=None)
            async for progress in job.watch(every_seconds=0.3):
                if context.sessions.get(visitor).opening is not job:
                    yield show()  # what a stream said last, Gradio says again at its end: nothing
                    return
                yield show(_fetching_card(progress), **busy)
        except Exception as error:
            yield show(cards.message_card(message_for(error)), **idle)
            return
        finally:
            job.stop()
        if job.state == "stopped":
            said = tr("Stopped. What came is kept: the download goes on from there.")
            yield show(cards.waiting_card(said), **idle)
            return
        async for update in choose(source, request):
            yield update

    def stop_fetching(request: gr.Request) -> None:
        job = context.sessions.get(request.session_hash).opening
        if isinstance(job, PrivateJob):
            job.stop()

    def refresh_choices() -> dict:
        """What is here may have changed since the app was started."""
        return gr.update(choices=_choices(list_datasets()))

    streamed = {
        "outputs": outputs,
        "show_progress": "hidden",
        "concurrency_limit": None,
        "trigger_mode": "multiple",
        "api_visibility": "private",
    }
    opened = [
        tab.select(choose_first, inputs=source, **streamed),
        source.input(choose, inputs=source, **streamed),
        again.change(choose, inputs=source, **streamed),
        zip_file.upload(open_zip, inputs=zip_file, **streamed),
        own.use.click(open_own, inputs=own.inputs, **streamed),
        fetch.click(fetch_pictures, inputs=source, **streamed),
    ]
    stop.click(stop_fetching, queue=False, api_visibility="private")
    page.load(refresh_choices, outputs=source, queue=False, show_progress="hidden", api_visibility="private")
    return Data(source, again, opened, choose_by_name, wait)


def _fetch(name: str) -> Iterator:
    from core.datasets.download import fetch_dataset

    return fetch_dataset(name, data=places.data_folder())


def _choices(listings: list[DatasetListing]) -> list[tuple[str, str]]:
    choices = []
    for one in listings:
        if one.here:
            note = f"{_classes(one)}, {_pictures(one)}"
        elif fetching_is_allowed():
            note = tr("needs a download: {megabytes}", megabytes=_megabytes(one))
        else:
            note = tr("not on this machine")
        choices.append((f"{tr(one.title)} ({note})", one.name))
    return [*choices, (tr("A zip of mine"), ZIP), (tr("My own pictures: files or camera"), OWN)]


def _not_here(listing: DatasetListing) -> str:
    if fetching_is_allowed():
        return tr(
            "{title}: {pictures}, {classes}. They are not on this machine yet. "
            "The download needs internet: {megabytes}, once for everybody who uses this machine.",
            title=tr(listing.title),
            pictures=_pictures(listing),
            classes=_classes(listing),
            megabytes=_megabytes(listing),
        )
    return tr(
        "{title} is not on this machine, and its host lets nothing be fetched from the internet. "
        "The drawn pets need no download.",
        title=tr(listing.title),
    )


def _pictures(listing: DatasetListing) -> str:
    return tr_n("{count:,} picture", "{count:,} pictures", listing.pictures)


def _classes(listing: DatasetListing) -> str:
    return tr_n("{count} class", "{count} classes", listing.classes)


def _megabytes(listing: DatasetListing) -> str:
    return tr("{megabytes:,.0f} MB", megabytes=listing.download_bytes / 1e6)


def _opening_card(progress: Progress) -> str:
    if progress.state == "queued":
        return cards.waiting_card(cards.place_in_words(progress))
    if progress.snapshot is None:
        return cards.waiting_card(tr("Opening the pictures …"))
    return cards.waiting_card(tr(progress.snapshot.text), progress.snapshot.share)


def _fetching_card(progress: Progress) -> str:
    if progress.snapshot is None:
        if progress.state == "queued":
            return cards.waiting_card(cards.place_in_words(progress))
        return cards.waiting_card(tr("Waiting …"))
    fetched = progress.snapshot
    received, total = fetched.received_bytes, fetched.total_bytes
    text = tr(_FETCHING[fetched.phase], received=received / 1e6, total=total / 1e6)
    return cards.waiting_card(text, min(1.0, received / max(1, total)))
