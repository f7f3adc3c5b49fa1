"""The 1,000 classes of ImageNet-1k: their names, and which of them are cats and dogs.

Names and synsets come with timm; WordNet's first name of a synset is the label.

References:
    Russakovsky et al. 2015, ImageNet Large Scale Visual Recognition Challenge, arXiv:1409.0575
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from timm.data import ImageNetInfo

from core.errors import SettingsError
from core.texts import say_n

CLASS_COUNT = 1000
CATS = range(281, 286)  # tabby, tiger cat, Persian cat, Siamese cat, Egyptian cat
DOGS = range(151, 269)  # Chihuahua to Mexican hairless; wolves, foxes and wild dogs come after

# The three names that two classes share, told apart for people.
_TWINS = {
    134: "crane (bird)",
    264: "Cardigan (dog)",
    474: "cardigan (garment)",
    517: "crane (machine)",
    638: "maillot (one-piece)",
    639: "maillot (tank suit)",
}


@dataclass(frozen=True)
class ImageNetClass:
    """One class: index in 0..999, WordNet synset ("n02123597"), all its names; the first one is the label."""

    index: int
    synset: str
    names: tuple[str, ...]

    @property
    def label(self) -> str:
        """The first name of the synset, as in the file names of ImageNet collections, with spaces."""
        return self.names[0]

    @property
    def title(self) -> str:
        """The label, made unique: two classes are called "crane"."""
        return _TWINS.get(self.index, self.label)


@functools.cache
def classes() -> tuple[ImageNetClass, ...]:
    """All 1,000 classes, by index."""
    info = ImageNetInfo("imagenet-1k")
    return tuple(
        ImageNetClass(index, synset, tuple(names.split(", ")))
        for index, (synset, names) in enumerate(zip(info.label_names(), info.label_descriptions(), strict=True))
    )


def find_class(text: str) -> ImageNetClass:
    """The class that an index ("284"), a synset ("n02123597") or a name in any case ("siamese CAT") means.

    Raises:
        SettingsError: nothing or several classes fit; the message lists the candidates.
    """
    wanted = " ".join(text.replace("_", " ").split()).casefold()
    if wanted.isdecimal() and len(wanted) <= 4 and int(wanted) < CLASS_COUNT:
        return classes()[int(wanted)]
    exact = [c for c in classes() if wanted == c.synset or wanted in (name.casefold() for name in (*c.names, c.title))]
    if len(exact) == 1:
        return exact[0]
    near = exact or [c for c in classes() if wanted and any(wanted in name.casefold() for name in c.names)]
    if not near:
        raise SettingsError(
            'No ImageNet class is called "{text}". Give a name, an index from 0 to 999, or a synset.',
            text=text,
        )
    listed = ", ".join(f"{c.title} = {c.index}" for c in near[:12])
    if len(near) > 12:
        listed = say_n("{names} and {count} more", "{names} and {count} more", len(near) - 12, names=listed)
    raise SettingsError('"{text}" could be: {listed}. Give the full name or the index.', text=text, listed=listed)
