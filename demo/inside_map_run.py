"""A map of pictures as a network sees them, with one visitor's photo among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.errors import SettingsError
from demo.inside_run import MOST_EXCITING, read_photo, some_pictures, title_in
from demo.networks import Network, load

if TYPE_CHECKING:
    from core.datasets.labelled import Dataset, LabelledImages
    from core.inside.atlas import Atlas, Axes, Neighbours

MOST_NEIGHBOURS = 8


@dataclass(frozen=True, eq=False)
class Mapped:
    """Pictures on a map.

    Attributes:
        network: its title.
        title: what the data set is called.
        images: the pictures, in the order of the atlas.
        vectors: their embeddings.
        atlas: where they lie.
        photo: where the visitor's photo lies; None without one.
        near: its nearest pictures.
    """

    network: str
    title: str
    images: LabelledImages = field(repr=False)
    vectors: object = field(repr=False)
    atlas: Atlas
    photo: tuple[float, float] | None
    near: Neighbours | None


@dataclass(frozen=True)
class MapProgress:
    """How far the embeddings of a map are."""

    done: int
    total: int


def lay_out(photo: str | None, network: Network, dataset: Dataset, axes: Axes) -> Iterator[MapProgress | Mapped]:
    """Embed pictures of a data set, which are remembered on disk, and lay them out with the visitor's photo among them.

    Raises:
        PetLensError: there are too few pictures or classes, or the photo cannot be read.
    """
    from core.embeddings import embed
    from core.inside.atlas import AXES, atlas, neighbours, place

    if axes not in AXES:
        raise SettingsError("There are no axes {axes!r:.80}. There are {known}.", axes=axes, known=", ".join(AXES))
    classifier = load(network)
    backbone = classifier.backbone
    own = None
    if photo:
        from core.images import to_pixels

        own = backbone.fast_embeddings(to_pixels([backbone.view(read_photo(classifier, photo))])).numpy()
    for snapshot in embed(backbone, some_pictures(dataset)):
        if snapshot.embeddings is None:
            yield MapProgress(snapshot.done, snapshot.total)
    embeddings = snapshot.embeddings
    laid = atlas(embeddings.vectors, embeddings.images.labels, axes=axes)
    where = near = None
    if own is not None:
        x, y = place(laid, own)[0]
        where, near = (float(x), float(y)), neighbours(embeddings.vectors, own[0], MOST_NEIGHBOURS)
    title = title_in(network, classifier)
    yield Mapped(title, dataset.title, embeddings.images, embeddings.vectors, laid, where, near)


def near_one(mapped: Mapped, index: int) -> Neighbours:
    """The nearest pictures of one on the map, itself the first.

    Raises:
        SettingsError: there is no such picture.
    """
    from core.inside.atlas import neighbours

    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(mapped.images):
        raise SettingsError("There is no such picture on the map.")
    return neighbours(mapped.vectors, mapped.vectors[index], MOST_NEIGHBOURS + 1)


def pictures_of(mapped: Mapped, label: object) -> list[int]:
    """Numbers of some pictures of a class on the map.

    Raises:
        SettingsError: there is no such class, or none of its pictures on the map.
    """
    if isinstance(label, bool) or not isinstance(label, int):
        raise SettingsError("There is no such class on the map.")
    found = [number for number, other in enumerate(mapped.images.labels.tolist()) if other == label]
    if not found:
        raise SettingsError("There is no such class on the map.")
    return found[:MOST_EXCITING]
