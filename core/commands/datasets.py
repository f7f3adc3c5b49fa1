"""datasets: what there is to learn from; fetch: get one from the internet."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import core
from core.commands.progress import Progress, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.datasets.labelled import Dataset, Split


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Put the commands on the parser."""
    command = commands.add_parser("datasets", help="data sets that have names, and which are here")
    _add_data(command)
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.set_defaults(run=datasets)

    command = commands.add_parser("fetch", help="get a data set from the internet")
    command.add_argument("dataset", metavar="NAME")
    _add_data(command)
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.set_defaults(run=fetch)


def add_dataset_options(command: argparse.ArgumentParser, *, required: bool) -> None:
    """--dataset and --data, for commands that open one."""
    command.add_argument(
        "--dataset",
        required=required,
        metavar="DATASET",
        help="oxford-pets, oxford-pets-species, cats-vs-dogs, drawn-pets, or a FOLDER or ZIP of class folders",
    )
    _add_data(command)


def opened(source: str, data: Path | None, progress: Progress, splits: Sequence[Split] | None = None) -> Dataset:
    """Open a data set, and tell how far it is."""
    from core.datasets.labelled import SPLITS
    from core.datasets.opening import open_gradually

    with contextlib.closing(open_gradually(source, data=data, splits=splits or SPLITS)) as snapshots:
        for snapshot in snapshots:
            if snapshot.dataset is None:
                progress.tell(snapshot.phase, snapshot.done, snapshot.total)
    return snapshot.dataset


def datasets(options: argparse.Namespace) -> int:
    """List the data sets that have names."""
    listings = core.list_datasets(options.data)
    if options.json:
        for listing in listings:
            print_json(dataclasses.asdict(listing))
        return 0
    print(f"{'name':20} {'here':5} {'pictures':>8} {'classes':>7} {'to fetch':>9}  about")
    for listing in listings:
        here = "yes" if listing.here else "-"
        to_fetch = f"{listing.download_bytes / 1e6:,.0f} MB" if listing.download_bytes and not listing.here else "-"
        print(f"{listing.name:20} {here:5} {listing.pictures:8,} {listing.classes:7} {to_fetch:>9}  {listing.about}")
    return 0


def fetch(options: argparse.Namespace) -> int:
    """Get a data set from the internet."""
    from core.datasets.download import fetch_dataset
    from core.places import data_folder

    with contextlib.closing(Progress(as_json=options.json)) as progress:
        for snapshot in fetch_dataset(options.dataset, data=options.data or data_folder()):
            progress.tell(snapshot.phase, snapshot.received_bytes, snapshot.total_bytes)
    if not options.json:
        print(f"{options.dataset} is here now.")
    return 0


def _add_data(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the folder that holds oxford-iiit-pet/ and PetImages/ (default: PETLENS_DATA)",
    )
