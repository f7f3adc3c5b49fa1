"""What a network says of one picture, and how sure it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np

from core import imagenet
from core.errors import SettingsError

# Chosen by eye on the default network; `benchmarks/certainty.py` measures it and its neighbours: see docs/methods.md.
UNSURE_BELOW = 0.30


@dataclass(frozen=True)
class Ranked:
    """One class with its probability in [0, 1]. `title` is `label` made unique ("crane (bird)")."""

    index: int
    label: str
    title: str
    probability: float


@dataclass(frozen=True)
class Species:
    """Probability that the picture shows a cat, a dog, or neither: sums over ImageNet's classes; they add up to 1."""

    cat: float
    dog: float
    neither: float


@dataclass(frozen=True, eq=False)
class Prediction:
    """Probabilities `(K,)` in [0, 1], float64, adding up to 1.

    Attributes:
        class_names: of a trained head, `K` of them; None: the 1,000 classes of ImageNet-1k.
    """

    probabilities: np.ndarray = field(repr=False)
    class_names: tuple[str, ...] | None = None

    def top(self, count: int = 5) -> list[Ranked]:
        """The most probable classes, best first.

        Raises:
            SettingsError: `count` is not from 1 to 1000; a head with fewer classes gives all that it has.
        """
        if not (isinstance(count, (int, float)) and 1 <= count <= imagenet.CLASS_COUNT and count == int(count)):
            raise SettingsError(
                "top must be a whole number from 1 to {class_count}, not {count}.",
                class_count=imagenet.CLASS_COUNT,
                count=count,
            )
        # a stable sort, so that equal probabilities come in the order of their indices on every machine
        order = np.argsort(-self.probabilities, kind="stable")[: int(count)]
        return [self._ranked(int(index)) for index in order]

    @property
    def species(self) -> Species | None:
        """Cat, dog or neither; None for a trained head, whose classes are its own."""
        if self.class_names is not None:
            return None
        cat, dog = self._sum(imagenet.CATS), self._sum(imagenet.DOGS)
        return Species(cat, dog, max(0.0, 1.0 - cat - dog))

    @property
    def breed(self) -> Ranked | None:
        """The most probable class among the cats or among the dogs, whichever species has more than half; else none."""
        species = self.species
        if species is None or max(species.cat, species.dog) <= 0.5:
            return None
        members = imagenet.CATS if species.cat > species.dog else imagenet.DOGS
        return self._ranked(max(members, key=lambda index: self.probabilities[index]))

    @property
    def headline(self) -> Ranked:
        """The one name to show: the most probable class, or, where that is a thing beside a cat or dog, the breed.

        A picture that was attacked may read "Siamese cat" while all dogs together still have more than half.
        """
        best = self.top(1)[0]
        is_pet = best.index in imagenet.CATS or best.index in imagenet.DOGS
        return best if is_pet else self.breed or best

    @property
    def certainty(self) -> float:
        """Probability of the strongest single answer, where all cats are one answer and all dogs another.

        A network that hesitates between two terriers is not unsure what it sees; one that gives a fifth each to
        "nail", "matchstick" and "ruler" is. The maximum probability as a sign of unfamiliar pictures is Hendrycks and
        Gimpel 2016 (arXiv:1610.02136); counting cats and dogs together is ours.
        """
        strongest = float(self.probabilities.max())
        species = self.species
        return strongest if species is None else max(strongest, species.cat, species.dog)

    @property
    def unsure(self) -> bool:
        """Whether even the strongest answer is weak.

        Below `UNSURE_BELOW` for ImageNet's classes; for a head of K classes, below halfway between guessing and
        certainty: (1 + 1/K) / 2.
        """
        if self.class_names is None:
            return self.certainty < UNSURE_BELOW
        return self.certainty < (1 + 1 / len(self.class_names)) / 2

    def as_dict(self, top: int = 5) -> dict:
        """What the command line and the app's API say of a picture, ready for JSON."""
        return {
            "top": [{"label": r.label, "index": r.index, "probability": r.probability} for r in self.top(top)],
            **(asdict(self.species) if self.species else {}),
            "unsure": self.unsure,
        }

    def _sum(self, indices: range) -> float:
        return float(self.probabilities[indices.start : indices.stop].sum())

    def _ranked(self, index: int) -> Ranked:
        probability = float(self.probabilities[index])
        if self.class_names is not None:
            return Ranked(index, self.class_names[index], self.class_names[index], probability)
        named = imagenet.classes()[index]
        return Ranked(index, named.label, named.title, probability)
