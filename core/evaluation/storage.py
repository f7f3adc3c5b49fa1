"""An evaluation as JSON and back, so that a stored run shows its matrix again without its network.

Labels, answers and ranks are kept exactly, probabilities as float16: all counted figures come back as they were, and
the calibration error within 0.001. 1,000 pictures of 37 classes take 110 kB.
"""

from __future__ import annotations

import base64
import json

import numpy as np

from core.errors import CheckpointError, PetLensError
from core.evaluation.figures import Evaluation, evaluate

FORMAT = 1


def to_json(evaluation: Evaluation) -> str:
    """The evaluation as one JSON object."""
    probabilities = np.ascontiguousarray(evaluation.probabilities, dtype="<f2")
    return json.dumps(
        {
            "format": FORMAT,
            "class_names": list(evaluation.class_names),
            "labels": evaluation.labels.tolist(),
            "said": evaluation.said.tolist(),
            "rank": evaluation.rank.tolist(),
            "probabilities": base64.b64encode(probabilities.tobytes()).decode("ascii"),
        },
        ensure_ascii=False,
    )


def from_json(text: str) -> Evaluation:
    """What `to_json` wrote. The text may come from anywhere: everything in it is checked.

    Raises:
        CheckpointError: it is damaged, or something else.
    """
    try:
        stored = json.loads(text)
        if not isinstance(stored, dict) or stored.get("format") != FORMAT:
            raise CheckpointError("This is no evaluation of format {format}. Evaluate the run again.", format=FORMAT)
        return _restored(stored)
    except CheckpointError:
        raise
    # RecursionError: lists in lists, thousands deep. binascii.Error is a ValueError
    except (PetLensError, ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise CheckpointError("This stored evaluation is damaged. Evaluate the run again.") from error


def _restored(stored: dict) -> Evaluation:
    names = stored["class_names"]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError("class names must be texts")
    labels, said, rank = (_whole_numbers(stored[key], len(names)) for key in ("labels", "said", "rank"))
    if not len(labels) == len(said) == len(rank) or ((rank == 0) != (said == labels)).any():
        raise ValueError("answers and ranks do not fit the labels")
    content = base64.b64decode(stored["probabilities"], validate=True)
    probabilities = np.frombuffer(content, dtype="<f2").reshape(len(labels), len(names)).astype(np.float32)
    checked = evaluate(labels, probabilities, names)
    # float16 makes near probabilities equal, so answers and ranks are read, not computed again; it turns no order round
    chosen, true = (checked.probabilities[np.arange(len(labels)), one][:, None] for one in (said, labels))
    more, at_least = ((checked.probabilities > true).sum(axis=1), (checked.probabilities >= true).sum(axis=1))
    if (checked.probabilities > chosen).any() or (rank < more).any() or (rank >= at_least).any():
        raise ValueError("answers or ranks do not fit the probabilities")
    return Evaluation(checked.class_names, checked.labels, checked.probabilities, said, rank)


def _whole_numbers(values: object, limit: int) -> np.ndarray:
    if not isinstance(values, list) or not all(type(value) is int and 0 <= value < limit for value in values):
        raise ValueError("not whole numbers in their range")
    return np.array(values, dtype=np.int64)
