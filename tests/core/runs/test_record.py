"""`run.json` may come from anywhere: a sound record, or a `CheckpointError`; never anything else."""

from __future__ import annotations

import copy
import dataclasses
import json
import random

import pytest

from core.backbones.views import ViewSettings
from core.errors import CheckpointError
from core.runs import BackboneRecord, DatasetRecord, RunRecord, current_versions

BACKBONE = BackboneRecord(
    name="test_resnet",
    title="A network",
    architecture="test_resnet",
    create_kwargs={"drop_rate": 0.1},
    licence="cc-by-nc-4.0",
    preprocessing={
        "input_size": (3, 160, 160),
        "interpolation": "bicubic",
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "crop_pct": 0.95,
        "crop_mode": "center",
    },
    class_count=1000,
    embedding_dim=96,
    fingerprint="0" * 32,
    weights="published",
)
RECORD = RunRecord(
    name="猫 und Hunde",
    dataset=DatasetRecord("pets", "Pets", "", {"train": (3, 4), "test": (1, 2)}),
    class_names=("cat", "собака"),
    backbone=BACKBONE,
    view=ViewSettings(size_px=96, mirrored=True),
    settings={"epochs": 10, "optimiser": "adam", "early": None, "rates": [0.1, 0.2], "more": {"flip": True}},
    metrics={"accuracy": 0.9, "split": "test", "n": 3},
)


def _stored() -> dict:
    return json.loads(RECORD.to_json())


def test_a_record_comes_back_as_it_was():
    assert RunRecord.from_json(RECORD.to_json()) == RECORD
    assert RunRecord.from_json(RECORD.to_json().encode()) == RECORD
    assert set(current_versions()) == {"python", "torch", "timm", "pet-lens"}
    assert RECORD.versions["pet-lens"] != "unknown"


def test_entries_of_a_later_release_are_left_aside():
    stored = _stored()
    stored["colour"] = stored["backbone"]["colour"] = "red"
    assert RunRecord.from_json(json.dumps(stored)) == RECORD


def test_a_run_of_a_newer_format_says_so():
    with pytest.raises(CheckpointError, match="newer Pet Lens"):
        RunRecord.from_json(json.dumps({**_stored(), "format": 2}))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "1", "[" * 100_000, '{"format": NaN}', "{}", '{"format": 1}', b"\xff\xfe", "9" * 5000],
)
def test_what_is_no_record_is_refused(text):
    with pytest.raises(CheckpointError):
        RunRecord.from_json(text)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("name", ""),
        ("name", "a\0b"),
        ("name", "\ud800"),
        ("name", "x" * 201),
        ("created", "yesterday"),
        ("created", "0001-01-01T00:00:00+23:59"),
        ("method", "magic"),
        ("state", ["running"]),
        ("class_names", []),
        ("class_names", ["cat"]),
        ("class_names", ["cat", 3]),
        ("class_names", "ab"),
        ("class_names", [f"class {number}" for number in range(10_001)]),
        ("dataset/counts/train", [1]),
        ("dataset/counts/train", [1, -1]),
        ("dataset/counts/train", [1, True]),
        ("dataset/counts", {"../x": [1, 2]}),
        ("view/size_px", 5000),
        ("view/size_px", "96"),
        ("view/mirrored", 1),
        ("view", None),
        ("settings", {"deep": [[[[[[1]]]]]]}),
        ("settings", {"long": list(range(5000))}),
        ("settings", {"huge": 10**400}),
        ("metrics", {"accuracy": "x" * 5000}),
        ("metrics", {"accuracy": 1.01}),
        ("metrics", {"balanced_accuracy": -0.1}),
        ("metrics", {"top3": True}),
        ("metrics", {"n": 10.5}),
        ("metrics", {"split": "../test"}),
        ("metrics", {"seconds": 10**400}),
        ("versions", {"torch": 2}),
        ("files", {"head.safetensors": {"size": -1, "digest": "0" * 32}}),
        ("files", {"head.safetensors": {"size": 1, "digest": "../../x"}}),
        ("backbone/architecture", "hf-hub:someone/something"),
        ("backbone/architecture", "local-dir:/etc"),
        ("backbone/architecture", "../resnet18"),
        ("backbone/architecture", "os.system"),
        ("backbone/architecture", "no_such_network"),
        ("backbone/architecture", ["resnet18"]),
        ("backbone/create_kwargs", {"pretrained_cfg": {"file": "/etc/passwd"}}),
        ("backbone/create_kwargs", {"pretrained_cfg_overlay": {"url": "http://127.0.0.1:9/x"}}),
        ("backbone/create_kwargs", {"checkpoint_path": "/etc/passwd"}),
        ("backbone/create_kwargs", {"cache_dir": "/tmp"}),
        ("backbone/create_kwargs", {"features_only": True}),
        ("backbone/create_kwargs", {"img_size": 100_000}),
        ("backbone/create_kwargs", {"img_size": [224, 1e9]}),
        ("backbone/create_kwargs", {"depth": 10_000}),
        ("backbone/create_kwargs", {"act_layer": "os.system('x')"}),
        ("backbone/create_kwargs", {"drop_rate": float("1e99")}),
        ("backbone/preprocessing/input_size", [3, 100_000, 100_000]),
        ("backbone/preprocessing/input_size", [1, 96, 96]),
        ("backbone/preprocessing/std", [0, 1, 1]),
        ("backbone/preprocessing/std", [1, 1]),
        ("backbone/preprocessing/interpolation", "random"),
        ("backbone/preprocessing/crop_pct", 1e-9),
        ("backbone/preprocessing/crop_mode", "other"),
        ("backbone/embedding_dim", 10**9),
        ("backbone/class_count", 10**9),
        ("backbone/fingerprint", "x"),
        ("backbone/weights", "elsewhere"),
        ("backbone/title", None),
    ],
)
def test_values_of_the_wrong_kind_or_out_of_range_are_refused(path, value):
    stored = _stored()
    *parents, last = path.split("/")
    place = stored
    for name in parents:
        place = place[name]
    place[last] = value
    with pytest.raises(CheckpointError):
        RunRecord.from_json(json.dumps(stored))


def test_no_mutation_of_a_record_raises_anything_else():
    chance = random.Random(0)
    odd = [None, True, -1, 0, 10**30, 1e308, "", "x" * 3000, "\ud800", [], [[]], {}, {"a": {}}, [None] * 9, "../../etc"]
    refused = 0
    for _ in range(1500):
        stored = copy.deepcopy(_stored())
        for _ in range(chance.choice((1, 1, 2, 4))):
            place = stored
            while True:
                keys = list(place) if isinstance(place, dict) else list(range(len(place)))
                if not keys:
                    break
                key = chance.choice(keys)
                if isinstance(place[key], (dict, list)) and chance.random() < 0.75:
                    place = place[key]
                    continue
                if isinstance(place, dict) and chance.random() < 0.3:
                    del place[key]
                else:
                    place[key] = chance.choice(odd)
                break
        try:
            read = RunRecord.from_json(json.dumps(stored))
        except CheckpointError:
            refused += 1
        else:
            assert RunRecord.from_json(read.to_json()) == read
    assert refused > 900


def test_no_flipped_byte_of_a_record_raises_anything_else():
    chance = random.Random(1)
    text = RECORD.to_json().encode()
    for _ in range(1500):
        damaged = bytearray(text)
        for _ in range(chance.choice((1, 3))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        try:
            RunRecord.from_json(bytes(damaged[: chance.choice((len(damaged), chance.randrange(len(damaged))))]))
        except CheckpointError:
            continue


def test_only_figures_that_are_known_are_taken_over():
    metrics = {"accuracy": 0.5, "n": 10, "split": "test", "seconds": 1.5, "<script>": 1, "accuracy ": 2}
    assert dataclasses.replace(RECORD, metrics=metrics).metrics == {
        "accuracy": 0.5,
        "n": 10,
        "split": "test",
        "seconds": 1.5,
    }


@pytest.mark.parametrize(
    "text",
    [
        b'{"format": 1, "metrics": {"accuracy": NaN}}',
        b'{"format": ' + b"[" * 200_000 + b"]" * 200_000 + b"}",
        b'{"a":' * 200_000,
        b'{"format": [' + b"[]," * 3_000_000 + b"[]]}",
        b'{"format": [' + b"0," * 5_000_000 + b"0]}",
        b'{"format": 1' + b"0" * 1_000_000 + b"}",
        b'{"format": 1e999}',
    ],
    ids=["nan", "deep lists", "deep objects", "many lists", "many numbers", "long number", "infinite number"],
)
def test_json_that_asks_for_too_much_is_refused_at_once(text):
    with pytest.raises(CheckpointError):
        RunRecord.from_json(text)
