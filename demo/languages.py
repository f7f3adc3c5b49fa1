"""What the page says, in the visitor's language.

The code speaks English: `tr("Press Go.")`. Each other language is one file, `assets/languages/CODE.po`, in the format of
gettext, which translators' programs read; adding the file adds the language. The page is built once for each, so that
nothing has to be exchanged while somebody looks at it.
"""

from __future__ import annotations

import contextlib
import functools
import gettext
import inspect
import io
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.errors import PetLensError
from core.texts import Said
from core.texts import mark as mark

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "languages"


@dataclass(frozen=True, eq=False)
class Language:
    """One language of the page.

    Attributes:
        code: as in ISO 639, such as "ro"; also the path at which the page speaks it, but for the first one.
        name: what its speakers call it.
        catalogue: the translations; those of the language of the code translate nothing.
    """

    code: str
    name: str
    catalogue: gettext.NullTranslations = field(repr=False)


ENGLISH = Language("en", "English", gettext.NullTranslations())

_spoken: ContextVar[Language] = ContextVar("language", default=ENGLISH)


@functools.cache
def languages() -> tuple[Language, ...]:
    """English, and those that have a file, by their codes."""
    return (ENGLISH, *(read_language(path) for path in sorted(FOLDER.glob("*.po"))))


def read_language(path: Path) -> Language:
    """The language of one file, which is called by its code."""
    from babel import Locale
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    code = path.stem
    with path.open("rb") as file:
        catalogue = read_po(file, locale=code)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    name = Locale.parse(code).get_display_name(code)
    return Language(code, name[:1].upper() + name[1:], gettext.GNUTranslations(compiled))


def tr(text: str, /, **values: Any) -> str:
    """The text in the language that is spoken here, its places `{name}` filled in as `str.format` does.

    Args:
        text: English; a literal, one that was marked with `mark`, or one that `core` said, which brings its values.
        values: errors and texts of `core` among them are translated, too.
    """
    if isinstance(text, Said):
        said = tr_n(text.words, text.many, **text.values) if text.many else tr(text.words, **text.values)
        return said if text.stop else said.rstrip(".")
    said = _spoken.get().catalogue.gettext(text) if text else ""
    return said.format(**_translated(values)) if values else said


def tr_n(one: str, many: str, /, count: int, **values: Any) -> str:
    """The same where the words depend on a number, which is filled in as `{count}`: Romanian has three forms."""
    return _spoken.get().catalogue.ngettext(one, many, count).format(count=count, **_translated(values))


def spoken() -> Language:
    """The language that is spoken here."""
    return _spoken.get()


@contextlib.contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Within this, `tr` speaks the language. Nothing may be yielded within."""
    before = _spoken.set(language)
    try:
        yield
    finally:
        _spoken.reset(before)


def bound(handler: Callable[..., Any], language: Language) -> Callable[..., Any]:
    """A handler that speaks this language, of the same kind: a function, a coroutine or a generator of one of them."""
    if inspect.isasyncgenfunction(handler):

        @functools.wraps(handler)
        async def streaming(*arguments: Any, **named: Any) -> Any:
            async with contextlib.aclosing(handler(*arguments, **named)) as updates:
                while True:
                    with speaking(language):
                        try:
                            update = await anext(updates)
                        except StopAsyncIteration:
                            return
                    yield update

        return streaming
    if inspect.iscoroutinefunction(handler):

        @functools.wraps(handler)
        async def answering(*arguments: Any, **named: Any) -> Any:
            with speaking(language):
                return await handler(*arguments, **named)

        return answering
    if inspect.isgeneratorfunction(handler):
        raise TypeError(f"{handler!r} holds a thread while it streams: make it an async generator.")

    @functools.wraps(handler)
    def plain(*arguments: Any, **named: Any) -> Any:
        with speaking(language):
            return handler(*arguments, **named)

    return plain


def _translated(values: dict[str, Any]) -> dict[str, Any]:
    return {name: _in_this_language(value) for name, value in values.items()}


def _in_this_language(value: Any) -> Any:
    if isinstance(value, PetLensError):
        return tr(value.words, **value.values)
    return tr(value) if isinstance(value, Said) else value
