"""Tables to download, as CSV that a spreadsheet opens without computing anything in it."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

# What a formula begins with; some spreadsheets take the wide forms too.
_SIGNS = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}", "\N{FULLWIDTH PLUS SIGN}", "\N{FULLWIDTH COMMERCIAL AT}")


def write_table(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Write a new temporary file, which the caller deletes; returns its path.

    Texts are guarded (`plain_cell`), the columns' names too, which may come from a person as well; numbers stay
    numbers. A row may lack columns.
    """
    with tempfile.NamedTemporaryFile(
        "w", newline="", encoding="utf-8-sig", prefix="pet-lens-", suffix=".csv", delete=False
    ) as file:
        writer = csv.writer(file)
        writer.writerow([plain_cell(column) for column in columns])
        writer.writerows([plain_cell(row.get(column, "")) for column in columns] for row in rows)
    return file.name


def plain_cell(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula; what is no text stays as it is."""
    if isinstance(value, str) and (value.startswith(("\t", "\r", "\n")) or value.lstrip().startswith(_SIGNS)):
        return f"'{value}"
    return value
