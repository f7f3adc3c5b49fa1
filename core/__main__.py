"""The command line: python -m core COMMAND ...

    classify FILE... [--backbone NAME] [--top 5] [--json]    what a network sees in each photo
    backbones [--json]                                       the networks, and which are here

With --json, standard output holds one object a line and nothing else. Reasons go to standard error.
Exit codes: 0 fine; 2 something that the user can mend (also when only some files failed); 1 our own fault.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

# Read by huggingface_hub at its import: nobody is told what is used here.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import core

if TYPE_CHECKING:
    from core.classifier import FileResult


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = _parser().parse_args(arguments)
    sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    try:
        return options.run(options)
    except core.PetLensError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader went away, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception:
        traceback.print_exc()
        print("error: this is a fault of Pet Lens, not yours; please report it with the lines above.", file=sys.stderr)
        return 1


def classify(options: argparse.Namespace) -> int:
    """Name what each photo shows."""
    if not 1 <= options.top <= 1000:
        raise core.SettingsError(f"--top must be from 1 to 1000, not {options.top}.")
    core.check_can_classify(options.backbone)
    classifier = core.Classifier(core.load_backbone(options.backbone))
    failed = False
    for result in core.predict_files(classifier, options.files):
        if result.error:
            failed = True
            print(f"{result.source}: {result.error}", file=sys.stderr)
        if options.json:
            print(json.dumps(_as_json(result, classifier.backbone.name, options.top)), flush=True)
        elif result.prediction:
            print(_as_text(result, options.top), flush=True)
    return 2 if failed else 0


def backbones(options: argparse.Namespace) -> int:
    """List the networks."""
    listings = core.list_backbones()
    if options.json:
        for listing in listings:
            print(json.dumps(dataclasses.asdict(listing)))
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core", description="Pet Lens without the page.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("classify", help="what a network sees in each photo")
    command.add_argument("files", nargs="+", metavar="FILE")
    command.add_argument("--backbone", default=core.DEFAULT_BACKBONE, metavar="NAME", help="default: %(default)s")
    command.add_argument("--top", type=int, default=5, metavar="N", help="how many classes to show (default: 5)")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.set_defaults(run=classify)

    command = commands.add_parser("backbones", help="the networks, and which are here")
    command.add_argument("--json", action="store_true", help="one JSON object a line")
    command.set_defaults(run=backbones)
    return parser


def _as_json(result: FileResult, backbone: str, top: int) -> dict:
    if result.prediction is None:
        return {"file": result.source, "error": str(result.error)}
    said = result.prediction.as_dict(top)
    return {"file": result.source, "backbone": backbone, **said, "seconds": result.seconds}


def _as_text(result: FileResult, top: int) -> str:
    prediction = result.prediction
    species = prediction.species
    lines = [f"{result.source}"]
    lines += [f"  {ranked.probability:6.1%}  {ranked.title}" for ranked in prediction.top(top)]
    lines.append(f"  cat {species.cat:.1%}, dog {species.dog:.1%}, neither {species.neither:.1%}")
    if prediction.unsure:
        lines.append(f"  unsure: even the strongest answer has only {prediction.certainty:.0%}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
