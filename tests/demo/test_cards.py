"""What stands on a card, and that no text becomes markup."""

from __future__ import annotations

import numpy as np
import pytest

from core import Prediction
from demo import cards
from demo.jobs import Progress

EVIL = "<img src=x onerror=alert(1)>\"'&${alert(1)}`"


def _look(network: str = "Net", **shares: float) -> cards.Look:
    probabilities = np.zeros(1000)
    probabilities[300:] = (1 - sum(shares.values())) / 700
    for name, share in shares.items():
        probabilities[int(name[1:])] += share
    return cards.Look(network, "a licence", Prediction(probabilities), 0.002, 0.021)


def test_the_card_says_breed_probability_species_time_and_network():
    card = cards.result_card(_look(c162=0.79, c166=0.1))
    for text in (">beagle<", ">79 %<", "dog <b>89 %", "23 ms: reading 2, network 21", "Net says", "a licence"):
        assert text in card
    assert "pl-note" not in card


def test_what_is_almost_nothing_is_not_shown_as_zero():
    assert "&lt;1 %" in cards.result_card(_look(c162=0.999, c281=0.0001))


def test_an_unsure_network_says_how_that_is_judged():
    card = cards.result_card(_look(c400=0.2, c500=0.1))
    assert "Not sure at all: even its strongest answer gets only 20 %" in card
    assert "below 30%" in card


def test_a_sure_species_with_an_unsure_breed_is_said():
    assert "Quite surely a dog, but the breed is a guess" in cards.result_card(_look(c162=0.4, c166=0.4))
    attacked = cards.result_card(_look(c284=0.3, c162=0.26, c166=0.26))
    assert '<span class="pl-name">Siamese cat</span>' in attacked
    assert "Quite surely a dog" not in attacked
    assert "Quite surely a cat" in cards.result_card(_look(c281=0.4, c282=0.4))


def test_the_table_has_a_row_a_photo():
    table = cards.photo_table(
        [
            cards.photo_row("a.jpg", _look(c162=0.6, c676=0.3).prediction),
            cards.photo_row("b.jpg", _look(c400=0.2).prediction),
            cards.photo_row("c.jpg", None, "This file is empty."),
        ]
    )
    assert table.count("<tr>") == 4
    for text in ("beagle", "60 %", "dog 60 %", "unsure", "This file is empty."):
        assert text in table


def _own(*probabilities: float, names=("Ant", "Bee", "Wasp"), trained_on="Insects") -> cards.Look:
    prediction = Prediction(np.array(probabilities), tuple(names))
    return cards.Look("Net", "a licence", prediction, 0.002, 0.021, trained_on)


def test_a_run_of_ones_own_speaks_of_its_own_classes_only():
    card = cards.result_card(_own(0.1, 0.85, 0.05))
    for text in ("Net, trained on Insects, says", ">Bee<", "3 names known", ">Ant<", "10 %"):
        assert text in card
    assert "pl-species" not in card
    assert "pl-note" not in card


def test_an_unsure_run_says_that_it_has_no_other_names():
    card = cards.result_card(_own(0.3, 0.5, 0.2))
    assert "its strongest answer gets only 50 %" in card
    assert "none of the 3 things" in card
    assert "below 67%" in card


def test_the_table_of_a_run_shows_shares_and_no_species():
    table = cards.photo_table([cards.photo_row("a.jpg", _own(0.1, 0.85, 0.05).prediction)], species=False)
    assert ">Bee" in table
    assert "neither" not in table
    assert "width:85.00%" in table


@pytest.mark.parametrize(
    "card",
    [
        cards.photo_table([cards.photo_row(EVIL, None, EVIL)]),
        cards.photo_table([cards.photo_row(EVIL, _look(c162=0.6).prediction)]),
        cards.message_card(EVIL),
        cards.waiting_card(EVIL, 0.5),
        cards.result_card(_look(network=EVIL, c162=0.5)),
        cards.result_card(_own(0.9, 0.1, names=(EVIL, "b"), trained_on=EVIL)),
        cards.photo_table([cards.photo_row("a", _own(0.9, 0.1, names=(EVIL, "b")).prediction)], species=False),
    ],
)
def test_no_text_becomes_markup(card):
    assert "<img" not in card
    assert "&lt;img" in card


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "Waiting: place 2 in the queue"),
        (0.3, "Waiting: place 2 in the queue, about 5 s"),
        (43.0, "Waiting: place 2 in the queue, about 45 s"),
        (100.0, "Waiting: place 2 in the queue, about 2 min"),
    ],
)
def test_who_waits_reads_the_place_and_how_long_it_takes(seconds, words):
    assert cards.place_in_words(Progress("queued", 2, None, seconds)) == words
