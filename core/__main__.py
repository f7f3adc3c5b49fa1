"""The command line: python -m core COMMAND ...

    classify FILE... [--backbone NAME | --run RUN]           what a network sees in each photo
    backbones                                                the networks, and which are here
    ascend --class CLASS --out PNG [--preset best]           what a network thinks that a class looks like
    attack PHOTO --out PNG [--target CLASS]                  change it unseen until the network reads that
    train --dataset DATASET [--method head|finetune|scratch] a network of one's own
    evaluate RUN --dataset DATASET [--split test]            how good it is on other pictures
    runs, export RUN, load ZIP                               what was trained; take it away; take it in
    datasets, fetch NAME                                     what there is to learn from; get it

With --json, standard output holds one object a line and nothing else. Reasons go to standard error.
Exit codes: 0 fine; 2 something that the user can mend (also when only some files failed); 1 our own fault.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

# Read by huggingface_hub at its import: nobody is told what is used here.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import core
from core.commands import ascend, attack, classify, datasets, runs, train


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    options = _options(sys.argv[1:] if arguments is None else arguments)
    sys.stdout.reconfigure(errors="backslashreplace")  # file names need not be text
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(message)s")
    try:
        return options.run(options)
    except core.PetLensError as error:
        _tell(error)
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


def _tell(error: core.PetLensError) -> None:
    """One line for the person. Of several processes, others than the first tell only what may be theirs alone."""
    rank = int(os.environ.get("RANK") or 0)
    if rank:
        from core.distributed import LostProcessError

        if isinstance(error, (LostProcessError, core.SettingsError)):
            return
    print(f"process {rank + 1}: error: {error}" if rank else f"error: {error}", file=sys.stderr)


class _Parser(argparse.ArgumentParser):
    """The parser of one command, which answers a wrong option with one line, not with all options that there are."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}. See {self.prog} --help\n")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = _parser()
    # settings become options only for the command that has them: their classes bring torch along, which takes seconds
    named = _commands(parser).get(next((word for word in arguments if not word.startswith("-")), ""))
    complete = named.get_default("complete") if named else None
    if complete:
        complete(named)
    options = parser.parse_args(arguments)
    options.arguments = tuple(arguments)
    return options


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m core", description="Pet Lens without the page.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for module in (classify, train, runs, datasets, ascend, attack):
        module.add_commands(commands)
    return parser


def _commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return next(action.choices for action in parser._actions if action.choices)


if __name__ == "__main__":
    sys.exit(main())
