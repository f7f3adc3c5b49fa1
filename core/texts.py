"""What is said to people, besides errors: English, with words and values apart, so that a page can translate it.

    say("{name} holds {count:,} pictures", name=zip_name, count=count)

Errors keep their own words and values: see `errors`.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any


class Said(str):
    """A text that remembers what it was made of. Everywhere else, in a terminal, a log or a file, it is plain English.

    Attributes:
        words: with places `{name}`, as `str.format` has them.
        many: the words where a number decides and is not 1; empty where none decides.
        values: what fills the places, texts among them; the number that decides is "count".
        stop: whether a full stop at the end stays.
    """

    words: str
    many: str
    values: dict[str, Any]
    stop: bool

    def __new__(cls, words: str, many: str = "", values: dict[str, Any] | None = None, stop: bool = True) -> Said:
        """The text, with its places filled in."""
        values = values or {}
        form = many if many and values["count"] != 1 else words
        text = form.format(**values) if values else form
        made = super().__new__(cls, text if stop else text.rstrip("."))
        made.words, made.many, made.values, made.stop = words, many, values, stop
        return made

    def __getnewargs__(self) -> tuple[str, str, dict[str, Any], bool]:
        """So that a copy, or what another process sends, is made of the same."""
        return self.words, self.many, self.values, self.stop


def mark(text: str) -> str:
    """A text that is translated later, where it is shown; gives it back as it is."""
    return text


def say(words: str, /, **values: Any) -> Said:
    """A text with places `{name}`, filled in as `str.format` does."""
    return Said(words, values=values)


def say_n(one: str, many: str, /, count: int, **values: Any) -> Said:
    """The same where the words depend on a number, which is filled in as `{count}`."""
    return Said(one, many, {"count": count, **values})


# How texts are joined in `one_after_another`.
SEMICOLON, COMMA = mark("{before}; {last}"), mark("{before}, {last}")
AND, OR = mark("{before} and {last}"), mark("{before} or {last}")


def one_after_another(texts: Sequence[str], joint: str = SEMICOLON) -> str:
    """Several texts in one; empty where there are none."""
    return functools.reduce(lambda before, last: say(joint, before=before, last=last), texts) if texts else ""


def without_stop(text: str) -> Said:
    """The same without the full stop at its end, to stand inside a sentence."""
    said = text if isinstance(text, Said) else Said(text)
    return Said(said.words, said.many, said.values, stop=False)


def first_sentence(words: str) -> str:
    """What is wrong, without what to do about it."""
    return words.split(". ")[0].rstrip(".") + "."


def to_plain(text: str) -> Any:
    """A text as JSON can hold it: its parts, where it has any."""
    if not isinstance(text, Said):
        return str(text)
    values = {name: to_plain(value) if isinstance(value, str) else value for name, value in text.values.items()}
    return {"words": text.words, "many": text.many, "values": values, "stop": text.stop}


def from_plain(plain: Any) -> str:
    """The text of which `to_plain` made this.

    Raises:
        TypeError, ValueError, LookupError: it is none.
    """
    if not isinstance(plain, dict):
        return str(plain)
    values = {
        name: from_plain(value) if isinstance(value, (str, dict)) else value for name, value in plain["values"].items()
    }
    return Said(str(plain["words"]), str(plain["many"]), values, bool(plain["stop"]))
