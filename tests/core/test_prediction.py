import numpy as np
import pytest

from core import Prediction, SettingsError
from core.prediction import UNSURE_BELOW


def _prediction(**shares: float) -> Prediction:
    """A prediction with the given shares ("c284" = class 284); the rest is spread over the classes 300 to 999."""
    probabilities = np.zeros(1000)
    probabilities[300:] = (1 - sum(shares.values())) / 700
    for name, share in shares.items():
        probabilities[int(name[1:])] += share
    return Prediction(probabilities)


def test_top_is_sorted_and_named():
    top = _prediction(c284=0.3, c207=0.5).top(2)
    assert [(r.index, r.label) for r in top] == [(207, "golden retriever"), (284, "Siamese cat")]
    assert top[0].probability == pytest.approx(0.5)


def test_equal_probabilities_come_in_the_order_of_their_indices():
    assert [r.index for r in Prediction(np.full(1000, 0.001)).top(3)] == [0, 1, 2]


@pytest.mark.parametrize("count", [0, -1, 1001, 2.5, float("nan"), float("inf"), None, "5"])
def test_a_senseless_count_is_refused(count):
    with pytest.raises(SettingsError, match=f"whole number from 1 to 1000, not {count}"):
        _prediction(c1=1.0).top(count)


def test_species_sum_over_the_synsets_and_add_up_to_one():
    species = _prediction(c281=0.2, c285=0.1, c151=0.3, c268=0.1, c269=0.05, c286=0.05).species
    assert (species.cat, species.dog) == (pytest.approx(0.3), pytest.approx(0.4))
    assert species.cat + species.dog + species.neither == pytest.approx(1)


def test_the_breed_is_the_best_name_within_the_species():
    muzzled = _prediction(c676=0.35, c162=0.3, c166=0.25)
    assert muzzled.top(1)[0].label == "muzzle"
    assert muzzled.breed.label == "beagle"
    assert muzzled.headline.label == "beagle"


def test_a_cat_that_is_more_probable_than_any_dog_is_the_headline():
    attacked = _prediction(c284=0.2, c254=0.15, c262=0.19, c151=0.18)
    assert attacked.species.dog > 0.5
    assert attacked.headline.label == "Siamese cat"


def test_what_is_neither_cat_nor_dog_has_no_breed():
    assert _prediction(c162=0.3, c281=0.3).breed is None


def test_hesitating_between_breeds_is_not_being_unsure():
    spread = _prediction(**{f"c{index}": 0.05 for index in range(151, 167)})
    assert max(spread.probabilities) < UNSURE_BELOW
    assert spread.certainty == pytest.approx(0.8)
    assert not spread.unsure


def test_hesitating_between_things_is_being_unsure():
    assert _prediction(c400=0.2, c500=0.2, c600=0.2, c284=0.2).unsure


def test_the_dictionary_can_be_written_as_json():
    import json

    said = json.loads(json.dumps(_prediction(c284=0.9).as_dict(2)))
    assert set(said) == {"top", "cat", "dog", "neither", "unsure"}
    assert said["top"][0] == {"label": "Siamese cat", "index": 284, "probability": pytest.approx(0.9)}
