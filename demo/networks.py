"""Choosing a network on the page, and getting one into memory while the visitor watches.

A network is one that anybody may choose, by timm's name, or a run of the visitor's own.
"""

from __future__ import annotations

import collections
import threading
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING

import gradio as gr

import core
from core.errors import CheckpointError
from demo import cards
from demo.context import Context
from demo.jobs import Job
from demo.languages import tr
from demo.session import VisitorsRun

if TYPE_CHECKING:
    from core import Classifier

NO_SECOND = "none"
_RUN = "run:"
_LONGEST_NAME = 60

Network = str | VisitorsRun


def network_dropdown(
    label: str, info: str, *, value: str = core.DEFAULT_BACKBONE, to_train: bool = False, min_width: int = 160
) -> gr.Dropdown:
    """A list of networks that also takes a typed name; `to_train`: also those that name nothing by themselves."""
    choices = _network_choices(to_train=True) if to_train else choices_for(value)
    return gr.Dropdown(choices, value=value, label=label, info=info, allow_custom_value=True, min_width=min_width)


def choices_for(value: str, runs: Sequence[VisitorsRun] = ()) -> list[tuple[str, str]]:
    """The visitor's runs, the newest first, and the networks; where "none" is the value to begin with, that too."""
    return [(tr("none"), NO_SECOND)] * (value == NO_SECOND) + _run_choices(runs) + _network_choices()


def value_of(run: VisitorsRun) -> str:
    """What a list of networks has as its value when this run is chosen."""
    return _RUN + run.token


def updated_lists(
    lists: Iterable[gr.Dropdown],
    values: Iterable[str | None],
    runs: Sequence[VisitorsRun],
    use: VisitorsRun | None = None,
) -> list[dict]:
    """Updates of the lists of networks after a visitor's runs changed.

    A list that has a run chosen which is there no more goes back to what it began with.

    Args:
        values: what is chosen in them now.
        use: a run to choose in all lists, except that for a second network.
    """
    known = {value_of(run) for run in runs}
    updates = []
    for dropdown, value in zip(lists, values, strict=True):
        choices = choices_for(dropdown.value, runs)
        if use is not None and dropdown.value != NO_SECOND:
            updates.append(gr.update(choices=choices, value=value_of(use)))
        elif isinstance(value, str) and value.startswith(_RUN) and value not in known:
            updates.append(gr.update(choices=choices, value=dropdown.value))
        else:
            updates.append(gr.update(choices=choices))
    return updates


def _run_choices(runs: Sequence[VisitorsRun]) -> list[tuple[str, str]]:
    """Runs that can classify. Equal names get numbers: a list that shows the same twice helps nobody."""
    usable = [run for run in runs if (run.folder / "head.safetensors").is_file()]
    names = names_of(usable)
    return [(tr("My run: {name}", name=shortened(names[run.token])), value_of(run)) for run in reversed(usable)]


def names_of(runs: Sequence[VisitorsRun]) -> dict[str, str]:
    """A name for each run by its token, in one line; those called alike get numbers, the oldest first."""
    seen: collections.Counter[str] = collections.Counter()
    names = {}
    for run in runs:
        name = " ".join(run.record.name.split())
        seen[name] += 1
        names[run.token] = name if seen[name] == 1 else f"{name} ({seen[name]})"
    return names


def shortened(name: str) -> str:
    """A name that fits into a list; what tells runs apart comes last, so the middle is left out."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:20]} … {name[-_LONGEST_NAME + 23 :]}"


def _network_choices(*, to_train: bool = False) -> list[tuple[str, str]]:
    """Title and name of each network that can classify, or of all, with what it takes to have it."""
    choices = []
    for listing in core.list_backbones():
        if not (listing.imagenet_head or to_train):
            continue
        if listing.here:
            title = listing.title
        elif core.fetching_is_allowed():
            megabytes = listing.parameters * 4 / 1e6
            title = tr("{network} (needs internet: {megabytes:.0f} MB)", network=listing.title, megabytes=megabytes)
        else:
            title = tr("{network} (not on this machine)", network=listing.title)
        choices.append((title, listing.name))
    return choices


def is_none(value: str | None) -> bool:
    """Whether no second network is wanted."""
    return not value or value == NO_SECOND


def find_network(context: Context, value: str, visitor: str) -> Network:
    """What a list's value stands for. A run is looked for among this visitor's own and nowhere else.

    Raises:
        CheckpointError: it is nobody's run, or another visitor's.
    """
    if not isinstance(value, str):  # only a request made by hand: `core` says that it is no name
        return ""
    if not value.startswith(_RUN):
        return value
    run = context.sessions.get(visitor).run(value.removeprefix(_RUN))
    if run is None:
        raise CheckpointError("This run is not on your page any more. Choose another network.")
    return run


def title_of(network: Network) -> str:
    """What to call it while one waits."""
    return network if isinstance(network, str) else network.record.name


async def prepare(context: Context, network: Network, *, to_train: bool = False) -> AsyncIterator[str]:
    """Fetch and load a network that is not in memory yet; nothing for one that is.

    Args:
        to_train: it need not be able to classify by itself.
    """
    # core's names import torch at their first use, which must not happen on the event loop
    if await context.quick.run(is_ready, network, to_train):
        return
    if isinstance(network, str):
        async for waiting in _watch(context.preparations.job(network), network):
            yield waiting
        return
    if _needs_published(network):
        async for waiting in _watch(context.preparations.job(network.record.backbone.name), network.record.name):
            yield waiting
    yield cards.waiting_card(tr("Waking {network} …", network=network.record.name))
    await context.data.run(load, network)


async def _watch(job: Job, title: str) -> AsyncIterator[str]:
    async for progress in job.watch():
        if progress.state == "queued":
            text = tr("Waiting for {network}: place {place} in the queue", network=title, place=progress.place)
            yield cards.waiting_card(text)
        elif progress.snapshot is None or progress.snapshot.total_bytes is None:
            yield cards.waiting_card(tr("Waking {network} …", network=title))
        else:
            received, total = progress.snapshot.received_bytes, progress.snapshot.total_bytes
            text = tr(
                "Downloading {network}: {received:.0f} of {total:.0f} MB",
                network=title,
                received=received / 1e6,
                total=total / 1e6,
            )
            yield cards.waiting_card(text, min(1.0, received / total))


def _needs_published(run: VisitorsRun) -> bool:
    """Whether the run looks through a network that does not lie beside it."""
    return run.record.backbone.weights == "published" and not (run.folder / "backbone.safetensors").is_file()


def is_ready(network: Network, to_train: bool = False) -> bool:
    """Whether a network is in memory; refuses one that cannot classify by itself, unless it is to be trained."""
    if isinstance(network, VisitorsRun):
        return _classifiers.find(network) is not None
    if not to_train:
        core.check_can_classify(network)
    return core.is_loaded(network)


def load(network: Network) -> Classifier:
    """The classifier; loaded if it is not in memory, which takes a while.

    Raises:
        BackboneError: the network is not to be had, or cannot classify by itself.
        CheckpointError: the run is damaged, or not there any more.
    """
    if isinstance(network, VisitorsRun):
        return _classifiers.find(network) or _classifiers.load(network)
    return core.Classifier(core.load_backbone(network))


class _Classifiers:
    """Runs that were used last, ready for use: to load one again takes a tenth of a second, as long as two photos.

    Few: each may keep a network of its own in memory.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: collections.OrderedDict[tuple, Classifier] = collections.OrderedDict()
        self._lock = threading.Lock()

    def find(self, run: VisitorsRun) -> Classifier | None:
        key = content_of(run)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def load(self, run: VisitorsRun) -> Classifier:
        classifier = core.load_run(run.folder).classifier
        with self._lock:
            self._known[content_of(run)] = classifier
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return classifier


def content_of(run: VisitorsRun) -> tuple:
    """Which version of a run lies on the disk: saving a run replaces its run.json."""
    try:
        told = (run.folder / "run.json").stat()
    except OSError:
        return run.folder, 0, 0
    return run.folder, told.st_mtime_ns, told.st_size


_classifiers = _Classifiers(most=6)
