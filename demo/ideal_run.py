"""One ideal image of one visitor: from a choice to a stream of drawings, its files, and what others say of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import core
from core.ascent.settings import AscentSettings
from demo.made_files import new_file
from demo.networks import Network, load
from demo.session import VisitorsRun

if TYPE_CHECKING:
    from core.ascent.agreement import Opinion
    from core.ascent.film import Film
    from core.ascent.picture import Drawn
    from core.ascent.snapshot import AscentSnapshot, Steering


@dataclass(frozen=True)
class Wish:
    """What a visitor wants to see.

    Attributes:
        class_name: as it was chosen or typed.
        network: who draws.
        settings: how.
        preset: what the settings began with.
        photo: path of an uploaded photo to start from, if any.
    """

    class_name: str
    network: Network
    settings: AscentSettings
    preset: str
    photo: str | None = None


@dataclass(frozen=True, eq=False)
class Drawing:
    """An ideal image as far as it is.

    Attributes:
        wish: what it is to be.
        title: of its class, as the network calls it.
        label: index of that class.
        network: title of the network.
        backbone: its timm name.
        own_classes: whether the classes are those of a visitor's run, which no other network knows.
        snapshot: of the ascent.
        film: some of the pictures on the way, those of the likeliest candidate.
        by_hand: whether it was steered or gone on with: the settings alone do not give the same picture then.
    """

    wish: Wish
    title: str
    label: int
    network: str
    backbone: str
    own_classes: bool
    snapshot: AscentSnapshot = field(repr=False)
    film: Film = field(repr=False)
    by_hand: bool = False

    @property
    def best(self) -> Drawn:
        """The candidate that its network is surest of."""
        return max(self.snapshot.drawn, key=lambda one: one.probability)

    def set_aside(self) -> Drawing:
        """The same, with the film and what only Continue needs on the disk."""
        snapshot = replace(self.snapshot, state=self.snapshot.state.set_aside())
        return replace(self, snapshot=snapshot, film=self.film.set_aside())


def draw(wish: Wish, steering: Steering, *, go_on: Drawing | None, max_seconds: float) -> Iterator[Drawing]:
    """The ascent, with its film. Stops by itself after `max_seconds`.

    Raises:
        PetLensError: a class that is unknown, settings that do not fit the network, a photo that cannot be read.
    """
    from core.ascent.film import Film, Frame

    classifier = load(wish.network)
    label = classifier.label_of(wish.class_name)
    photo = core.read_image(wish.photo) if wish.settings.start == "photo" and wish.photo else None
    film, framed = (go_on.film if go_on else Film()), -1
    snapshots = core.ascend(
        classifier,
        [label],
        wish.settings,
        photo=photo,
        steering=steering,
        go_on=go_on.snapshot if go_on else None,
        max_seconds=max_seconds,
    )
    for snapshot in snapshots:
        best = max(snapshot.drawn, key=lambda one: one.probability)
        if snapshot.looked_at != framed:
            framed = snapshot.looked_at
            film = film.with_frame(Frame.of(framed, best.probability, best.picture))
        yield Drawing(
            # the recipe and the link tell the smoothness that it ended with
            replace(wish, settings=replace(wish.settings, tv_weight=steering.tv_weight)),
            classifier.class_names[label],
            label,
            classifier.backbone.title,
            classifier.backbone.name,
            isinstance(wish.network, VisitorsRun),
            snapshot,
            film,
            go_on is not None or steering.turned,
        )


def opinions_of(drawing: Drawing) -> Iterator[tuple[Opinion, ...]]:
    """What the other networks say of the picture, as it is downloaded: all that is known after each of them."""
    from core.ascent.agreement import opinions

    known: tuple[Opinion, ...] = ()
    yield known
    if drawing.own_classes:
        return
    picture = core.read_image(io.BytesIO(png_of(drawing)))
    for opinion in opinions(picture, drawing.label, [drawing.backbone]):
        known = (*known, opinion)
        yield known


def png_of(drawing: Drawing) -> bytes:
    """The best candidate as the PNG file that is downloaded, with its recipe inside."""
    from core.ascent.files import Recipe, to_png

    steps, settings = drawing.snapshot.looked_at, drawing.wish.settings
    recipe = Recipe(drawing.title, drawing.backbone, steps, settings, drawing.by_hand)
    return to_png(drawing.best.picture, recipe)


def write_files(drawing: Drawing) -> tuple[str, str]:
    """PNG and animation in a new temporary folder, which the caller deletes; returns both paths."""
    from core.ascent.files import to_webp

    png = new_file(f"ideal-{drawing.title}", ".png")
    webp = png.with_suffix(".webp")
    png.write_bytes(png_of(drawing))
    webp.write_bytes(to_webp([*(frame.picture() for frame in drawing.film.frames), drawing.best.picture]))
    return str(png), str(webp)
