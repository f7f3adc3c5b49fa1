"""runs: what was trained; export: take one away; load: take one in."""

from __future__ import annotations

import argparse
from pathlib import Path

import core
from core.commands.progress import print_json


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Put the commands on the parser."""
    command = commands.add_parser("runs", help="what was trained")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.set_defaults(run=runs)

    command = commands.add_parser("export", help="a run as one file that works elsewhere")
    command.add_argument("trained", metavar="RUN", help="a folder, or a name that runs lists")
    command.add_argument(
        "--format", choices=("zip", "onnx"), default="zip", help="zip: network, head and predict.py (default)"
    )
    command.add_argument("--out", type=Path, metavar="FILE", help="a file or a folder; default: this folder")
    command.add_argument("--json", action="store_true", help="one JSON object")
    command.set_defaults(run=export)

    command = commands.add_parser("load", help="take in a run that was exported as zip")
    command.add_argument("zip", type=Path, metavar="ZIP")
    command.add_argument("--json", action="store_true", help="one JSON object")
    command.set_defaults(run=load)


def runs(options: argparse.Namespace) -> int:
    """List the runs, the newest first."""
    found = core.list_runs()
    if not found and not options.json:
        print("There are no runs yet: python -m core train --dataset drawn-pets")
    for folder, record in found:
        if options.json:
            print_json(
                {
                    "run": str(folder),
                    "name": record.name,
                    "state": record.state,
                    "method": record.method,
                    "dataset": record.dataset.name,
                    "backbone": record.backbone.name,
                    "created": record.created,
                    **record.metrics,
                }
            )
            continue
        accuracy = f"{record.metrics['accuracy']:7.1%}" if "accuracy" in record.metrics else "      -"
        state = "" if record.state == "finished" else " (not finished)"
        print(f"{folder.name:40} {accuracy}  {record.name}{state}")
    return 0


def export(options: argparse.Namespace) -> int:
    """Write a run as one file."""
    from core.runs.archive import zip_run
    from core.runs.onnx import export_onnx

    folder = core.find_run(options.trained)
    out = options.out or Path()
    if out.is_dir():
        out = out / f"{folder.resolve().name}.{options.format}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise core.CheckpointError(
            "The folder {name} cannot be made for it: {value}.",
            name=out.parent.name,
            value=error.strerror or "the disk refuses",
        ) from error
    written = (zip_run if options.format == "zip" else export_onnx)(folder, out)
    if options.json:
        print_json({"run": str(folder.resolve()), "file": str(written.resolve()), "bytes": written.stat().st_size})
    else:
        print(written)
    return 0


def load(options: argparse.Namespace) -> int:
    """Take in a run from a zip."""
    from core.places import runs_folder
    from core.runs.archive import open_zip
    from core.runs.storage import read_record

    folder = open_zip(options.zip, runs_folder())
    record = read_record(folder)
    if options.json:
        print_json({"run": str(folder), "name": record.name})
    else:
        print(folder)
        print(f"To use it: python -m core classify photo.jpg --run {folder.name}")
    return 0
