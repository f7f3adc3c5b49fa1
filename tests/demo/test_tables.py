"""Tables to download: nothing in them is taken for a formula, and nothing else is changed."""

from __future__ import annotations

import csv
import os

import pytest

from demo.tables import plain_cell, write_table


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\N{NO-BREAK SPACE}=1", "＝1", "＠A"]
)
def test_a_formula_becomes_a_text(text):
    assert plain_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["a=1", "", "beagle", "犬", -1, -0.5, True, None])
def test_everything_else_stays(value):
    assert plain_cell(value) is value


def test_columns_are_guarded_too_and_a_row_may_lack_some():
    path = write_table(["name", "=evil"], [{"name": 'a, "b"', "=evil": -1.5}, {"name": "c"}])
    with open(path, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    os.unlink(path)
    assert rows == [["name", "'=evil"], ['a, "b"', "-1.5"], ["c", ""]]
