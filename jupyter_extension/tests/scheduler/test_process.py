"""Running commands: whatever they do, an answer comes and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from jupyterlab_engines.scheduler.answer import exit_status
from jupyterlab_engines.scheduler.base import Command, Completed, NoAnswer
from jupyterlab_engines.scheduler.process import query_environment, run, submit_environment

pytestmark = pytest.mark.asyncio
ENVIRON = query_environment(os.environ)


def descriptors() -> set[str]:
    """Return what this process has open, without the loop's own sockets and the like."""
    links = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            links.add(os.readlink(f"/proc/self/fd/{name}"))
        except OSError:
            continue
    return {link for link in links if link.startswith("pipe:") or "pidfd" in link}


@pytest.fixture(autouse=True)
def nothing_left(new_children: Callable[[], list[psutil.Process]]) -> Iterator[None]:
    before = descriptors()
    yield
    assert new_children() == []
    assert descriptors() <= before


def shell(script: str, *arguments: str, seconds: float = 60.0) -> Command:
    return Command(("sh", "-c", script, "sh", *arguments), seconds)


def wait_for(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.01)


async def until_gone(pid: int) -> None:
    """Wait until a process that is no child of ours has ended; a zombie that nobody reaps has."""

    def gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    await asyncio.to_thread(wait_for, gone)


async def until_written(path: Path) -> str:
    """Wait until a command has written a line into `path`; return it."""
    await asyncio.to_thread(wait_for, lambda: path.exists() and path.read_text().endswith("\n"))
    return path.read_text().strip()  # noqa: ASYNC240 - a small file that is there


async def test_gives_what_came_of_it() -> None:
    done = await run(shell("printf 'a\\377b'; echo no >&2; exit 7"), ENVIRON)
    assert (done.status, done.stdout, done.stderr) == (7, b"a\xffb", b"no\n")
    assert exit_status(done) == 7


async def test_has_no_input_and_no_terminal() -> None:
    done = await run(shell("cat; test -t 0 || echo none; ps -o sid= -p $$ | tr -d ' '; echo $$"), ENVIRON)
    none, session, own = done.stdout.decode().split()
    assert none == "none"
    assert session == own


async def test_arguments_are_not_for_a_shell() -> None:
    done = await run(Command(("printf", "%s|", "a b", "$(id)", ";x", "")), ENVIRON)
    assert done.stdout == b"a b|$(id)|;x||"


async def test_runs_in_the_folder(tmp_path: Path) -> None:
    done = await run(Command(("pwd", "-P"), cwd=tmp_path), ENVIRON)
    assert done.stdout.decode().strip().endswith(f"/{tmp_path.name}")


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    done = await run(Command(("true",), cwd=tmp_path / "no"), ENVIRON)
    assert done.missing
    with pytest.raises(NoAnswer, match=r"the folder .*no cannot be entered"):
        exit_status(done)


async def test_a_missing_program_is_told_in_words() -> None:
    done = await run(Command(("no-such-qstat", "-f")), ENVIRON)
    assert (done.missing, done.status) == (True, None)
    with pytest.raises(NoAnswer, match=r"no-such-qstat cannot be run: .*No such file"):
        exit_status(done)


async def test_a_file_that_is_no_program(tmp_path: Path) -> None:
    program = tmp_path / "qstat"
    program.write_text("text")
    for mode in (0o600, 0o700):
        program.chmod(mode)
        done = await run(Command((str(program),)), ENVIRON)
        assert done.missing


async def test_a_command_that_hangs_is_killed() -> None:
    done = await run(shell("echo begun; exec sleep 600", seconds=0.5), ENVIRON)
    assert (done.status, done.overflow, done.missing) == (None, False, False)
    with pytest.raises(NoAnswer, match="did not answer in time"):
        exit_status(done)


async def test_its_children_are_killed_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = 'trap "" TERM; sleep 600 & echo $! >"$1"; wait'
    loop = asyncio.get_running_loop()
    ahead = 0.0
    monkeypatch.setattr(loop, "time", lambda: time.monotonic() + ahead)
    task = asyncio.create_task(run(shell(script, str(tmp_path / "pid"), seconds=60), ENVIRON))
    child = int(await until_written(tmp_path / "pid"))
    assert psutil.pid_exists(child)
    ahead = 60.0  # its time is over when the child is there, however long that took
    done = await asyncio.wait_for(task, 30)
    assert done.status is None
    await until_gone(child)


async def test_a_process_in_the_background_keeps_nobody_waiting(tmp_path: Path) -> None:
    """OpenPBS's qsub leaves one; here it holds both pipes, and outlives the command."""
    script = 'sleep 600 & echo $! >"$1"; echo 16.server; echo note >&2'
    done = await run(shell(script, str(tmp_path / "pid")), ENVIRON)
    background = int(await until_written(tmp_path / "pid"))
    try:
        assert (done.status, done.stdout, done.stderr) == (0, b"16.server\n", b"note\n")
        assert psutil.Process(background).is_running()
    finally:
        os.kill(background, 9)
        await until_gone(background)


async def test_a_background_that_floods_keeps_nobody_waiting(tmp_path: Path) -> None:
    script = 'yes & echo $! >"$1"'
    done = await run(shell(script, str(tmp_path / "pid")), ENVIRON)
    assert done.status == 0
    await until_gone(int(await until_written(tmp_path / "pid")))  # nobody reads: SIGPIPE


@pytest.mark.parametrize("stream", ["1", "2"])
async def test_a_flood_is_stopped(stream: str) -> None:
    done = await run(shell(f"exec yes >&{stream}"), ENVIRON, max_stdout=100_000, max_stderr=100_000)
    assert (done.status, done.overflow) == (None, True)
    assert max(len(done.stdout), len(done.stderr)) == 100_000
    with pytest.raises(NoAnswer, match="more than is accepted"):
        exit_status(done)


async def test_as_much_as_is_accepted_is_no_flood() -> None:
    done = await run(shell("head -c 3000000 /dev/zero"), ENVIRON, max_stdout=3_000_000)
    assert (done.status, len(done.stdout), done.overflow) == (0, 3_000_000, False)


async def test_killed_by_a_signal() -> None:
    done = await run(shell("kill -SEGV $$"), ENVIRON)
    assert done.status == -11
    with pytest.raises(NoAnswer, match="ended by signal SIGSEGV"):
        exit_status(done)


async def test_closes_its_output_and_goes_on() -> None:
    done = await run(shell("exec >&- 2>&-; sleep 0.3; exit 4"), ENVIRON)
    assert done.status == 4


async def test_cancelled(tmp_path: Path, new_children: Callable[[], list[psutil.Process]]) -> None:
    script = 'sleep 600 & echo $! >"$1"; sleep 600'
    task = asyncio.create_task(run(shell(script, str(tmp_path / "pid")), ENVIRON))
    child = int(await until_written(tmp_path / "pid"))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert new_children() == []  # reaped before the cancellation went on
    await until_gone(child)


async def test_cancelled_again_while_it_is_ended(
    tmp_path: Path, new_children: Callable[[], list[psutil.Process]]
) -> None:
    task = asyncio.create_task(run(shell('echo $$ >"$1"; exec sleep 600', str(tmp_path / "pid")), ENVIRON))
    await until_written(tmp_path / "pid")
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert new_children() == []


async def test_many_at_once() -> None:
    commands = [shell(f"sleep 0.0{number % 7}; echo {number}") for number in range(40)]
    done = await asyncio.gather(*(run(command, ENVIRON) for command in commands))
    assert [int(one.stdout) for one in done] == list(range(40))


async def test_where_the_system_cannot_tell_of_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    done = await run(shell("sleep 0.1; echo x; exit 2"), ENVIRON)
    assert (done.status, done.stdout) == (2, b"x\n")
    assert (await run(shell("sleep 600", seconds=0.2), ENVIRON)).status is None


async def test_the_loop_goes_on_meanwhile() -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    await run(shell("sleep 0.5"), ENVIRON)
    ticking.cancel()
    assert ticks > 5


async def test_secrets_stay_here() -> None:
    environ = {**os.environ, "JUPYTERHUB_API_TOKEN": "s3cret", "JPY_API_TOKEN": "s3cret", "LC_ALL": "de_DE"}
    for make, locale in ((query_environment, "LC_ALL=C"), (submit_environment, "LC_ALL=de_DE")):
        done = await run(Command(("env",)), make(environ))
        assert b"s3cret" not in done.stdout
        lines = done.stdout.decode("utf-8", "replace").splitlines()
        assert locale in lines
        assert f"PATH={os.environ['PATH']}" in lines


async def test_works_beside_other_threads() -> None:
    """The server's loop runs in the main thread; the command's end must be seen in any."""
    result: list[Completed] = []

    def other() -> None:
        result.append(asyncio.run(run(shell("echo there"), ENVIRON)))

    thread = threading.Thread(target=other)
    thread.start()
    await asyncio.to_thread(thread.join)
    assert result[0].stdout == b"there\n"


async def test_python_is_found_by_the_path_given(tmp_path: Path) -> None:
    (tmp_path / "mine").symlink_to(sys.executable)
    done = await run(Command(("mine", "-c", "print('ok')")), {**ENVIRON, "PATH": str(tmp_path)})
    assert done.stdout == b"ok\n"
