"""The model card of a run: what it is, what it learned from, how good it is, what it may be used for.

The headings follow Mitchell et al. 2019, Model Cards for Model Reporting, arXiv:1810.03993; the block on top is what
Hugging Face reads.
"""

from __future__ import annotations

import html
import json
import re

from core.runs.record import RunRecord

# Classes that the card counts one by one.
_SHOWN_CLASSES = 50
_KNOWN_LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0")
_METHODS = {
    "head": "the last layer only; the network below it stayed as it was",
    "finetune": "the last layer first, then stages of the network together with it",
    "scratch": "the whole network, from random weights",
}


def model_card(record: RunRecord) -> str:
    """The card as Markdown; every text of the run is escaped."""
    parts = [_front_matter(record), _what(record), _data(record), _figures(record), _licences(record), _limits(record)]
    return "\n\n".join([*parts, _use(), _settings(record)]) + "\n"


def _front_matter(record: RunRecord) -> str:
    licence = record.backbone.licence.lower()
    lines = [f"license: {licence}"] if licence in _KNOWN_LICENCES else ["license: other"]
    if licence not in _KNOWN_LICENCES:
        lines.append(f"license_name: {json.dumps(record.backbone.licence)}")
    lines += ["library_name: timm", "pipeline_tag: image-classification", "tags: [pet-lens, transfer-learning]"]
    return "\n".join(["---", *lines, "---"])


def _what(record: RunRecord) -> str:
    backbone = record.backbone
    size = record.view.size_px or " x ".join(str(side) for side in backbone.preprocessing["input_size"][1:])
    lines = [
        f"# {_shown(record.name)}",
        "",
        f"Tells {len(record.class_names)} classes of pictures apart. Made with Pet Lens on {record.created_at:%Y-%m-%d}.",
        "",
        f"- Network: {_shown(backbone.title)} (`{backbone.architecture}` of timm)",
        f"- Trained: {_METHODS[record.method]}",
        f"- State: {record.state}",
        f"- Sees: pictures of {size} pixels" + (", and their mirror images" if record.view.mirrored else ""),
    ]
    if not record.view.input_scaling:
        lines.append("- Input scaling was switched off, on purpose: it sees pixels from 0 to 255.")
    return "\n".join(lines)


def _data(record: RunRecord) -> str:
    dataset = record.dataset
    lines = ["## What it learned from", "", f"{_shown(dataset.title)}. {_shown(dataset.about)}".strip(), ""]
    splits = list(dataset.counts)
    if not splits:
        return "\n".join(lines).strip()
    lines += [f"| class | {' | '.join(splits)} |", f"|---|{'---:|' * len(splits)}"]
    for index, name in enumerate(record.class_names[:_SHOWN_CLASSES]):
        lines.append(f"| {_shown(name)} | {' | '.join(str(dataset.counts[split][index]) for split in splits)} |")
    if len(record.class_names) > _SHOWN_CLASSES:
        lines.append(f"| {len(record.class_names) - _SHOWN_CLASSES} more |{' |' * len(splits)}")
    lines.append(f"| **all** | {' | '.join(str(sum(dataset.counts[split])) for split in splits)} |")
    return "\n".join(lines)


def _figures(record: RunRecord) -> str:
    metrics = record.metrics
    lines = ["## How good it is", ""]
    if "accuracy" not in metrics:
        return "\n".join([*lines, "Not measured yet."])
    count, split = metrics.get("n"), metrics.get("split")
    on = "Measured" if count is None else f"Measured on {count} pictures"
    lines += [on + ("." if split is None else f" of the {split} split."), ""]
    lines += ["| figure | value |", "|---|---|"]
    accuracy = _percent(metrics["accuracy"])
    interval = [metrics.get("accuracy_low"), metrics.get("accuracy_high")]
    if None not in interval:
        accuracy += f" (95 % interval {_percent(interval[0])} to {_percent(interval[1])})"
    lines.append(f"| accuracy | {accuracy} |")
    for name, title in (("balanced_accuracy", "mean of the classes' accuracies"), ("top3", "right one in the top 3")):
        if name in metrics:
            lines.append(f"| {title} | {_percent(metrics[name])} |")
    return "\n".join(lines)


def _licences(record: RunRecord) -> str:
    kind = "were the start of these" if record.backbone.weights == "here" else "are used as they are"
    if record.method == "scratch":
        first = f"The network was trained from random weights; timm calls it {_shown(record.backbone.architecture)}."
    else:
        first = (
            f"The weights of {_shown(record.backbone.title)} {kind}. Their licence: {_shown(record.backbone.licence)}."
        )
    return f"## Licences\n\n{first}\n\nThe pictures have their own licence: see what is said of the data above."


def _limits(record: RunRecord) -> str:
    return (
        "## Limits\n\n"
        f"It answers with one of its {len(record.class_names)} classes for any picture, also for one that shows none of "
        "them. Its figures hold for pictures like those that it was measured on. "
        "Do not let it decide anything that matters to a person or an animal."
    )


def _use() -> str:
    return (
        "## How to use it\n\n"
        "Open the zip in Pet Lens. Or without Pet Lens, where the zip holds `predict.py`:\n\n"
        "    pip install torch timm pillow numpy safetensors\n"
        "    python predict.py photo.jpg\n\n"
        "`run.json` holds the class names and the preprocessing, `network.safetensors` the weights: the network's under "
        "timm's names with `backbone.` before them, the last layer's as `head.weight` and `head.bias`."
    )


def _settings(record: RunRecord) -> str:
    versions = ", ".join(f"{_shown(name)} {_shown(version)}" for name, version in record.versions.items())
    settings = html.escape(json.dumps(record.settings, ensure_ascii=False), quote=False)
    indented = "\n".join(f"    {line}" for line in re.findall(r".{1,110}", settings)) or "    {}"
    return f"## How it was trained\n\n{indented}\n\nVersions: {versions}."


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _shown(text: str) -> str:
    """A text that stays a text in Markdown and HTML, also at the start of a line; addresses in it are no links."""
    escaped = re.sub(r"([\\`*_\[\]|#~!])", r"\\\1", html.escape(text, quote=False))
    escaped = re.sub(r"(?i)(?<=\w)(?=://|@)|(?<=www)(?=\.)", r"\\", escaped)
    # an item of a list, or the line below a heading
    return re.sub(r"^\s*(?=[-+=])|^\s*\d+(?=[.)]\s)", lambda begin: begin[0] + "\\", escaped)
