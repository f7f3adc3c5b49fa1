"""From pictures to predictions: one, a few, or a folder full of files."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from PIL import Image

from core import imagenet, runtime
from core.backbones.backbone import Backbone
from core.errors import BackboneError, CheckpointError, ImageError, SettingsError
from core.head import Head
from core.imagenet import CLASS_COUNT
from core.images import Source, read_image, to_pixels
from core.prediction import Prediction
from core.streams import in_chunks

# Pictures that one worker takes at a time. Larger batches leave the processor's cache: see benchmarks/throughput.py.
CHUNK = 4


@dataclass(frozen=True, eq=False)
class Classifier:
    """A backbone and a head: pixels -> logits -> predictions.

    Attributes:
        backbone: the network.
        head: a trained last layer; None: the network's own, which names ImageNet's classes.
        mirrored: whether a head sees the mean of each picture's embedding and that of its mirror image.

    Raises:
        BackboneError: no head is given and the network has no ImageNet classes (DINOv2, for instance).
        CheckpointError: the head belongs to another network.
    """

    backbone: Backbone
    head: Head | None = None
    mirrored: bool = False

    def __post_init__(self) -> None:
        if self.head is None and self.backbone.class_count != CLASS_COUNT:
            raise BackboneError(
                "{title} does not name ImageNet's {class_count} classes, so it cannot classify by itself.",
                title=self.backbone.title,
                class_count=CLASS_COUNT,
            )
        if self.head is not None and self.head.embedding_dim != self.backbone.embedding_dim:
            raise CheckpointError(
                "This head reads {embedding_dim} numbers, but {title} gives {embedding_dim_2}: it belongs to "
                "another network.",
                embedding_dim=self.head.embedding_dim,
                title=self.backbone.title,
                embedding_dim_2=self.backbone.embedding_dim,
            )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The `K` names that it can say."""
        return self.head.class_names if self.head else tuple(known.title for known in imagenet.classes())

    def label_of(self, text: str) -> int:
        """The index of the class that is meant: ImageNet's by any of its names, a head's by its own, in any case.

        Raises:
            SettingsError: nothing or several classes fit; the message lists what is near, or known.
        """
        if self.head is None:
            return imagenet.find_class(text).index
        names = [name.casefold() for name in self.head.class_names]
        if text.casefold() not in names:
            known = ", ".join(self.head.class_names[:20])
            raise SettingsError("This network has no class {text!r:.80}. It knows {known}.", text=text, known=known)
        return names.index(text.casefold())

    def logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels `(N, 3, H, W)` float32 in [0, 1] -> `(N, K)` float32; gradients flow back to the pixels."""
        if self.head is None:
            return self.backbone.model(self.backbone.normalise(pixels))
        embeddings = self.backbone.embed(pixels)
        if self.mirrored:
            embeddings = (embeddings + self.backbone.embed(pixels.flip(-1))) / 2
        return self.head.logits(embeddings)

    def predict(self, pictures: Sequence[Image.Image]) -> list[Prediction]:
        """Predictions for RGB pictures of any size, each seen through `Backbone.view`."""
        pixels = to_pixels([self.backbone.view(picture) for picture in pictures])
        names = self.head.class_names if self.head else None
        return [Prediction(row, names) for row in softmax(self.fast_logits(pixels).numpy())]

    def fast_logits(self, pixels: torch.Tensor) -> torch.Tensor:
        """Pixels `(N, 3, H, W)` -> `(N, K)` float32 on the processor, without gradients: what `predict` reads."""
        if self.head is None:
            return self.backbone.fast_outputs(pixels)
        return self.head.logits(fast_embeddings(self.backbone, pixels, mirrored=self.mirrored))

    def read(self, source: Source) -> Image.Image:
        """A picture file, decoded no finer than this network can make use of."""
        return read_image(source, short_side_px=max(self.backbone.input_size))


def fast_embeddings(backbone: Backbone, pixels: torch.Tensor, *, mirrored: bool) -> torch.Tensor:
    """`Backbone.fast_embeddings`, or their mean with those of the mirror images."""
    embeddings = backbone.fast_embeddings(pixels)
    return (embeddings + backbone.fast_embeddings(pixels.flip(-1))) / 2 if mirrored else embeddings


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits `(N, K)` -> probabilities `(N, K)`, float64."""
    logits = logits.astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


@dataclass(frozen=True, eq=False)
class FileResult:
    """One file's prediction, or why there is none; and its share of the time, reading included."""

    source: Source
    prediction: Prediction | None
    error: ImageError | None
    seconds: float


def predict_files(classifier: Classifier, sources: Sequence[Source], *, hurried: bool = False) -> Iterator[FileResult]:
    """Classify many files on all processors: one result a file, in the order given, as soon as it is there.

    A file that cannot be read gives a result with its error; the others go on. Closing the iterator ends the work after
    the chunks that are being computed.

    Args:
        hurried: they do not queue behind other work of this process; for a few files that somebody waits for.
    """
    size = max(1, min(CHUNK, math.ceil(len(sources) / runtime.processor_count())))
    work = partial(_predict_chunk, classifier)
    with contextlib.closing(in_chunks(work, sources, size, hurried=hurried)) as chunks:
        for results in chunks:
            yield from results


def _predict_chunk(classifier: Classifier, sources: Sequence[Source]) -> list[FileResult]:
    start = time.perf_counter()
    pictures, errors = {}, {}
    for position, source in enumerate(sources):
        try:
            pictures[position] = classifier.backbone.view(classifier.read(source))
        except ImageError as error:
            errors[position] = error
    predictions = dict(zip(pictures, classifier.predict(list(pictures.values())) if pictures else [], strict=True))
    seconds = (time.perf_counter() - start) / len(sources)
    return [
        FileResult(source, predictions.get(position), errors.get(position), seconds)
        for position, source in enumerate(sources)
    ]
