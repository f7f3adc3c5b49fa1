"""The architecture's promises, read from the source and tried in fresh interpreters."""

from __future__ import annotations

import ast
import subprocess
import sys

import pytest

from tests.conftest import PROJECT

# From docs/architecture.md: a module imports only from tiers below its own, or beside it in its own package.
TIERS = {
    "core.errors": 0,
    "core.texts": 0,
    "core.allocator": 0,
    "core.limits": 1,
    "core.runtime": 2,
    "core.optimisers": 2,
    "core.schedules": 2,
    "core.settings": 2,
    "core.places": 2,
    "core.distributed": 3,
    "core.fetching": 2,
    "core.images": 2,
    "core.norms": 2,
    "core.set_aside": 2,
    "core.imagenet": 2,
    "core.prediction": 3,
    "core.streams": 3,
    "core.head": 3,
    "core.embedding_cache": 3,
    "core.backbones": 3,
    "core.parameterize": 3,
    "core.transforms": 3,
    "core.objectives": 4,
    "core.datasets": 4,
    "core.classifier": 5,
    "core.embeddings": 6,
    "core.training": 7,
    "core.evaluation": 5,
    "core.ascent": 7,
    "core.attack": 7,
    "core.inside": 7,
    "core.runs": 8,
    "core.transfer": 9,
    "core.experiments": 9,
    "core.commands": 10,
    "core.__main__": 11,
    "core": 11,
}


def _modules(folder: str) -> list[str]:
    files = sorted((PROJECT / folder).rglob("*.py"))
    names = [".".join(file.relative_to(PROJECT).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names]


def _imports(module: str) -> set[str]:
    path = PROJECT.joinpath(*module.split("."))
    source = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text()
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
            found |= {f"{node.module}.{name.name}" for name in node.names}
    return found


def _tier(module: str) -> int | None:
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        if ".".join(parts[:length]) in TIERS and (length > 1 or len(parts) == 1):
            return TIERS[".".join(parts[:length])]
    return None


def test_every_core_module_has_a_tier():
    assert [module for module in _modules("core") if _tier(module) is None] == []


@pytest.mark.parametrize("module", _modules("core"))
def test_core_imports_only_from_lower_tiers(module):
    for imported in _imports(module):
        assert not imported.startswith(("demo", "app", "gradio", "benchmarks", "tests"))
        tier = _tier(imported) if imported.startswith("core.") else None
        if tier is None:
            continue
        package = ".".join(module.split(".")[:2])
        beside = imported.split(".")[:2] == module.split(".")[:2] and (PROJECT / package.replace(".", "/")).is_dir()
        assert tier < _tier(module) or beside, f"{module} imports {imported}"


@pytest.mark.parametrize("module", _modules("demo"))
def test_the_page_holds_no_maths(module):
    assert not {"torch", "timm", "numpy", "PIL"} & {name.split(".")[0] for name in _imports(module)}


def _run(code: str) -> str:
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


def test_core_works_without_gradio():
    code = (
        "import sys; sys.modules['gradio'] = None\n"
        "import core\n"
        "for name in core.__all__: getattr(core, name)\n"
        "import core.__main__; print('fine')"
    )
    assert _run(code) == "fine"


def test_building_the_page_imports_neither_torch_nor_timm():
    code = "import sys, app; print([m for m in ('torch', 'timm', 'torchvision', 'skimage') if m in sys.modules])"
    assert _run(code) == "[]"


def test_importing_core_touches_no_network_folder_or_allocator():
    code = (
        "import socket, pathlib, os, timm, huggingface_hub\n"
        "def refuse(*a, **k): raise AssertionError('called at import')\n"
        "socket.socket.connect = refuse; pathlib.Path.mkdir = refuse; os.makedirs = refuse\n"
        "import core, core.__main__\n"
        "for name in core.__all__: getattr(core, name)\n"
        "import core.runtime\n"
        "print(core.runtime.configure.cache_info().currsize)"
    )
    assert _run(code) == "0"


def test_everything_public_exists_and_nothing_else_is_offered():
    import core

    assert dir(core) == core.__all__ == sorted(core.__all__)
    assert all(getattr(core, name).__doc__ or isinstance(getattr(core, name), str) for name in core.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        core.nonsense  # noqa: B018
