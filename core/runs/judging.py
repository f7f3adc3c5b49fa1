"""Let a trained network name pictures whose classes are known."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Generator, Iterator, Sequence

import numpy as np
import torch

from core.classifier import Classifier, softmax
from core.datasets.labelled import LabelledImages
from core.embeddings import Embeddings, EmbedSnapshot, embed
from core.errors import DatasetError
from core.evaluation import Evaluation, evaluate
from core.texts import say_n


def judge(
    classifier: Classifier, images: LabelledImages, *, cache: bool = True
) -> Generator[EmbedSnapshot, None, tuple[Evaluation, LabelledImages]]:
    """Let a classifier name pictures of its own classes: yields `EmbedSnapshot`s; returns figures and pictures.

    Raises:
        DatasetError: the pictures show other classes than the classifier knows.
    """
    images = _with_labels_of(images, classifier.class_names)
    embeddings = yield from _result_of(embed(classifier.backbone, images, mirrored=classifier.mirrored, cache=cache))
    logits = classifier.head.logits(torch.from_numpy(embeddings.vectors)).numpy()
    return evaluate(embeddings.images.labels, softmax(logits), classifier.class_names), embeddings.images


def _with_labels_of(images: LabelledImages, class_names: tuple[str, ...]) -> LabelledImages:
    """The same pictures, with the classes in the order that the network knows them; letters' case does not matter."""
    exact = {name: label for label, name in enumerate(class_names)}
    folded = {name.casefold(): label for label, name in enumerate(class_names)}
    found = [exact.get(name, folded.get(name.casefold())) for name in images.class_names]
    if None in found:
        raise DatasetError(
            "These pictures show other classes than this network learned: {few}, not {class_names}.",
            few=_few([name for name, label in zip(images.class_names, found, strict=True) if label is None]),
            class_names=_few(class_names),
        )
    labels = np.array(found, dtype=np.int64)[images.labels]
    return dataclasses.replace(images, class_names=class_names, labels=labels)


def _result_of(stream: Iterator[EmbedSnapshot]) -> Generator[EmbedSnapshot, None, Embeddings]:
    with contextlib.closing(stream):
        for snapshot in stream:
            yield snapshot
    return snapshot.embeddings


def _few(names: Sequence[str]) -> str:
    said = ", ".join(names[:4])
    more = len(names) - 4
    return say_n("{names} and {count} more", "{names} and {count} more", more, names=said) if more > 0 else said
