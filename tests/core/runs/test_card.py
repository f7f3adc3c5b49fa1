"""The model card says what a person needs to know, and nothing of a run's texts becomes markup."""

from __future__ import annotations

import dataclasses

import pytest

from core.backbones.freezing import ViewSettings
from core.runs.card import model_card
from tests.core.runs.test_record import RECORD


def test_the_card_names_what_how_good_and_under_which_licence():
    measured = {
        "accuracy": 0.912,
        "accuracy_low": 0.893,
        "accuracy_high": 0.928,
        "top3": 0.99,
        "n": 1014,
        "split": "test",
    }
    card = model_card(dataclasses.replace(RECORD, metrics=measured))
    for said in (
        "# 猫 und Hunde",
        "1014 pictures of the test split",
        "| accuracy | 91.2 % (95 % interval 89.3 % to 92.8 %) |",
        "| собака | 4 | 2 |",
        "| **all** | 7 | 3 |",
        "Their licence: cc-by-nc-4.0",
        "license: cc-by-nc-4.0",
        "pictures of 96 pixels, and their mirror images",
        "python predict.py photo.jpg",
        "## Limits",
    ):
        assert said in card


def test_a_run_without_figures_says_so():
    assert "Not measured yet." in model_card(dataclasses.replace(RECORD, metrics={}))


def test_input_scaling_off_is_told():
    view = ViewSettings(input_scaling=False)
    assert "Input scaling was switched off" in model_card(dataclasses.replace(RECORD, view=view))


def test_texts_stay_texts():
    evil = "<script>alert(1)</script> [x](javascript:y) | **b** `c` ![i](u)"
    backbone = dataclasses.replace(RECORD.backbone, name=evil, title=evil, licence=evil)
    dataset = dataclasses.replace(RECORD.dataset, title=evil, about=evil)
    record = dataclasses.replace(
        RECORD,
        name=evil,
        class_names=(evil, "b"),
        backbone=backbone,
        dataset=dataset,
        settings={"x": evil},
        versions={"torch": evil},
        method="scratch",
    )
    front, body = model_card(record).split("---\n", 2)[1:]
    assert "<script" not in body
    for line in body.splitlines():
        if not line.startswith("    "):  # a block of code
            assert not [markup for markup in ("[x](", "**b**", "`c`") if markup in line]
    assert front.count("\n") == 5
    row = next(line for line in body.splitlines() if line.startswith("| &lt;script"))
    assert row.replace("\\|", "").count("|") == 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("- an item", "\\- an item"),
        ("1. an item", "1\\. an item"),
        ("=====", "\\====="),
        ("https://example.org", "https\\://example.org"),
        ("www.example.org", "www\\.example.org"),
        ("me@example.org", "me\\@example.org"),
        ("37 breeds: 12.5 a class", "37 breeds: 12.5 a class"),
    ],
)
def test_a_title_becomes_neither_list_nor_link(text, shown):
    dataset = dataclasses.replace(RECORD.dataset, title=text)
    assert f"\n{shown}.\n" in model_card(dataclasses.replace(RECORD, dataset=dataset))
