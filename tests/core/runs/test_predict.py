"""`predict.py` of a zip runs alone, and gives our probabilities."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch

from core import to_pixels
from core.backbones.freezing import ViewSettings
from core.runs import zip_run

# In a fresh interpreter: no project on its path, only what the card asks for.
_ALL = """
import json, runpy, sys
sys.modules["gradio"] = None
folders, pictures = json.loads(sys.argv[1])
said = {}
for folder in folders:
    predict = runpy.run_path(folder + "/predict.py")["predict"]
    said[folder] = [predict(picture).tolist() for picture in pictures]
assert not [name for name in sys.modules if name.split(".")[0] in ("core", "onnx", "scipy")]
print(json.dumps(said))
"""


def _unzipped(folder: Path, into: Path) -> Path:
    into.mkdir(parents=True)
    with zipfile.ZipFile(zip_run(folder, into / "run.zip")) as archive:
        archive.extractall(into)
    return next(path for path in into.iterdir() if path.is_dir())


def _alone(arguments: list[str], cwd: Path) -> str:
    """Python without the project's folder, user packages or variables of ours."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PETLENS_", "PYTHON"))}
    command = [sys.executable, "-I", *arguments]
    ran = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=200, check=False)
    assert ran.returncode == 0, ran.stderr[-3000:]
    return ran.stdout


def test_predict_gives_our_probabilities_for_all_kinds_of_pictures_and_views(make_run, pictures, tmp_path):
    views = [ViewSettings(), ViewSettings(size_px=96, mirrored=True), ViewSettings(input_scaling=False)]
    runs = [make_run(view=view) for view in views]
    runs += [
        make_run(tuned=True),
        make_run("test_efficientnet.mine"),
        make_run("test_vit", view=ViewSettings(mirrored=True)),
    ]
    folders = {str(_unzipped(made.folder, tmp_path / f"run {number}")): made for number, made in enumerate(runs)}
    empty = tmp_path / "empty"
    empty.mkdir()
    asked = json.dumps([list(folders), [str(picture) for picture in pictures]])
    said = json.loads(_alone(["-c", _ALL, asked], empty))
    for folder, made in folders.items():
        classifier = made.classifier
        ours = torch.cat(
            [made.probabilities(to_pixels([classifier.backbone.view(classifier.read(path))])) for path in pictures]
        )
        assert (torch.tensor(said[folder]) - ours).abs().max() < 1e-4


def test_predict_prints_the_classes_in_order(make_run, pictures, tmp_path):
    made = make_run()
    folder = _unzipped(made.folder, tmp_path / "run")
    lines = _alone([str(folder / "predict.py"), str(pictures[0])], tmp_path).splitlines()
    classifier = made.classifier
    ours = made.probabilities(to_pixels([classifier.backbone.view(classifier.read(pictures[0]))]))[0]
    shown = {line.split(" %  ")[1]: float(line.split(" %")[0]) / 100 for line in lines[1:]}
    assert lines[0] == str(pictures[0])
    assert list(shown) == [made.record.class_names[index] for index in ours.argsort(descending=True).tolist()]
    assert list(shown.values()) == pytest.approx(sorted(ours.tolist(), reverse=True), abs=1e-4)
