"""The eight stations of the lesson as data: what is read, asked, run and explained. What is here decides which ones.

Everything runs without internet on what the app ships; where photos of cats and dogs, or more networks, lie on the
machine, the stations use them and say so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.backbones.catalogue import DEFAULT_BACKBONE
from core.backbones.sources import list_backbones
from core.datasets.opening import list_datasets
from demo.languages import mark

# So many photos of each kind: the lesson's own first head learned from 350, and nobody wants to wait for 25,000.
_PHOTOS_EACH = "100"
_FEW_EACH = "5"
# Of the lesson's 1,000: by then EfficientNet-Lite0 is as sure as it gets (99 %, with TV and without).
_STEPS = "200"


@dataclass(frozen=True)
class Station:
    """One station. Its texts are translated where they are shown.

    Attributes:
        token: what the browser keeps the answer under.
        text: a short paragraph.
        question: asked before and after.
        right: number of the right choice.
        explanation: what happened, and why.
        button: what runs it.
        tab: where it runs.
        params: what that tab is opened with, as a link names it.
    """

    token: str
    title: str
    text: str
    question: str
    choices: tuple[str, ...]
    right: int
    explanation: str
    button: str
    tab: str
    params: Mapping[str, str] = field(default_factory=dict)


FEATURES = Station(
    "features",
    mark("Features"),
    mark(
        "A network looks at a photo in layers. Each layer makes maps: small pictures that are bright where "
        "it found something. "
        "Walk through the layers of a photo of Chelsea, a cat, from the first to the last."
    ),
    mark("What do the maps of the last layers look like, compared with those of the first?"),
    (
        mark("Larger and sharper: one sees each hair"),
        mark("Smaller and coarser, but there are many more of them"),
        mark("The same, only darker"),
        mark("They are small photos of other cats"),
    ),
    1,
    mark(
        "The first maps are large and show edges and colours: one still sees the cat. The last maps have 7 x 7 "
        "points only, but there are many hundreds, "
        "and each reacts to something of its own. The network gives up “where” and gains “what”."
    ),
    mark("Look inside"),
    "inside",
    {"photo": "Chelsea"},
)

_TRANSFER_TITLE = mark("Cats vs dogs by transfer")
_TRANSFER_BUTTON = mark("Train a new head")
_ABOUT_NINE_OF_TEN = (
    mark("About 1 of 8: it is guessing"),
    mark("About half of them"),
    mark("More than 9 of 10"),
)
_OF_TWO = (
    mark("About half: it is guessing"),
    mark("About 3 of 4"),
    mark("More than 95 of 100"),
)
_TRANSFER_WHY_PHOTOS = mark(
    "The network has seen over a hundred breeds of cats and dogs among its 1.3 million photos. So its features "
    "tell cats and dogs apart already, and "
    "the new last layer has hardly anything left to do. That is transfer: what was learned for one task is used "
    "for another."
)

TRANSFER_DRAWN = Station(
    "transfer",
    mark("Cats, dogs and more by transfer"),
    mark(
        "The network stays as it is. Only a new last layer, the head, learns: here from drawings of eight kinds "
        "of pets, which the app makes "
        "itself (there are no photos of cats and dogs on this machine). The test uses drawings that it has never seen."
    ),
    mark("How many of the test drawings will it name rightly?"),
    _ABOUT_NINE_OF_TEN,
    2,
    mark(
        "It was trained on photos, and yet more than nine of ten drawings come out right: edges, stripes and "
        "ears are there in drawings, too. Only the "
        "last layer is new. That is transfer: what was learned for one task is used for another."
    ),
    _TRANSFER_BUTTON,
    "train",
    {"dataset": "drawn-pets", "method": "head"},
)
TRANSFER_CATS_VS_DOGS = Station(
    "transfer",
    _TRANSFER_TITLE,
    mark(
        "The network stays as it is. Only a new last layer, the head, learns: here from 100 photos of cats and "
        "100 of dogs (Cats vs Dogs). "
        "The test uses photos that it has never seen."
    ),
    mark("How many of the test photos will it name rightly?"),
    _OF_TWO,
    2,
    _TRANSFER_WHY_PHOTOS,
    _TRANSFER_BUTTON,
    "train",
    {"dataset": "cats-vs-dogs", "method": "head", "head.images_per_class": _PHOTOS_EACH},
)
TRANSFER_OXFORD = Station(
    "transfer",
    _TRANSFER_TITLE,
    mark(
        "The network stays as it is. Only a new last layer, the head, learns: here from 100 photos of cats and "
        "100 of dogs (Oxford-IIIT Pet). "
        "The test uses photos that it has never seen."
    ),
    mark("How many of the test photos will it name rightly?"),
    _OF_TWO,
    2,
    _TRANSFER_WHY_PHOTOS,
    _TRANSFER_BUTTON,
    "train",
    {"dataset": "oxford-pets-species", "method": "head", "head.images_per_class": _PHOTOS_EACH},
)

_TUNE_TITLE = mark("Freeze and unfreeze")
_TUNE_QUESTION = mark("What will fine-tuning change, compared with the head alone?")
_TUNE_CHOICES = (
    mark("It takes much longer, and the result stays about the same"),
    mark("It is done at once, and all mistakes are gone"),
    mark("The network forgets everything and guesses"),
)
_TUNE_WHY = mark(
    "Now every step has to go through the whole network, so it takes many times as long as the head. The head "
    "has used nearly all that "
    "these few pictures can teach; the lower layers may change only a little, at a low rate, or they would "
    "forget what they know. Fine-tuning is worth it "
    "with more pictures, or with pictures that are very different from photos."
)
_TUNE_BUTTON = mark("Fine-tune")

TUNE_DRAWN = Station(
    "fine-tuning",
    _TUNE_TITLE,
    mark(
        "Until now the network was frozen. In fine-tuning the head learns first; then the last layers below it "
        "are unfrozen and learn, too, in small "
        "steps. Here for one round through the drawn pets. It takes some minutes: watch the curve."
    ),
    _TUNE_QUESTION,
    _TUNE_CHOICES,
    0,
    _TUNE_WHY,
    _TUNE_BUTTON,
    "train",
    {"dataset": "drawn-pets", "method": "finetune", "tune.epochs": "1"},
)
TUNE_CATS_VS_DOGS = Station(
    "fine-tuning",
    _TUNE_TITLE,
    mark(
        "Until now the network was frozen. In fine-tuning the head learns first; then the last layers below it "
        "are unfrozen and learn, too, in small "
        "steps. Here for two rounds through 100 photos of cats and 100 of dogs (Cats vs Dogs). It takes some "
        "minutes: watch the curve."
    ),
    _TUNE_QUESTION,
    _TUNE_CHOICES,
    0,
    _TUNE_WHY,
    _TUNE_BUTTON,
    "train",
    {"dataset": "cats-vs-dogs", "method": "finetune", "head.images_per_class": _PHOTOS_EACH, "tune.epochs": "2"},
)
TUNE_OXFORD = Station(
    "fine-tuning",
    _TUNE_TITLE,
    mark(
        "Until now the network was frozen. In fine-tuning the head learns first; then the last layers below it "
        "are unfrozen and learn, too, in small "
        "steps. Here for two rounds through 100 photos of cats and 100 of dogs (Oxford-IIIT Pet). It takes some "
        "minutes: watch the curve."
    ),
    _TUNE_QUESTION,
    _TUNE_CHOICES,
    0,
    _TUNE_WHY,
    _TUNE_BUTTON,
    "train",
    {
        "dataset": "oxford-pets-species",
        "method": "finetune",
        "head.images_per_class": _PHOTOS_EACH,
        "tune.epochs": "2",
    },
)

IDEAL = Station(
    "ideal",
    mark("Ideal cat without TV"),
    mark(
        "Now the other way round: the network stays, and the picture learns. It begins as noise, and each step "
        "changes all pixels a little so that the network "
        "is surer that it sees a Siamese cat."
    ),
    mark("What will the picture look like when the network is sure?"),
    (
        mark("Like a photo of a Siamese cat"),
        mark("Like a simple drawing of a cat"),
        mark("Plain grey"),
        mark("Like noise"),
    ),
    3,
    mark(
        "The network is sure, and we see noise. Every pixel was moved by itself, and nothing asked for a picture "
        "that looks natural. "
        "The network has never met noise in its training, so nothing taught it to say “this is nothing”."
    ),
    mark("Draw the ideal cat"),
    "ideal",
    {"class": "Siamese cat", "preset": "lesson", "steps": _STEPS},
)
IDEAL_TV = Station(
    "ideal-tv",
    mark("Ideal cat with TV"),
    mark(
        "TV means total variation: how much neighbouring pixels differ, added up over the picture. Noise has a "
        "lot of it, photos have little. "
        "Now the picture must please the network and keep its TV low."
    ),
    mark("What will change?"),
    (
        mark("Nothing: it stays noise"),
        mark("There is less noise: smooth patches and shapes appear, but no photo"),
        mark("It becomes a real photo of a cat"),
        mark("The network does not see a cat any more"),
    ),
    1,
    mark(
        "Neighbours that must not differ much grow together to patches and lines. We ask for something that "
        "photos have, and the picture gets "
        "a bit more like one. Better recipes add more such wishes: try the preset “Best”."
    ),
    mark("Draw it with TV"),
    "ideal",
    {"class": "Siamese cat", "preset": "lesson-tv", "steps": _STEPS},
)
FOOL = Station(
    "fool",
    mark("Dog to cat"),
    mark(
        "The same trick with a photo: start from a photo of a dog and change it step by step until the network "
        "reads “Siamese cat”. If you have no photo "
        "of a dog, it starts from the cheetah that comes with the app."
    ),
    mark("What will the photo look like when the network reads “Siamese cat”?"),
    (
        mark("Like a Siamese cat"),
        mark("It does not work: a photo cannot be changed so"),
        mark("Like the same photo with some grain on it"),
    ),
    2,
    mark(
        "We see the same animal under some grain, and the network is sure that it is a Siamese cat. Each pixel "
        "moved in the direction that the "
        "network listens to. The lesson's recipe even goes much farther than it has to: a change that nobody "
        "sees is enough, as the next station shows. "
        "Such pictures are called adversarial."
    ),
    mark("Fool the network"),
    "fool",
    {"goal": "Siamese cat", "preset": "lesson"},
)

_SURVIVAL_TITLE = mark("Does it transfer?")
_SURVIVAL_BUTTON = mark("Make the smallest change")
SURVIVAL_ALONE = Station(
    "survival",
    _SURVIVAL_TITLE,
    mark(
        "Now the smallest change that works. Then look at the list below it: what becomes of it when the picture "
        "is saved as JPEG, blurred or cut? "
        "(There is only one network on this machine, so no other one can be asked.)"
    ),
    mark("Is the network still fooled after a strong JPEG, a blur or a cut?"),
    (
        mark("Yes, always: the change is in the picture now"),
        mark("Mostly not: the smallest change is easily destroyed"),
        mark("Only when the picture is made brighter"),
    ),
    1,
    mark(
        "The smallest change only just works, so nearly anything that touches the pixels undoes it. A larger "
        "change survives more: try the "
        "preset of the lesson, or “Other networks, too”, and compare the lists."
    ),
    _SURVIVAL_BUTTON,
    "fool",
    {"goal": "Siamese cat", "preset": "invisible"},
)
SURVIVAL_OTHERS = Station(
    "survival",
    _SURVIVAL_TITLE,
    mark(
        "Now the smallest change that works. Then look at the list below it: what do JPEG, blur and a cut make "
        "of it, and what do the other networks on "
        "this machine read?"
    ),
    mark("What will the other networks read in the changed photo?"),
    (
        mark("Siamese cat, as the first one does"),
        mark("The animal that is there: they are not fooled"),
        mark("Nothing: they see only noise"),
    ),
    1,
    mark(
        "The change was made for the weak spots of one network; others have other weights. A larger change that "
        "is made to work under many views "
        "fools others more often: try the preset “Other networks, too”."
    ),
    _SURVIVAL_BUTTON,
    "fool",
    {"goal": "Siamese cat", "preset": "invisible"},
)
NEW_KINDS = Station(
    "new-kinds",
    mark("Completely new kinds of pictures"),
    mark(
        "With 5 photos each of cats and dogs, about 9 of 10 new photos come out right: the network knows them. "
        "Drawings are something else, it has learned "
        "from photos. Now it gets 5 drawings of each of eight kinds of pets."
    ),
    mark("How many new drawings will it name rightly?"),
    (
        mark("About 1 of 8: it is guessing"),
        mark("About 5 or 6 of 10"),
        mark("About 9 of 10, as with photos"),
    ),
    1,
    mark(
        "It does much better than guessing, and clearly worse than with photos: the farther away from what the "
        "network knows, the more pictures it needs. With all "
        "drawings it comes to more than 9 of 10. And there are eight kinds here, where cats and dogs are only two. "
        "How far away pictures are can be measured: try it in the Lab."
    ),
    mark("Try it"),
    "train",
    {"dataset": "drawn-pets", "method": "head", "head.images_per_class": _FEW_EACH},
)


def eight_stations() -> tuple[Station, ...]:
    """The stations, with what is on this machine now. Opens no picture and no network."""
    here = {listing.name for listing in list_datasets() if listing.here}
    if "cats-vs-dogs" in here:
        transfer, tune = TRANSFER_CATS_VS_DOGS, TUNE_CATS_VS_DOGS
    elif "oxford-pets-species" in here:
        transfer, tune = TRANSFER_OXFORD, TUNE_OXFORD
    else:
        transfer, tune = TRANSFER_DRAWN, TUNE_DRAWN
    others = [
        listing
        for listing in list_backbones()
        if listing.here and listing.imagenet_head and listing.name != DEFAULT_BACKBONE
    ]
    survival = SURVIVAL_OTHERS if others else SURVIVAL_ALONE
    return (FEATURES, transfer, tune, IDEAL, IDEAL_TV, FOOL, survival, NEW_KINDS)


def every_station() -> tuple[Station, ...]:
    """All that there can be, in the order of the lesson."""
    return (
        FEATURES,
        *(TRANSFER_DRAWN, TRANSFER_CATS_VS_DOGS, TRANSFER_OXFORD),
        *(TUNE_DRAWN, TUNE_CATS_VS_DOGS, TUNE_OXFORD),
        *(IDEAL, IDEAL_TV, FOOL),
        *(SURVIVAL_ALONE, SURVIVAL_OTHERS),
        NEW_KINDS,
    )
