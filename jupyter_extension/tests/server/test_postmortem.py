"""From events and logs, as real MPIs wrote them, to the cause."""

from __future__ import annotations

import re
from typing import Any, get_args

import pytest

from jupyterlab_engines.api.models import Engine, FailureCode
from jupyterlab_engines.clusters import words
from jupyterlab_engines.clusters.postmortem import Death, Evidence, find_death, why_ended, words_for_status

HYDRA = """
===================================================================================
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   PID 16720 RUNNING AT vm
=   EXIT CODE: 11
=   CLEANING UP REMAINING PROCESSES
=   YOU CAN IGNORE THE BELOW CLEANUP MESSAGES
===================================================================================
YOUR APPLICATION TERMINATED WITH THE EXIT STRING: Segmentation fault (signal 11)
This typically refers to a problem with your application.
Please see the FAQ page for debugging suggestions
"""
HYDRA_EXIT = HYDRA.replace("EXIT CODE: 11", "EXIT CODE: 3").split("YOUR APPLICATION TERM")[0]
INTEL = """
===================================================================================
=   BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES
=   RANK 2 PID 4711 RUNNING AT node7.example.org
=   KILLED BY SIGNAL: 9 (Killed)
===================================================================================
"""
OPEN_MPI_5 = """--------------------------------------------------------------------------
prterun noticed that process rank 1 with PID 18978 on node vm exited on
signal 9 (Killed).
--------------------------------------------------------------------------
"""
OPEN_MPI_4 = "mpirun noticed that process rank 3 with PID 0 on node vm exited on signal 9 (Killed)."
OPEN_MPI_EXIT = """prterun detected that one or more processes exited with non-zero status,
thus causing the job to be terminated. The first process to do so was:

   Process name: [prterun-vm-14994@1,1]
   Exit code:    16
"""


@pytest.mark.parametrize(
    ("log", "death"),
    [
        (HYDRA, Death(None, 16720, "vm", -11)),
        (HYDRA_EXIT, Death(None, 16720, "vm", 3)),
        (INTEL, Death(2, 4711, "node7.example.org", -9)),
        (OPEN_MPI_5, Death(1, 18978, "vm", -9)),
        (OPEN_MPI_4, Death(3, None, "vm", -9)),
        (OPEN_MPI_EXIT, Death(1, None, None, 16)),
        ("all is well", None),
        ("", None),
    ],
)
def test_who_died(log: str, death: Death | None) -> None:
    assert find_death(log) == death


@pytest.mark.parametrize(
    ("status", "told"),
    [
        (0, "exit status 0"),
        (3, "exit status 3"),
        (-9, "signal 9 (SIGKILL)"),
        (-250, "signal 250"),
        (None, ""),
    ],
)
def test_a_status_in_words(status: int | None, told: str) -> None:
    assert words_for_status(status) == told


STARTED = [
    {"event": "job_started", "pid": 1},
    {"event": "controller_started", "pid": 2},
    {"event": "engines_started", "pid": 3, "mpi": "mpich"},
]


def engines_exited(status: int) -> list[dict[str, Any]]:
    stopping = {"event": "stopping", "reason": "engines_exited"}
    return [*STARTED, {"event": "engines_exited", "status": status}, stopping, {"event": "job_ended"}]


def evidence(events: list[dict[str, Any]], **changes: Any) -> Evidence:
    known = [Engine(engine_id=i, rank=i, host="vm", pid=100 + i, alive=True) for i in range(4)]
    given: dict[str, Any] = {
        "events": events,
        "logs": {},
        "engines": known,
        "engines_requested": 4,
        "registered_most": 4,
        "python": "/py",
        "was_ready": True,
        "stop_asked": False,
    }
    return Evidence(**{**given, **changes})


def code_of(evidence: Evidence) -> str | None:
    failure = why_ended(evidence)
    return None if failure is None else failure.code


def test_who_asked_gets_no_failure() -> None:
    assert code_of(evidence(engines_exited(9), stop_asked=True)) is None
    assert code_of(evidence([*STARTED, {"event": "stopping", "reason": "asked"}])) is None


@pytest.mark.parametrize("status", [-15, -2, 143, 130])
def test_mpiexec_ended_from_outside_is_a_stop(status: int) -> None:
    assert code_of(evidence(engines_exited(status))) is None


def test_the_rank_comes_from_the_process() -> None:
    log = HYDRA.replace("16720", "103")
    failure = why_ended(evidence(engines_exited(11), logs={"engines": log}))
    assert failure is not None
    assert failure.params == {"rank": "3", "host": "vm", "pid": "103", "status": "signal 11 (SIGSEGV)"}


def lost(**event: Any) -> list[dict[str, Any]]:
    first = {"event": "engine_lost", "rank": 2, "host": "n1", "pid": 102, "status": -9, **event}
    return [*STARTED, first, {"event": "stopping", "reason": "engine_lost"}]


def test_the_engine_that_was_seen_to_end_first_counts() -> None:
    failure = why_ended(evidence(lost(), logs={"engines": HYDRA}))
    assert failure is not None
    assert failure.code == "engine_died"
    assert failure.params == {"rank": "2", "host": "n1", "pid": "102", "status": "signal 9 (SIGKILL)"}


def test_an_engine_that_gave_up_at_the_start_points_to_the_log() -> None:
    failure = why_ended(
        evidence(lost(status=1), was_ready=False, registered_most=1, logs={"engines": "Boom"})
    )
    assert failure is not None
    assert (failure.code, failure.log_tail) == ("engines_exited", "Boom")
    assert failure.params["status"] == "exit status 1"


def test_an_engine_that_said_why_it_gave_up_is_believed() -> None:
    log = "pxengines: cannot start: mpi4py_missing No module named 'mpi4py'\n"
    assert code_of(evidence(lost(status=3), was_ready=False, logs={"engines": log})) == "mpi4py_missing"


def test_engines_that_all_left_in_order_were_asked_to() -> None:
    assert code_of(evidence(engines_exited(0))) is None


def test_an_engine_that_died_unknown() -> None:
    failure = why_ended(evidence(engines_exited(11), logs={"engines": HYDRA}, engines=[]))
    assert failure is not None
    assert failure.code == "engine_died"
    assert failure.params == {"rank": "", "host": "vm", "pid": "16720", "status": "signal 11 (SIGSEGV)"}


def test_engines_that_never_came() -> None:
    failure = why_ended(
        evidence(engines_exited(1), engines=[], registered_most=0, was_ready=False, logs={"engines": "Boom"})
    )
    assert failure is not None
    assert (failure.code, failure.log_tail) == ("engines_exited", "Boom")
    assert failure.params == {"engines": "4", "registered": "0", "status": "exit status 1"}


@pytest.mark.parametrize(
    ("log", "code"),
    [
        ("x\npxengines: cannot start: mpi4py_missing No module named 'mpi4py'\n", "mpi4py_missing"),
        ("pxengines: cannot start: mpi_library_missing cannot load MPI library", "mpi_library_missing"),
        ("pxengines: cannot start: no_such_code words", "engines_exited"),
        ("ModuleNotFoundError: No module named 'ipyparallel'", "ipyparallel_missing"),
        ("ModuleNotFoundError: No module named 'pxengines.engine'", "ipyparallel_missing"),
        ("RuntimeError: cannot load MPI library", "mpi_library_missing"),
        ("check_MPIR: Runtime environment uses unsupported PMI version PMIx. Aborting.", "mpi_world_split"),
    ],
)
def test_what_engines_say_at_the_start(log: str, code: str) -> None:
    given = evidence(engines_exited(1), engines=[], registered_most=0, was_ready=False, logs={"engines": log})
    assert code_of(given) == code


def test_the_same_words_in_a_ready_cluster_are_a_users_output() -> None:
    log = "ModuleNotFoundError: No module named 'ipyparallel'\n" + HYDRA.replace("16720", "103")
    assert code_of(evidence(engines_exited(11), logs={"engines": log})) == "engine_died"


def test_a_job_that_cannot_start() -> None:
    event = {"event": "cannot_start", "code": "mpiexec_missing", "params": {"mpiexec": "srun", "error": "?"}}
    failure = why_ended(evidence([STARTED[0], event, {"event": "job_ended"}]))
    assert failure is not None
    assert (failure.code, failure.params) == ("mpiexec_missing", {"command": "srun"})


def test_a_job_that_cannot_start_for_a_new_reason() -> None:
    failure = why_ended(
        evidence([STARTED[0], {"event": "cannot_start", "code": "new", "params": {"a": "b"}}])
    )
    assert failure is not None
    assert (failure.code, failure.params) == ("internal", {"detail": "new b"})


def test_a_controller_that_ended() -> None:
    events = [
        *STARTED,
        {"event": "controller_exited", "status": -9},
        {"event": "stopping", "reason": "controller_exited"},
    ]
    failure = why_ended(evidence(events, logs={"controller": "last words"}))
    assert failure is not None
    assert (failure.code, failure.params["status"]) == ("controller_exited", "signal 9 (SIGKILL)")
    assert failure.log_tail == "last words"


def test_a_job_without_last_words_was_killed() -> None:
    assert code_of(evidence(STARTED)) == "job_killed"


def test_a_job_that_never_spoke() -> None:
    failure = why_ended(evidence([], logs={"job": "Traceback: Boom"}))
    assert failure is not None
    assert (failure.code, failure.log_tail) == ("internal", "Traceback: Boom")


@pytest.mark.parametrize("code", get_args(FailureCode))
def test_every_code_has_words_and_described_parameters(code: FailureCode) -> None:
    may_be_unknown = {"detail", "status", "launcher", "library", "rank", "host", "pid", "sizes", "registered"}
    known = {name: f"<{name}>" for name in words.PARAMETERS[code] if name not in may_be_unknown}
    empty = words.failure(code, known)
    full = words.failure(code, {name: f"<{name}>" for name in words.PARAMETERS[code]}, "log")
    for worded in (empty, full):
        assert worded.message.endswith(".") and worded.next_step.endswith(".")
        assert not re.search(r"  |\(\)|: \.|None", worded.message + worded.next_step)
    for name in words.PARAMETERS[code]:
        if (code, name) not in {("mpi_world_mixed", "what"), ("engines_exited", "engines")}:
            assert f"<{name}>" in full.message + full.next_step
        assert f"``{name}``" in (words.__doc__ or "")
    assert code in (words.__doc__ or "")


def test_a_failure_carries_the_end_of_a_long_log() -> None:
    log = "\n".join(str(i) for i in range(1000))
    assert words.failure("job_killed", log_tail=log).log_tail.splitlines() == [
        str(i) for i in range(960, 1000)
    ]
