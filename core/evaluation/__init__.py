"""How good a trained network is, and where it goes wrong: figures from labels and probabilities.

Knows no network, no picture and no data set: only arrays. The index of a picture is its row.
"""

from core.evaluation.calibration import Calibration, CalibrationBin
from core.evaluation.figures import ClassFigures, ConfusedPair, Evaluation, evaluate
from core.evaluation.intervals import wilson_interval
from core.evaluation.storage import from_json, to_json

__all__ = [
    "Calibration",
    "CalibrationBin",
    "ClassFigures",
    "ConfusedPair",
    "Evaluation",
    "evaluate",
    "from_json",
    "to_json",
    "wilson_interval",
]
