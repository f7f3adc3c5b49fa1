"""classify: what a network sees in each photo; backbones: the networks, and which are here."""

from __future__ import annotations

import argparse
import dataclasses
import sys
from typing import TYPE_CHECKING

import core
from core.commands.progress import print_json

if TYPE_CHECKING:
    from core.classifier import FileResult


def add_commands(commands: argparse._SubParsersAction) -> None:
    """Put the commands on the parser."""
    command = commands.add_parser("classify", help="what a network sees in each photo")
    command.add_argument("files", nargs="+", metavar="FILE")
    which = command.add_mutually_exclusive_group()
    which.add_argument("--backbone", default=core.DEFAULT_BACKBONE, metavar="NAME", help="default: %(default)s")
    which.add_argument("--run", dest="trained", metavar="RUN", help="a network that was trained here: see runs")
    command.add_argument("--top", type=int, default=5, metavar="N", help="how many classes to show (default: 5)")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.set_defaults(run=classify)

    command = commands.add_parser("backbones", help="the networks, and which are here")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.set_defaults(run=backbones)


def classify(options: argparse.Namespace) -> int:
    """Name what each photo shows."""
    if not 1 <= options.top <= 1000:
        raise core.SettingsError("--top must be from 1 to 1000, not {top}.", top=options.top)
    if options.trained:
        run = core.load_run(core.find_run(options.trained))
        classifier, said_by = run.classifier, {"backbone": run.classifier.backbone.name, "run": str(run.folder)}
    else:
        core.check_can_classify(options.backbone)
        classifier = core.Classifier(core.load_backbone(options.backbone))
        said_by = {"backbone": classifier.backbone.name}
    failed = False
    for result in core.predict_files(classifier, options.files):
        if result.error:
            failed = True
            print(f"{result.source}: {result.error}", file=sys.stderr)
        if options.json:
            print_json(_as_json(result, said_by, options.top))
        elif result.prediction:
            print(_as_text(result, options.top), flush=True)
    return 2 if failed else 0


def backbones(options: argparse.Namespace) -> int:
    """List the networks."""
    listings = core.list_backbones()
    if options.json:
        for listing in listings:
            print_json(dataclasses.asdict(listing))
        return 0
    print(f"{'name':26} {'network':20} {'millions':>8} {'px':>4}  {'here':5} {'from':13} licence of the weights")
    for listing in listings:
        here = "yes" if listing.here else "-"
        millions = listing.parameters / 1e6
        print(
            f"{listing.name:26} {listing.title:20} {millions:8.1f} {listing.input_px:4}  "
            f"{here:5} {listing.source:13} {listing.licence}"
        )
    return 0


def _as_json(result: FileResult, said_by: dict[str, str], top: int) -> dict:
    if result.prediction is None:
        return {"file": result.source, "error": str(result.error)}
    return {"file": result.source, **said_by, **result.prediction.as_dict(top), "seconds": result.seconds}


def _as_text(result: FileResult, top: int) -> str:
    prediction = result.prediction
    species = prediction.species
    lines = [f"{result.source}"]
    lines += [f"  {ranked.probability:6.1%}  {ranked.title}" for ranked in prediction.top(top)]
    if species is not None:
        lines.append(f"  cat {species.cat:.1%}, dog {species.dog:.1%}, neither {species.neither:.1%}")
    if prediction.unsure:
        lines.append(f"  unsure: even the strongest answer has only {prediction.certainty:.0%}")
    return "\n".join(lines)
