"""Pet Lens without the page: classify pictures with pre-trained networks.

    from core import Classifier, load_backbone, read_image

    classifier = Classifier(load_backbone("tf_efficientnet_lite0"))
    prediction = classifier.predict([read_image("dog.jpg")])[0]
    print(prediction.top(5), prediction.species)

Names are imported at their first use, so that `import core` takes no time: torch alone takes seconds.
"""

import importlib

from core import allocator

allocator.keep_freed_pages()  # before numpy, torch and the page start threads

_HOMES = {
    "AttackSettings": "core.attack.settings",
    "Become": "core.attack.goals",
    "Misclassify": "core.attack.goals",
    "Victim": "core.attack.victims",
    "AscentSettings": "core.ascent.settings",
    "ascend": "core.ascent.ascent",
    "ascend_side_by_side": "core.ascent.side_by_side",
    "atlas": "core.inside.atlas",
    "channel_classifier": "core.inside.channels",
    "exciting": "core.inside.channels",
    "feature_maps": "core.inside.maps",
    "layers_of": "core.inside.layers",
    "occlude": "core.inside.occlusion",
    "stages_of": "core.inside.layers",
    "why": "core.inside.why",
    "CheckpointError": "core.errors",
    "Dataset": "core.datasets.labelled",
    "DatasetError": "core.errors",
    "Evaluation": "core.evaluation",
    "Head": "core.head",
    "HeadSettings": "core.training.head_settings",
    "Plan": "core.runs.plan",
    "TuneSettings": "core.training.tuning_settings",
    "ViewSettings": "core.backbones.views",
    "LabResult": "core.transfer.result",
    "run_lab": "core.transfer.lab",
    "shipped_results": "core.transfer.result",
    "embed": "core.embeddings",
    "find_rate": "core.training.rates",
    "find_run": "core.runs.storage",
    "list_datasets": "core.datasets.opening",
    "list_runs": "core.runs.storage",
    "load_run": "core.runs.loading",
    "open_dataset": "core.datasets.opening",
    "resume_run": "core.runs.pipeline",
    "train_head": "core.training.head",
    "train_run": "core.runs.pipeline",
    "Backbone": "core.backbones.backbone",
    "BackboneError": "core.errors",
    "Catalogued": "core.backbones.catalogue",
    "Classifier": "core.classifier",
    "DEFAULT_BACKBONE": "core.backbones.catalogue",
    "ImageError": "core.errors",
    "ImageNetClass": "core.imagenet",
    "Listing": "core.backbones.sources",
    "PetLensError": "core.errors",
    "Prediction": "core.prediction",
    "FetchSnapshot": "core.backbones.hub",
    "FileResult": "core.classifier",
    "Ranked": "core.prediction",
    "SettingsError": "core.errors",
    "Species": "core.prediction",
    "fetch_backbone": "core.backbones.loading",
    "fetching_is_allowed": "core.fetching",
    "check_can_classify": "core.backbones.loading",
    "find_class": "core.imagenet",
    "is_loaded": "core.backbones.loading",
    "list_backbones": "core.backbones.sources",
    "load_backbone": "core.backbones.loading",
    "needs_fetching": "core.backbones.loading",
    "predict_files": "core.classifier",
    "read_image": "core.images",
    "to_pixels": "core.images",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
