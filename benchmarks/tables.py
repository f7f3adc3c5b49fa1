"""Write the tables of `docs/transfer.md`, `docs/classroom.md` and `docs/reliability.md` from the result files: no figure is typed by hand."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import report

TRANSFER, CLASSROOM, RELIABILITY = (
    report.PROJECT / "docs" / name for name in ("transfer.md", "classroom.md", "reliability.md")
)
NOT_MEASURED = "Not measured in full yet."
TITLES = {
    "cats-vs-dogs": "Cats vs Dogs",
    "oxford-pets-species": "Oxford pets, cat or dog",
    "oxford-pets": "Oxford pets, 37 breeds",
    "hymenoptera": "Ants and bees",
    "drawn-pets": "Drawn pets",
    "magnetic-tile": "Defects of magnetic tiles",
}


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    tables = {
        "transfer": _transfer(),
        "distance": _distance(),
        "few pictures": _few_pictures(),
        "networks": _networks(),
        "tuning": _tuning(),
        "views": _views(),
    }
    _write(TRANSFER, tables)
    _write(CLASSROOM, {"tricks": _tricks()})
    _write(
        RELIABILITY,
        {
            "classroom": _classroom(),
            "piled photos": _piled_photos(),
            "kills": _kills(),
            "faults": _faults(),
            "hostile": _hostile(),
        },
    )


def _write(path: Path, tables: dict[str, str]) -> None:
    page = path.read_text(encoding="utf-8")
    for name, table in tables.items():
        page = _with_table(page, name, table)
    path.write_text(page, encoding="utf-8")


def _with_table(page: str, name: str, table: str) -> str:
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
    place = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    page, found = place.subn(lambda _: f"{begin}{table}\n{end}", page)
    if not found:
        raise SystemExit(f"There is no place for the table {name}")
    return page


def _transfer() -> str:
    rows = []
    for name, ways in _figures("transfer")["new head"].items():
        usual = ways["default"]
        rows.append(
            [
                TITLES[name],
                usual["classes"],
                f"{usual['trained on']:,} / {usual['tested on']:,}",
                _percent(usual["guessing the largest class"]),
                f"{_percent(usual['accuracy'])} ({_percent(usual['balanced'])})",
                f"{_percent(ways['L-BFGS, cross-validated']['accuracy'])} ({_percent(ways['L-BFGS, cross-validated']['balanced'])})",
                _percent(ways["5 pictures a class"]["accuracy"]),
                _percent(ways["the classic bug: no input scaling"]["accuracy"]),
                ways["test pictures that resemble a training picture"],
            ]
        )
    heads = [
        "pictures",
        "classes",
        "train / test",
        "guessing",
        "new head",
        "L-BFGS, decay chosen",
        "5 a class",
        "the classic bug",
        "near-duplicates",
    ]
    return _table(heads, rows)


def _distance() -> str:
    networks = _figures("transfer_distance")["networks"].values()
    floors = [network["ImageNet photos from other ImageNet photos"] for network in networks]
    rows = [
        ["*ImageNet photos from others*", *(cell for floor in floors for cell in (f"{floor['distance']:.2f}", "", ""))]
    ]
    for name, title in TITLES.items():
        row = [title]
        for network in networks:
            found = network["data sets"][name]
            row += [f"{found['distance']:.2f}", _percent(found["accuracy"]), _percent(found["above guessing"])]
        rows.append(row)
    rows.sort(key=lambda row: float(row[1]))
    heads = ["pictures"]
    for network in networks:
        heads += [f"{network['title']}: distance", "accuracy", "above guessing"]
    return _table(heads, rows)


def _few_pictures() -> str:
    rows = [
        [count, f"{row['as measured']:.3f}", f"{row['distance']:.3f}", f"{row['spread of the distance']:.3f}"]
        for count, row in _figures("transfer_distance")["Oxford pets, few pictures"].items()
    ]
    return _table(["pictures", "as measured", "distance", "its spread"], rows)


def _networks() -> str:
    rows = [
        [
            title,
            f"{_percent(row['accuracy'])} ({_percent(row['interval'][0])} to {_percent(row['interval'][1])})",
            _percent(row["balanced"]),
            row["seconds to embed 1,000 pictures"],
            row["millions of parameters"],
            f"{row['MB of the process at most']:,}",
        ]
        for title, row in _figures("backbones")["networks"].items()
    ]
    return _table(
        ["network", "accuracy", "balanced", "s for 1,000 pictures", "million parameters", "MB of the process"], rows
    )


def _tuning() -> str:
    rows = []
    for title, name in (("pre-trained, fine-tuned", "finetune"), ("from random weights", "finetune.scratch")):
        figures = _figures(name)
        curve = " → ".join(
            f"{_percent(row['accuracy'])} at {row['seconds'] / 60:.0f} min" for row in _some(figures["curve"])
        )
        alone = figures["accuracy of the head alone"]
        rows.append(
            [
                title,
                _percent(alone) if alone else "",
                f"**{_percent(figures['accuracy'])}**",
                f"{figures['seconds'] / 60:.0f}",
                curve,
            ]
        )
    return _table(["start", "head alone", "accuracy", "minutes", "on every fourth test picture"], rows)


def _views() -> str:
    figures = _figures("head")
    theirs = figures["scikit-learn"]
    rows = [
        [
            name,
            _percent(row["cross-validated accuracy"]),
            _percent(row["test accuracy, L-BFGS"]),
            _percent(row["test accuracy, default settings"]),
            _percent(theirs[name]["test accuracy"]) if name in theirs else "",
            row["embedding seconds"],
        ]
        for name, row in figures["ours"].items()
    ]
    return _table(
        ["view", "cross-validated", "test, L-BFGS", "test, default settings", "test, scikit-learn", "s to embed"], rows
    )


def _tricks() -> str:
    figures = _figures("tricks")
    rows = []
    for token, row in figures["experiments"].items():
        seeds = row["seeds"].values()
        first, second = ([seed["accuracy"][side] for seed in seeds] for side in (0, 1))
        rows.append(
            [
                token.replace("-", " "),
                row["first"] or "the defaults",
                row["second"],
                ", ".join(map(_percent, first)),
                ", ".join(map(_percent, second)),
                ", ".join(seed["verdict"] for seed in seeds),
            ]
        )
    return _table(["trick", "first training", "second training", "first", "second", "verdict of each seed"], rows)


def _classroom() -> str:
    """A row for each thing asked; the parts of the benchmark are measured one by one."""
    rows: list[list[Any]] = []
    if once := _if_measured("classroom.classify"):
        asked = f"at most {once['p95 allowed, seconds']:.2f} s: 1.3 times that app's, and the looking"
        rows += [
            ["all classify at once: answered, of them wrongly", "all, 0", f"{once['answered']}, {once['wrong']}"],
            [
                "the same: throughput beside an app that only receives and answers",
                "at least 0.8",
                once["throughput, app / receiver"],
            ],
            ["the same: 95 of 100 answered within", asked, f"{once['p95, seconds']:.2f} s"],
        ]
    if busy := _if_measured("classroom.busy"):
        measured = f"{busy['p95, seconds']:.2f} s; {busy['wrong']}"
        rows.append(["the same, while one fine-tunes and one draws; wrongly answered", "at most 3 s; 0", measured])
    if mixed := _if_measured("classroom.mixed"):
        told = f"{mixed['errors']}, {mixed['mixed up']}, {mixed['told that the queue is full']}"
        grown = [mixed[name]["last / second"] for name in ("memory, GB", "threads", "open files")]
        rows += [
            [
                f"all tabs, {mixed['minutes']:.0f} minutes: errors, mixed up, told that the queue is full",
                "0, 0, any",
                told,
            ],
            [
                "the same: memory, threads, open files of the last minute beside the second",
                "at most 1.1",
                ", ".join(f"{value:.3f}" for value in grown),
            ],
        ]
    if rest := _if_measured("classroom.rest"):
        rows += [
            ["memory at rest with one network", "at most 1.0 GB", f"{rest['one network, GB']} GB"],
            ["memory at rest with a head in each page", "at most 1.5 GB", f"{rest['a head in each page, GB']} GB"],
        ]
    if left := _if_measured("classroom.left"):
        before, after = left["memory before, GB"], left["after, GB"]
        rows.append(
            [f"memory after {left['pages']} pages came and went", "as before", f"{after} GB, {before} GB before"]
        )
    if stop := _if_measured("classroom.stop"):
        ways = {name: row for name, row in stop.items() if isinstance(row, dict)}
        slowest = max(ways, key=lambda name: ways[name]["most"])
        measured = f"{ways[slowest]['most']:.2f} s ({slowest})"
        rows.append(["from Stop, or from leaving, to an idle processor: the slowest", "at most 1 s", measured])
    return _table(["thirty visitors", "asked", "measured"], rows) if rows else NOT_MEASURED


def _piled_photos() -> str:
    found = _figures("piled_photos")
    rows = [[way, f"{photos} photos a second"] for way, photos in found["photos a second"].items()]
    ratio = found["throughput, together / one after the other"]
    return _table(["thirty photos", "throughput"], [*rows, ["ratio", f"{ratio:.2f} (asked: 1.5)"]])


def _kills() -> str:
    found = _if_measured("kills")
    if found is None:
        return NOT_MEASURED
    rows = [[name, kills] for name, kills in found["of each"].items()]
    return _table(["killed during", "times"], [*rows, ["problems after the restart", len(found["problems"])]])


def _faults() -> str:
    found = _if_measured("faults")
    if found is None:
        return NOT_MEASURED
    rows = [
        [name, f"“{one['the visitor reads'].removeprefix('! ')}”", len(one["problems"])]
        for name, one in found["faults"].items()
    ]
    return _table(["what goes wrong", "the visitor reads", "problems"], rows)


def _hostile() -> str:
    pictures, calls = _figures("hostile_pictures"), _figures("past_the_page")
    rows = [
        ["files that are no good pictures, through the page's upload", pictures["files"]],
        ["answered with words, with a result", ", ".join(map(str, pictures["answered"].values()))],
        ["tracebacks", pictures["tracebacks"]],
        ["slowest answer", f"{pictures['slowest, seconds']:.2f} s"],
        [
            "memory before, at most",
            f"{pictures['memory before, GB']:.2f}, {pictures['memory at most, GB']:.2f} GB",
        ],
        ["calls past the page, of so many endpoints", f"{calls['calls']}, {calls['endpoints']}"],
        ["errors that nobody thought of", calls["errors that nobody thought of"]],
        ["addresses asked for on a visitor's behalf", calls["addresses asked for"]],
        ["problems", len(pictures["problems"]) + len(calls["problems"])],
    ]
    return _table(["what", "how many"], rows)


def _some(curve: Sequence[dict[str, Any]], most: int = 5) -> list[dict[str, Any]]:
    stride = max(1, -(-len(curve) // most))
    return [*curve[:-1:stride], curve[-1]]


def _figures(name: str) -> dict[str, Any]:
    return json.loads((report.RESULTS / f"{name}.json").read_text())["figures"]


def _if_measured(name: str) -> dict[str, Any] | None:
    return _figures(name) if (report.RESULTS / f"{name}.json").exists() else None


def _percent(share: float) -> str:
    return f"{share:.1%}".replace("%", " %")


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


if __name__ == "__main__":
    main()
