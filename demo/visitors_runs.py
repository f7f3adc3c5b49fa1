"""The runs of a browser: it keeps their names, so that a reloaded page gets its runs back."""

from __future__ import annotations

import json
import logging

import gradio as gr

from core.errors import PetLensError
from demo.session import MAX_RUNS, Session, VisitorsRun
from demo.train_run import UnderWay, folder_of, is_token

logger = logging.getLogger(__name__)

# Whoever holds a token may see its run, and stop it, as with a link that nobody can guess; the secret only keeps the browser's copy
# readable after the server was started anew.
_STORAGE_KEY, _SECRET = "pet-lens-runs", "pet-lens"


def browser_runs() -> gr.BrowserState:
    """The tokens of the visitor's runs, kept by the browser."""
    return gr.BrowserState([], storage_key=_STORAGE_KEY, secret=_SECRET)


def sound_tokens(stored: object) -> list[str]:
    """What a browser says it keeps, checked: at most `MAX_RUNS` tokens, the newest ones."""
    if not isinstance(stored, list):
        return []
    return list(dict.fromkeys(token for token in stored[-MAX_RUNS:] if is_token(token)))


def tokens_to_keep(stored: object, session: Session, under_way: UnderWay) -> list[str]:
    """The tokens of the session's runs, with the one that is being trained, after those of other tabs whose runs are still
    there, or are about to be."""
    begun = under_way.token_of(session.training)
    own = [*(run.token for run in session.runs if run.token != begun), *([begun] if begun else [])]
    others = [
        token
        for token in sound_tokens(stored)
        if token not in own and (folder_of(token).is_dir() or under_way.find([token]))
    ]
    return [*others, *own][-MAX_RUNS:]


def read_runs(tokens: list[str], known: Session) -> list[VisitorsRun]:
    """The runs that are on the disk and sound; those that the session has already are left out."""
    runs = []
    for token in tokens:
        if known.run(token) is not None or not folder_of(token).is_dir():
            continue
        try:
            runs.append(_read(token))
        except PetLensError as error:
            logger.warning("the run %s is left out: %s", token, error)
    return runs


def _read(token: str) -> VisitorsRun:
    from core.evaluation import from_json
    from core.runs.storage import read_evaluation, read_history, read_record

    folder = folder_of(token)
    stored = read_evaluation(folder)
    return VisitorsRun(
        token=token,
        folder=folder,
        record=read_record(folder),
        history=read_history(folder),
        evaluation=None if stored is None else from_json(json.dumps(stored)),
    )
