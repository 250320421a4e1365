"""When a job of a cluster is asked for, and what its readings mean. Pure."""

from __future__ import annotations

from simulated_job import a_job

from jupyterlab_engines.jobs.follow import Followed, Gone, Pace, Present, Sighting, Unknown

PACE = Pace()
JOB = a_job("1.server")


def follow() -> tuple[Followed, list[Sighting], list[str]]:
    seen: list[Sighting] = []
    woken: list[str] = []
    return Followed("1.server", seen.append, PACE, lambda: woken.append("!"), 0.0), seen, woken


def test_one_reading_without_the_job_says_nothing() -> None:
    followed, seen, _ = follow()
    followed.missing(0.0)
    assert seen == []
    assert followed.due == PACE.confirm


def test_two_readings_without_the_job_say_that_it_is_gone() -> None:
    followed, seen, _ = follow()
    followed.missing(0.0)
    followed.missing(2.0)
    assert seen == [Gone()]


def test_a_reading_with_the_job_between_two_without_begins_anew() -> None:
    followed, seen, _ = follow()
    followed.missing(0.0)
    followed.present(JOB, 2.0, watched=True)
    followed.missing(4.0)
    assert seen == [Present(JOB)]


def test_silence_is_never_an_end() -> None:
    followed, seen, _ = follow()
    now = 0.0
    for _ in range(500):
        followed.unknown(now, 7.0, "no route to host")
        now = followed.due
    assert seen == [Unknown(7.0, "no route to host")] * 500


def test_silence_between_two_readings_without_the_job_proves_nothing_of_its_own() -> None:
    followed, seen, _ = follow()
    followed.missing(0.0)
    followed.unknown(2.0, 2.0, "down")
    assert Gone() not in seen
    followed.missing(8.0)
    assert seen[-1] == Gone()


def test_failures_are_retried_ever_more_slowly() -> None:
    followed, _, _ = follow()
    now, waits = 0.0, []
    for _ in range(8):
        followed.unknown(now, 0.0, "")
        waits.append(followed.due - now)
        now = followed.due
    assert waits == [5.0, 10.0, 20.0, 40.0, 75.0, 75.0, 75.0, 75.0]
    followed.present(JOB, now, watched=True)
    followed.unknown(now, now, "")
    assert followed.due - now == PACE.retry


def test_asked_often_for_two_minutes_then_backing_off() -> None:
    followed, _, _ = follow()
    now, waits = 0.0, []
    while now < 3600:
        followed.present(JOB, now, watched=True)
        waits.append(followed.due - now)
        now = followed.due
    assert waits[:60] == [PACE.fast] * 60
    assert waits[60:] == sorted(waits[60:])
    assert waits[-1] == PACE.slow
    assert len(waits) < 120


def test_slower_yet_while_nobody_watches() -> None:
    followed, _, _ = follow()
    followed.calm()
    followed.present(JOB, 0.0, watched=False)
    assert followed.due == PACE.idle
    followed.present(JOB, 0.0, watched=True)
    assert followed.due == PACE.slow


def test_hurried_it_is_asked_soon_and_the_watch_is_woken() -> None:
    followed, _, woken = follow()
    followed.calm()
    followed.present(JOB, 0.0, watched=False)
    followed.hurry(10.0)
    assert followed.due == 10.0 + PACE.fast
    assert woken
    followed.present(JOB, 12.0, watched=False)
    assert followed.due == 12.0 + PACE.fast
