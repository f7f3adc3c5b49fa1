"""ONNX files give our probabilities in another program."""

from __future__ import annotations

import json
import sys

import onnxruntime
import pytest
import torch

from core import load_backbone
from core.backbones.freezing import ViewSettings
from core.errors import CheckpointError
from core.runs import create_run, export_onnx
from core.runs.onnx import write_onnx


def _check(path, made) -> dict[str, str]:
    """Same probabilities for one, two and five pictures; the metadata."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    height, width = made.classifier.backbone.input_size
    for count in (1, 2, 5):
        pixels = torch.rand(count, 3, height, width, generator=torch.Generator().manual_seed(count))
        (said,) = session.run(["probabilities"], {"pixels": pixels.numpy()})
        assert said.shape == (count, len(made.record.class_names))
        with torch.inference_mode():
            assert (torch.from_numpy(said) - made.probabilities(pixels)).abs().max() < 1e-4
    (pixels,) = session.get_inputs()
    assert pixels.shape[1:] == [3, height, width]
    assert isinstance(pixels.shape[0], str)
    return session.get_modelmeta().custom_metadata_map


@pytest.mark.parametrize(
    ("network", "view", "tuned"),
    [
        ("test_resnet", ViewSettings(size_px=96, mirrored=True, input_scaling=False), True),
        ("test_vit", ViewSettings(mirrored=True), False),
        ("test_efficientnet.mine", ViewSettings(), False),
    ],
)
def test_networks_of_all_kinds_give_the_same_probabilities(make_run, tmp_path, network, view, tuned):
    made = make_run(network, view=view, tuned=tuned)
    write_onnx(made.folder, tmp_path / "x.onnx")
    _check(tmp_path / "x.onnx", made)


def test_the_shipped_network_as_one_file_with_names_inside(make_run, tmp_path):
    made = make_run(load_backbone().name)
    (tmp_path / "x.onnx").write_text("what was there before")
    assert export_onnx(made.folder, tmp_path / "x.onnx") == tmp_path / "x.onnx"
    told = _check(tmp_path / "x.onnx", made)
    assert json.loads(told["class_names"]) == list(made.record.class_names)
    assert json.loads(told["preprocessing"])["input_size"] == [3, 224, 224]
    assert told["licence"] == made.record.backbone.licence
    assert [path.name for path in tmp_path.iterdir() if "onnx" in path.name] == ["x.onnx"]


def test_a_missing_package_is_named(make_run, tmp_path, monkeypatch):
    made = make_run()
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(CheckpointError, match="pip install onnxscript"):
        export_onnx(made.folder, tmp_path / "x.onnx")


def test_a_run_without_a_head_is_told_before_a_process_is_started(make_run, tmp_path):
    folder = create_run(make_run().record)
    with pytest.raises(CheckpointError, match="no trained head"):
        export_onnx(folder, tmp_path / "x.onnx")


def test_a_place_that_cannot_be_written_is_told(make_run, tmp_path):
    made = make_run()
    with pytest.raises(CheckpointError, match="cannot be written"):
        export_onnx(made.folder, tmp_path / "nowhere" / "x.onnx")
