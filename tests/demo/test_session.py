import threading
import time

import pytest

from demo.jobs import Job, Pool
from demo.session import MAX_RESULTS, Sessions
from tests.waiting import until


def _job() -> Job:
    return Job(lambda: iter([1]))


def _stopped(job: Job) -> bool:
    return job._stop.is_set()


def test_a_new_job_stops_the_visitors_old_one_and_nobody_elses():
    sessions = Sessions(10)
    mine, yours, next_one = _job(), _job(), _job()
    sessions.start("me", mine)
    sessions.start("you", yours)
    sessions.start("me", next_one)
    assert [_stopped(job) for job in (mine, yours, next_one)] == [True, False, False]


def test_leaving_stops_the_job_and_frees_the_session():
    sessions = Sessions(10)
    job = _job()
    sessions.start("me", job)
    sessions.forget("me")
    assert _stopped(job)
    assert len(sessions) == 0


def _learning(pool):
    """A training that never ends by itself, and is under way."""
    begun = threading.Event()

    def learn():
        while True:
            begun.set()
            time.sleep(0.01)
            yield 1

    job = pool.submit(learn)
    assert begun.wait(10)
    return job


@pytest.fixture
def pool():
    return Pool("test", threads=1, max_waiting=3)


def test_a_training_goes_on_for_a_while_with_the_pictures_that_it_learns_from(pool, tmp_path):
    sessions, training, drawing = Sessions(10, grace_seconds=1.0), _learning(pool), _job()
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    sessions.start("me", training, kind="training")
    sessions.start("me", drawing, kind="drawing")
    sessions.change("me", folder=pictures)
    sessions.forget("me")
    assert _stopped(drawing)
    assert not _stopped(training)
    assert pictures.is_dir()
    until(lambda: training.state == "stopped" and not pictures.exists())


def test_a_training_that_another_page_has_taken_over_goes_on(pool):
    sessions, training = Sessions(10, grace_seconds=0.1), _learning(pool)
    sessions.start("before", training, kind="training")
    sessions.forget("before")
    sessions.start("after", training, kind="training")
    time.sleep(0.5)
    assert training.state == "running"
    sessions.forget("after")
    until(lambda: training.state == "stopped")


def test_a_training_that_waits_gives_its_place_up_when_nobody_comes_back(pool):
    sessions, running = Sessions(10, grace_seconds=0.1), _learning(pool)
    waiting = pool.submit(lambda: iter([1]))
    sessions.start("me", waiting, kind="training")
    sessions.forget("me")
    until(lambda: waiting.state == "stopped")
    assert pool.submit(lambda: iter([1])).place == 1
    running.stop()


def test_the_longest_idle_visitor_makes_room():
    sessions = Sessions(2)
    jobs = [_job() for _ in range(3)]
    sessions.start("a", jobs[0])
    sessions.start("b", jobs[1])
    sessions.get("a")
    sessions.start("c", jobs[2])
    assert len(sessions) == 2
    assert [_stopped(job) for job in jobs] == [False, True, False]


def test_strangers_have_an_empty_session_and_nothing_to_stop():
    sessions = Sessions(2)
    sessions.stop("nobody")
    sessions.forget("nobody")
    assert sessions.get("nobody").job is None
    assert len(sessions) == 0


def test_a_finished_job_is_let_go_unless_another_took_its_place():
    sessions = Sessions(2)
    old, new = _job(), _job()
    sessions.start("me", old)
    sessions.start("me", new)
    sessions.finish("me", old)
    assert sessions.get("me").job is new
    sessions.finish("me", new)
    assert sessions.get("me").job is None


def test_turns_are_counted_for_each_visitor():
    sessions = Sessions(2)
    assert [sessions.next_turn(key) for key in ("me", "you", "me")] == [1, 1, 2]
    sessions.start("me", _job())
    assert sessions.get("me").turn == 2


def test_an_answer_to_an_older_turn_is_not_remembered():
    sessions = Sessions(2)
    late, now = sessions.next_turn("me"), sessions.next_turn("me")
    sessions.answer("me", late, ("old",))
    assert sessions.get("me").cards is None
    sessions.answer("me", now, ("new",))
    assert sessions.get("me").cards == ("new",)
    sessions.next_turn("me")
    assert sessions.get("me").cards is None


def test_ideal_images_are_kept_for_pages_that_are_there_and_not_for_too_many():
    sessions = Sessions(200)
    sessions.keep_result("gone", ideal="picture")
    assert len(sessions) == 0
    for number in range(MAX_RESULTS + 2):
        sessions.change(str(number), shown="x")
        sessions.keep_result(str(number), ideal="picture")
    kept = [sessions.get(str(number)).ideal for number in range(MAX_RESULTS + 2)]
    assert kept == [None, None] + ["picture"] * MAX_RESULTS
