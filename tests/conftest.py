"""Fixtures that several test folders share: the photos beside the project, made weights, a clean environment."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

# Before anything is imported or started: no variable of the person who runs the tests reaches them.
for _name in [name for name in os.environ if name.startswith("PETLENS_") and name != "PETLENS_REQUIRE_SHARED"]:
    del os.environ[_name]
os.environ.pop("HF_HUB_OFFLINE", None)
# Two tests may run at once: a thread that waits for others of its own must not hold a processor meanwhile.
os.environ["OMP_WAIT_POLICY"] = "passive"
os.environ["PETLENS_DEVICE"] = "cpu"
# What tests keep and fetch goes with them, not into the home of the person who runs them.
_home = tempfile.TemporaryDirectory(prefix="pet-lens-tests-")
os.environ["PETLENS_HOME"] = _home.name
# An app that ends deletes what it has put there, which another one would miss.
os.environ["GRADIO_TEMP_DIR"] = str(Path(_home.name, "gradio"))
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

PROJECT = Path(__file__).resolve().parent.parent
SHARED = PROJECT.parent / "shared"


@pytest.fixture(autouse=True)
def _no_hub(monkeypatch, tmp_path_factory):
    """The hub is unreachable and its cache a folder of this run."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path_factory.getbasetemp() / "hub-cache"))
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    # made from ENDPOINT when huggingface_hub is imported, and used by hf_hub_url ever after
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real photos and weights beside the project; the test is skipped without it."""
    if not SHARED.is_dir():
        if os.environ.get("PETLENS_REQUIRE_SHARED") == "1":
            pytest.fail(f"PETLENS_REQUIRE_SHARED is set, but there is no {SHARED}")
        pytest.skip("needs the photos and weights of ../shared, which are not part of the project")
    return SHARED


@pytest.fixture
def shared_weights(shared, monkeypatch) -> Path:
    """`PETLENS_WEIGHTS` set to the folder of real networks."""
    monkeypatch.setenv("PETLENS_WEIGHTS", str(shared / "weights"))
    return shared / "weights"


@pytest.fixture(scope="session")
def chelsea() -> Path:
    """A photo of a cat, 451 x 300 pixels, that comes with scikit-image (CC0)."""
    return Path(importlib.util.find_spec("skimage").submodule_search_locations[0]) / "data" / "chelsea.png"


@pytest.fixture(scope="session")
def classifier():
    """The shipped network."""
    from core import Classifier, load_backbone

    return Classifier(load_backbone())


@pytest.fixture(scope="session")
def _weights_made_once(tmp_path_factory) -> Path:
    """What `made_weights` copies."""
    import timm
    import torch
    from safetensors.torch import save_file

    entries = {
        "test_resnet": {},
        "test_vit": {},
        "test_efficientnet.mine": {
            "mean": [0.2, 0.4, 0.6],
            "std": [0.3, 0.2, 0.1],
            "input_size": [3, 128, 128],
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "license": "made in a test",
        },
    }
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("made") / "weights"
    folder.mkdir()
    for name in entries:
        save_file(timm.create_model(name.split(".")[0]).state_dict(), folder / f"{name}.safetensors")
    said = [{"file": f"{name}.safetensors", **entry} for name, entry in entries.items() if entry]
    (folder / "weights.json").write_text(json.dumps(said))
    return folder


@pytest.fixture
def made_weights(_weights_made_once, tmp_path, monkeypatch) -> Path:
    """A weights folder with small timm networks of random weights, two of them with preprocessing of their own."""
    folder = shutil.copytree(_weights_made_once, tmp_path / "weights")
    monkeypatch.setenv("PETLENS_WEIGHTS", str(folder))
    return folder


@pytest.fixture(scope="session")
def app_address():
    """The address of the app, started in this process as `app.py` starts it."""
    from demo.page import build_page, launch_options

    page = build_page()
    _, address, _ = page.launch(prevent_thread_lock=True, quiet=True, **launch_options())
    yield address
    page.close()


@pytest.fixture(autouse=True)
def _forget_loaded_networks():
    """Networks of one test's weights folder must not answer in another; the shipped one may stay."""
    yield
    from core.backbones import loading

    with loading._loaded._lock:
        for name in [name for name in loading._loaded._backbones if name != "tf_efficientnet_lite0"]:
            del loading._loaded._backbones[name]
