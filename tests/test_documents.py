"""What the documents say is true: settings, commands, versions, figures."""

from __future__ import annotations

import re

import pytest

from core.__main__ import _parser
from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def _sources() -> str:
    return "\n".join(
        path.read_text(encoding="utf-8") for folder in ("core", "demo") for path in (PROJECT / folder).rglob("*.py")
    )


def test_the_space_gets_the_gradio_that_is_pinned():
    front_matter = dict(re.findall(r"^(\w+): (.+)$", README.split("---")[1], re.MULTILINE))
    pinned = re.search(r"^gradio==(\S+)$", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)[1]
    assert front_matter["sdk_version"] == pinned
    assert (front_matter["sdk"], front_matter["app_file"]) == ("gradio", "app.py")


def test_every_setting_has_its_row():
    from demo.context import Limits

    used = set(re.findall(r"PETLENS_[A-Z_]+[A-Z]", _sources())) | {
        f"PETLENS_{name.upper()}" for name in Limits.__annotations__
    }
    described = set(re.findall(r"^\| `(PETLENS_\w+)`", (PROJECT / "docs/hosting.md").read_text(), re.MULTILINE))
    assert used == described


def test_every_command_stands_in_the_readme():
    commands = next(action for action in _parser()._actions if action.choices).choices
    for name in commands:
        assert f"python -m core {name}" in README


def test_every_package_has_its_reason():
    packages = re.findall(r"^([\w-]+)[=<>]", (PROJECT / "requirements.txt").read_text(), re.MULTILINE)
    architecture = (PROJECT / "docs/architecture.md").read_text()
    assert [package for package in packages if package not in architecture] == []


def test_every_module_stands_in_the_architecture():
    architecture = (PROJECT / "docs/architecture.md").read_text()
    modules = [
        path for folder in ("core", "demo") for path in (PROJECT / folder).glob("*.py") if path.stem != "__init__"
    ]
    assert [path.stem for path in modules if f"`{path.stem}`" not in architecture] == []


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "CHANGELOG.md",
        "docs/classroom.md",
        "docs/architecture.md",
        "docs/transfer.md",
        "docs/methods.md",
        "docs/hosting.md",
    ],
)
def test_links_lead_somewhere(name):
    path = PROJECT / name
    targets = re.findall(r"\]\((?!https?://)([^)#]+)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []
