"""Many classes: each once, in batches for each processor, the same as alone, and stopped as one."""

from __future__ import annotations

import pytest

from core import runtime
from core.ascent.ascent import ascend
from core.ascent.settings import AscentSettings
from core.ascent.side_by_side import _split, ascend_side_by_side
from core.errors import SettingsError
from core.streams import last
from tests.core.ascent.conftest import bytes_of

QUICK = AscentSettings(steps=6, size_px=64)


@pytest.mark.parametrize(
    ("count", "candidates", "sizes"), [(1, 1, [1]), (3, 1, [2, 1]), (20, 1, [10, 10]), (21, 1, None)]
)
def test_batches_are_even_and_hold_every_class_once(monkeypatch, count, candidates, sizes):
    monkeypatch.setattr(runtime, "processor_count", lambda: 2)
    batches = _split(tuple(range(count)), candidates)
    assert [label for batch in batches for label in batch] == list(range(count))
    if sizes:
        assert sorted((len(batch) for batch in batches), reverse=True) == sizes
    else:
        assert sorted(len(batch) for batch in batches) == [5, 5, 5, 6]


def test_several_candidates_make_smaller_batches(monkeypatch):
    monkeypatch.setattr(runtime, "processor_count", lambda: 2)
    assert max(len(batch) for batch in _split(tuple(range(9)), 4)) == 2


def test_each_class_is_drawn_once_as_its_batch_is_alone(small):
    batches = last(ascend_side_by_side(small, [3, 5, 3, 8], QUICK))
    assert [label for batch in batches for label in batch.labels] == [3, 5, 8]
    assert all(batch.share_done == 1 and batch.snapshot.stopped_by == "steps" for batch in batches)
    for batch in batches:
        assert bytes_of(batch.snapshot) == bytes_of(last(ascend(small, batch.labels, QUICK)))


def test_the_seconds_are_those_of_all(small):
    settings = AscentSettings(steps=10_000, size_px=64)
    batches = last(ascend_side_by_side(small, list(range(25)), settings, max_seconds=1.5))
    assert all(batch.snapshot.stopped_by == "time" for batch in batches)
    assert sum(batch.snapshot.seconds for batch in batches) < 1.5 * runtime.processor_count() + 5


def test_who_looks_away_ends_the_work(small):
    stream = ascend_side_by_side(small, [3, 5], AscentSettings(steps=10_000, size_px=64))
    next(stream)
    stream.close()
    with pytest.raises(StopIteration):
        next(stream)


def test_what_goes_wrong_in_one_batch_is_told(small):
    with pytest.raises(SettingsError, match="not one of"):
        last(ascend_side_by_side(small, [3, 5000], QUICK))
    with pytest.raises(SettingsError, match="no photo"):
        last(ascend_side_by_side(small, [3, 5], AscentSettings(steps=2, start="photo")))
