import pytest

from core import SettingsError, find_class
from core.imagenet import CATS, DOGS, classes


def test_labels_are_those_of_the_collections_file_names(shared):
    named = dict(path.stem.split("_", 1) for path in (shared / "data/imagenet-samples").glob("*.jpg"))
    assert {c.synset: c.label.replace(" ", "_") for c in classes()} == named


def test_cats_and_dogs_are_the_pets_and_not_their_wild_cousins():
    cats, dogs = ([classes()[index].label for index in members] for members in (CATS, DOGS))
    assert cats == ["tabby", "tiger cat", "Persian cat", "Siamese cat", "Egyptian cat"]
    assert (dogs[0], dogs[-1], len(dogs)) == ("Chihuahua", "Mexican hairless", 118)
    outside = {classes()[index].label for index in (150, 269, 280, 286)}
    assert outside == {"sea lion", "timber wolf", "grey fox", "cougar"}


def test_titles_are_unique_though_labels_are_not():
    assert len({c.label for c in classes()}) == 998
    assert len({c.title for c in classes()}) == 1000


@pytest.mark.parametrize("text", ["284", "n02123597", "Siamese cat", "siamese CAT", " siamese_cat ", "Siamese"])
def test_a_class_is_found_by_index_synset_or_any_name(text):
    assert find_class(text).index == 284


@pytest.mark.parametrize(("text", "index"), [("crane (bird)", 134), ("Crane (Machine)", 517), ("0", 0), ("999", 999)])
def test_twins_are_found_by_their_titles(text, index):
    assert find_class(text).index == index


def test_a_name_of_two_classes_ends_with_the_candidates():
    with pytest.raises(SettingsError, match=r"crane \(bird\) = 134, crane \(machine\) = 517"):
        find_class("crane")


def test_a_part_of_a_name_ends_with_the_candidates():
    with pytest.raises(SettingsError, match="golden retriever = 207"):
        find_class("golden ret")


@pytest.mark.parametrize("text", ["unicorn", "", "  ", "1000", "-1", "n99999999", "²"])
def test_a_name_that_fits_nothing_is_refused(text):
    with pytest.raises(SettingsError):
        find_class(text)
