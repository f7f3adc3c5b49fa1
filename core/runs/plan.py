"""What somebody wants to train: network, method, settings."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from core.backbones.catalogue import DEFAULT_BACKBONE
from core.backbones.views import ViewSettings
from core.datasets.labelled import Dataset, LabelledImages, few_of_each, hold_out
from core.errors import CheckpointError, DatasetError, SettingsError
from core.runs.checks import shown_text
from core.runs.record import MAX_NAME, Method, RunRecord
from core.settings import settings_of
from core.training.head_settings import HeadSettings
from core.training.tuning_settings import TuneSettings, tune_settings

METHODS: tuple[Method, ...] = ("head", "finetune", "scratch")


@dataclass(frozen=True)
class Plan:
    """A training, before it begins.

    Attributes:
        backbone: a timm name, as `load_backbone` takes it.
        method: "head": the network stays as it is and a new last layer learns; "finetune": afterwards its stages learn
            too; "scratch": everything learns, from random weights.
        head: settings of the head; its seed, validation share and pictures per class hold for every method.
        tune: settings of "finetune" and "scratch"; None: the defaults that suit the method, which then stand here.
        view: how the network is shown pictures.
        name: what its owner calls it; empty: `title_of` finds one.

    Raises:
        SettingsError: there is no such method.
    """

    backbone: str = DEFAULT_BACKBONE
    method: Method = "head"
    head: HeadSettings = field(default_factory=HeadSettings)
    tune: TuneSettings | None = None
    view: ViewSettings = field(default_factory=ViewSettings)
    name: str = ""

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise SettingsError(
                "method must be one of {names}, not {method!r}.",
                names=", ".join(METHODS),
                method=self.method,
            )
        if self.method != "head" and (self.view.mirrored or not self.view.input_scaling):
            raise SettingsError(
                "A mirrored view and input scaling off are for training a head only: fine-tuning shows the network "
                "each picture once, as it was trained."
            )
        # one setting says where tuning starts: the method
        start = "scratch" if self.method == "scratch" else "pretrained"
        tune = tune_settings(start) if self.tune is None else dataclasses.replace(self.tune, start=start)
        object.__setattr__(self, "tune", tune)

    def settings(self) -> dict[str, Any]:
        """All settings as plain values, for a run's record."""
        return {"head": dataclasses.asdict(self.head), "tune": dataclasses.asdict(self.tune)}

    @classmethod
    def of_run(cls, record: RunRecord) -> Plan:
        """The plan that a run was made from.

        Raises:
            CheckpointError: its settings are not those of this Pet Lens.
        """
        try:
            head = HeadSettings(**record.settings["head"])
            tune = TuneSettings(**record.settings["tune"])
            return cls(record.backbone.name, record.method, head, tune, record.view, record.name)
        except (KeyError, TypeError, SettingsError) as error:
            raise CheckpointError(
                "{name} was made with settings that this Pet Lens does not know.", name=record.name
            ) from error

    def differences(self) -> str:
        """What differs from the defaults, in few words: "epochs 100, dropout 0.5"."""
        parts = [("", self.view, ViewSettings()), ("", self.head, HeadSettings())]
        if self.method != "head":
            parts.append(("tune ", self.tune, tune_settings(self.tune.start)))
        said = []
        for prefix, settings, usual in parts:
            for setting in settings_of(type(settings)):
                value = getattr(settings, setting.name)
                if value == getattr(usual, setting.name):
                    continue
                shown = f"{value:g}" if isinstance(value, float) else {True: "on", False: "off"}.get(value, value)
                # 1 == True in Python
                shown = value if isinstance(value, int) and not isinstance(value, bool) else shown
                said.append(f"{prefix}{setting.name.replace('_', ' ')} {shown}")
        return ", ".join(said)


def title_of(plan: Plan, network: str, dataset: str) -> str:
    """What a run is called whose owner gave it no name: its network, its data set, and what differs from the defaults.

    Whatever the data set's folder is called, a record takes this name: it is cut where it would be too long.

    Args:
        network, dataset: their titles.
    """
    what = {"head": "", "finetune": ", fine-tuned", "scratch": ", from scratch"}[plan.method]
    differs = plan.differences()
    return shown_text(f"{network} on {dataset}{what}" + (f" ({differs})" if differs else ""), high=MAX_NAME)


def split_for_training(dataset: Dataset, settings: HeadSettings) -> tuple[LabelledImages, LabelledImages]:
    """The pictures to learn from and those to watch by: the data set's own, or some held out of the former.

    Raises:
        DatasetError: there is no picture to learn from, or none to watch by.
    """
    train = few_of_each(dataset.split("train"), settings.images_per_class, seed=settings.seed)
    given = dataset.splits.get("validation")
    if given is not None and len(given) and "test" in dataset.splits:
        return train, given
    # without a test split the validation pictures judge at the end: nothing may be chosen by them
    train, validation = hold_out(train, settings.validation_share, seed=settings.seed, split="validation")
    if not len(validation):
        raise DatasetError(
            "{title} has one picture a class to learn from: none is left to watch the training by. Add some.",
            title=dataset.title,
        )
    return train, validation
