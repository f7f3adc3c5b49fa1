"""Why a network says what it says of one visitor's photo: what the cards of "Why this class?" show.

Pictures are PIL's, as `core` makes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import core
from core.errors import SettingsError
from demo.fool_example import ready_made
from demo.fool_run import Attempt
from demo.inside_run import read_photo, title_in
from demo.networks import Network, load

if TYPE_CHECKING:
    from core import Classifier, Prediction
    from core.inside.occlusion import OcclusionSnapshot
    from core.inside.why import Explanation


@dataclass(frozen=True, eq=False)
class WhyLook:
    """Why a network says a class of a picture.

    Attributes:
        network: its title.
        name: of the class.
        layer: title of the layer whose maps it is made of.
        over: the map over what the network saw.
        explanation: the map, and how it was found.
        answer: what the network says of the picture.
    """

    network: str
    name: str
    layer: str
    over: Any = field(repr=False)
    explanation: Explanation
    answer: Prediction


@dataclass(frozen=True, eq=False)
class Tested:
    """An explanation under test, as far as it is; `over`: the falls over the photo."""

    look: WhyLook
    snapshot: OcclusionSnapshot
    over: Any = field(repr=False)


@dataclass(frozen=True, eq=False)
class Fooled:
    """A photo before and after an attack: why the network says what it says, by picture and class.

    Attributes:
        own, target: names of what is read before and after.
        before, after: looks at the photo and at the changed picture, for `own` and for `target`.
        made_before: whether it is the app's own example.
    """

    own: str
    target: str
    before: tuple[WhyLook, WhyLook]
    after: tuple[WhyLook, WhyLook]
    made_before: bool


def explain(photo: str, network: Network, label: object) -> WhyLook:
    """Why a network says a class of a photo.

    Args:
        label: index of the class; None: that which it says.

    Raises:
        PetLensError: the photo cannot be read, the network has no such class, or no maps that its answer follows from.
    """
    classifier = load(network)
    return _explained(classifier, title_in(network, classifier), read_photo(classifier, photo), label)


def _explained(classifier: Classifier, title: str, picture: Any, label: object) -> WhyLook:
    from core.inside.drawing import over_photo
    from core.inside.layers import find_layer
    from core.inside.why import why

    (answer,) = classifier.predict([picture])
    if label is None:
        label = answer.top(1)[0].index
    explanation = why(classifier, picture, int(label) if isinstance(label, float) and label.is_integer() else label)
    over = over_photo(explanation.view, explanation.map)
    layer = find_layer(classifier.backbone, explanation.layer).title
    return WhyLook(title, classifier.class_names[explanation.label], layer, over, explanation, answer)


def put_to_test(photo: str, network: Network, label: object) -> Iterator[Tested]:
    """Cover parts of the photo, and compare what the network minds with what the explanation says."""
    from core.inside.drawing import over_photo
    from core.inside.occlusion import heat_of, occlude

    classifier = load(network)
    picture = read_photo(classifier, photo)
    look = _explained(classifier, title_in(network, classifier), picture, label)
    explanation = look.explanation
    for snapshot in occlude(classifier, picture, explanation.label, explanation=explanation):
        yield Tested(look, snapshot, over_photo(explanation.view, heat_of(snapshot)))


def before_and_after(attempt: Attempt | None) -> Fooled:
    """Why the network says what it says, in the visitor's attacked picture; without one, in the app's own example.

    Raises:
        PetLensError: the network is not there any more, or there is no example.
    """
    example = None if attempt is not None and attempt.attacked.success else ready_made()
    if attempt is None or not attempt.attacked.success:
        if example is None:
            raise SettingsError("There is no attacked picture yet. Make one in the tab “Fool it”.")
        network, attacked = core.DEFAULT_BACKBONE, example.attacked
    else:
        network, attacked = attempt.wish.network, attempt.attacked
    classifier = load(network)
    title = title_in(network, classifier)
    labels = attacked.before.top(1)[0].index, attacked.prediction.top(1)[0].index
    before, after = (
        tuple(_explained(classifier, title, picture, label) for label in labels)
        for picture in (attacked.original, attacked.picture)
    )
    own, target = (classifier.class_names[label] for label in labels)
    return Fooled(own, target, before, after, example is not None)
