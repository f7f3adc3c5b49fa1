"""Keeps the catalogues in step with the code: `python -m demo.translation`.

What the page can say is read from the source: the texts of `tr`, `tr_n` and `mark`, those of `say` and `say_n` in `core`,
the words of errors, and what the settings and presets of `core` say of themselves. Each `assets/languages/*.po` gets the
texts that are new, untranslated, and loses those that nobody says any more. A new language: `python -m demo.translation de`.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po

from core.errors import ImageError, PetLensError
from core.texts import first_sentence
from demo.languages import FOLDER

PROJECT = Path(__file__).resolve().parent.parent
# Settings describe themselves to people by these arguments; presets by those that follow their token.
_SETTINGS, _DESCRIBING = ("whole", "real", "switch", "choice"), ("title", "about")
# Words of the terminal.
_NOT_ON_THE_PAGE = "core/commands/"
_LINE_WIDTH = 118
_HEADER = "# What Pet Lens says. Made by `python -m demo.translation`; the translations are written by hand."


@dataclass(frozen=True)
class Text:
    """Something that the page can say.

    Attributes:
        one: the text, or its form for one.
        many: its form for other numbers; empty where it has none.
        where: file and line, below the project's folder.
    """

    one: str
    many: str
    where: tuple[str, int]


def texts() -> Iterator[Text]:
    """Everything, in the order of the files."""
    for package in ("core", "demo"):
        for path in sorted((PROJECT / package).rglob("*.py")):
            yield from texts_of(path)


def texts_of(path: Path) -> Iterator[Text]:
    """What one file says."""
    where = path.relative_to(PROJECT).as_posix()
    if where.startswith(_NOT_ON_THE_PAGE):
        return
    package = where.split("/")[0]
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        said = [argument.value for argument in call.args if _is_text(argument)]
        if name in ("tr_n", "say_n") and len(said) == 2:
            yield Text(*said, (where, call.lineno))
        elif said and (name in ("tr", "mark", "say") or name in _errors()):
            yield Text(said[0], "", (where, call.lineno))
            if name == ImageError.__name__ and package == "core" and first_sentence(said[0]) != said[0]:
                # a list of files that were left out has no room for what to do
                yield Text(first_sentence(said[0]), "", (where, call.lineno))
        elif name.endswith("Preset"):
            for text in said[1 : 1 + len(_DESCRIBING)]:
                yield Text(text, "", (where, call.lineno))
        elif name in _SETTINGS:
            for named in call.keywords:
                if named.arg in _DESCRIBING and _is_text(named.value):
                    yield Text(named.value.value, "", (where, named.value.lineno))


def catalogue(language: str) -> Catalog:
    """All texts, with no translations."""
    made = Catalog(language, project="Pet Lens", charset="utf-8", fuzzy=False, header_comment=_HEADER)
    for text in texts():
        made.add((text.one, text.many) if text.many else text.one, locations=[text.where], flags=_flags(text))
    return made


def update(path: Path) -> tuple[int, int]:
    """Bring one file in step; returns how many texts it has, and how many are not translated."""
    wanted = catalogue(path.stem)
    if path.exists():
        with path.open("rb") as file:
            known = read_po(file, locale=path.stem)
        wanted.creation_date, wanted.revision_date = known.creation_date, known.revision_date
        for message in wanted:
            before = known.get(message.id)
            if message.id and before is not None:
                message.string = before.string
    with path.open("wb") as file:
        # no line numbers: they would change with every other change
        write_po(file, wanted, width=_LINE_WIDTH, no_location=True, sort_output=True, omit_header=False)
    missing = [message for message in wanted if message.id and not is_translated(message.string)]
    return len(wanted), len(missing)


def is_translated(string: str | tuple[str, ...]) -> bool:
    """Whether every form is there."""
    return all(string) if isinstance(string, tuple) else bool(string)


def _errors() -> set[str]:
    """Names of the errors whose words a visitor may read."""
    return {PetLensError.__name__, "BusyError", *(kind.__name__ for kind in PetLensError.__subclasses__())}


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(node.value)


def _flags(text: Text) -> list[str]:
    return ["python-brace-format"] if "{" in text.one else []


def main(codes: list[str]) -> None:
    """Update every file, or make those of these languages."""
    for path in [FOLDER / f"{code}.po" for code in codes] or sorted(FOLDER.glob("*.po")):
        count, missing = update(path)
        print(f"{path.name}: {count} texts, {missing} not translated")


if __name__ == "__main__":
    main(sys.argv[1:])
