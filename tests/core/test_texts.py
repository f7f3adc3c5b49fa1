"""Texts that keep their words and values apart are English everywhere else."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from core.texts import AND, Said, first_sentence, from_plain, one_after_another, say, say_n, to_plain, without_stop

TOLD = say("No {split} pictures of {names}.", split=say("test"), names=say_n("{count} cat", "{count} cats", 1200))


def parts(text: str) -> tuple:
    if not isinstance(text, Said):
        return (text,)
    values = {name: parts(value) if isinstance(value, str) else value for name, value in text.values.items()}
    return str(text), text.words, text.many, values, text.stop


def test_said_is_an_english_string():
    assert TOLD == "No test pictures of 1200 cats."
    assert say("A brace { without values") == "A brace { without values"
    assert json.dumps(say("{count} cats", count=2)) == '"2 cats"'


@pytest.mark.parametrize(("count", "english"), [(0, "0 cats"), (1, "one cat"), (2, "2 cats")])
def test_a_number_decides_the_form(count, english):
    assert say_n("one cat", "{count} cats", count) == english


@pytest.mark.parametrize(
    "copied",
    [
        copy.deepcopy,
        lambda text: pickle.loads(pickle.dumps(text)),
        lambda text: from_plain(json.loads(json.dumps(to_plain(text)))),
    ],
    ids=["copy", "pickle", "json"],
)
@pytest.mark.parametrize("text", [TOLD, without_stop(TOLD), say_n("{a} {", "{a} {count}", 2, a="{b}")])
def test_copies_keep_the_parts(copied, text):
    assert parts(copied(text)) == parts(text)


def test_plain_texts_stay_plain():
    assert to_plain("a link") == from_plain("a link") == "a link"


@pytest.mark.parametrize(
    "damaged", [{}, {"words": "a"}, {"words": "{a}", "many": "", "stop": True, "values": {"b": 1}}]
)
def test_what_is_no_text_is_refused(damaged):
    with pytest.raises((TypeError, ValueError, LookupError)):
        from_plain(damaged)


def test_texts_are_joined_cut_and_put_into_sentences():
    assert one_after_another([]) == ""
    assert one_after_another([say("a"), "b", say("c")]) == "a; b; c"
    assert one_after_another([say("a"), say("b")], AND) == "a and b"
    assert without_stop("Broken.") == without_stop(say("Broken.")) == "Broken"
    assert first_sentence("Broken. Save it again.") == "Broken." == first_sentence("Broken.")
