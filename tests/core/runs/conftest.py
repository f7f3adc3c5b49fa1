"""Made runs: small networks of random weights below heads of random weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from core import Classifier, load_backbone
from core.backbones.freezing import freeze, seen_through
from core.backbones.views import ViewSettings
from core.head import Head
from core.runs import (
    DatasetRecord,
    RunRecord,
    create_run,
    describe_backbone,
    load_run,
    save_run,
)
from core.training.history import History

NAMES = ("Siamkatze", "犬|dog", "<b>_c*")


@dataclass(frozen=True, eq=False)
class Made:
    """A run on the disk, and the classifier that was stored in it."""

    folder: Path
    record: RunRecord
    classifier: Classifier

    def probabilities(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.classifier.logits(pixels).softmax(1)

    def sameness(self, folder: Path) -> float:
        """How far the answers of a stored run are from those of this classifier."""
        height, width = self.classifier.backbone.input_size
        pixels = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(1))
        loaded = load_run(folder).classifier
        assert loaded.mirrored == self.classifier.mirrored
        assert loaded.class_names == self.classifier.class_names
        return float((loaded.logits(pixels) - self.classifier.logits(pixels)).abs().max())


@pytest.fixture
def home(tmp_path, monkeypatch) -> Path:
    """A home of this test's own."""
    monkeypatch.setenv("PETLENS_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def make_run(home, made_weights) -> Callable[..., Made]:
    """Makes finished runs."""

    def make(
        network: str = "test_resnet",
        *,
        name: str = "My Käts & dögs",
        view: ViewSettings | None = None,
        tuned: bool = False,
        names: tuple[str, ...] = NAMES,
        **changed: object,
    ) -> Made:
        view = view or ViewSettings()
        backbone = load_backbone(network)
        if tuned:
            backbone = _tuned(backbone)
        generator = torch.Generator().manual_seed(7)
        weight = torch.randn(len(names), backbone.embedding_dim, generator=generator)
        head = Head(weight, torch.randn(len(names), generator=generator), names)
        record = RunRecord(
            name=name,
            dataset=DatasetRecord("made", "Made pictures", "Nobody's.", {"train": tuple(range(5, 5 + len(names)))}),
            class_names=names,
            backbone=describe_backbone(backbone, weights="here" if tuned else "published"),
            view=view,
            settings={"epochs": 3, "rate": {"start": 0.1}},
            method="finetune" if tuned else "head",
        )
        classifier = Classifier(seen_through(backbone, view), head, mirrored=view.mirrored)
        folder = create_run(record)
        done = dataclasses.replace(record, state="finished", metrics={"accuracy": 0.9, "n": 10}, **changed)
        save_run(folder, done, classifier, history=_history(), evaluation={"labels": [0, 1, 2]})
        return Made(folder, done, classifier)

    return make


@pytest.fixture
def pictures(tmp_path) -> list[Path]:
    """Files of the kinds that phones and drawing programs write: turned, large, transparent, grey, tiny."""
    generator = np.random.default_rng(3)
    small = Image.fromarray(generator.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    folder = tmp_path / "pictures"
    folder.mkdir()
    turned = Image.Exif()
    turned[0x0112] = 6
    small.resize((300, 200)).save(folder / "turned.jpg", exif=turned)
    small.resize((2400, 1800), Image.Resampling.BICUBIC).save(folder / "large.jpg")
    transparent = small.resize((200, 200)).convert("RGBA")
    transparent.putalpha(Image.linear_gradient("L").resize((200, 200)))
    transparent.save(folder / "transparent.png")
    small.convert("L").save(folder / "grey.png")
    small.resize((96, 96)).save(folder / "exact.png")
    return sorted(folder.iterdir())


def _tuned(backbone):
    """The same network with other weights, as fine-tuning leaves it."""
    model = timm.create_model(backbone.architecture, num_classes=0, **backbone.create_kwargs)
    own = {name: tensor.clone() for name, tensor in backbone.model.state_dict().items() if name in model.state_dict()}
    own = {name: tensor * 1.1 if tensor.is_floating_point() else tensor for name, tensor in own.items()}
    model.load_state_dict(own)
    return freeze(
        model,
        name=backbone.name,
        title=backbone.title,
        licence=backbone.licence,
        architecture=backbone.architecture,
        create_kwargs=backbone.create_kwargs,
        preprocessing=backbone.preprocessing,
    )


def _history() -> History:
    row = {"train_loss": 0.5, "train_accuracy": 0.8, "validation_loss": None, "validation_accuracy": None, "rate": 0.1}
    return History().with_row(step=1, **row).with_row(step=2, **{**row, "train_loss": float("nan")})
