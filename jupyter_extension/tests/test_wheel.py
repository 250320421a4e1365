"""The wheel in an empty environment without Node: a working panel and engines, and no enable step."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

REPO = Path(__file__).resolve().parents[2]
VERSION: str = json.loads((REPO / "package.json").read_text(encoding="utf-8"))["version"]
KERNEL = "pxengines/mpi/libkernel.so"
SHARE = f"jupyterlab_engines-{VERSION}.data/data/share/jupyter/labextensions/jupyterlab-engines"
TOKEN = "for-this-test-only"
WAIT_SECONDS = 120

# An environment is installed once for all tests here.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree with the build tools of this environment."""
    folder = tmp_path_factory.mktemp("dist")
    run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, REPO],
        dict(os.environ),
    )
    (built,) = folder.glob("*.whl")
    return built


class Environment:
    """An empty virtual environment into which only the wheel, JupyterLab and MPI were installed."""

    def __init__(self, folder: Path) -> None:
        self.prefix = folder / "env"
        self.home = folder / "home"
        self.home.mkdir()
        self.bin = self.prefix / "bin"

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of its programs: no Node on PATH, nothing of the user's."""
        kept = {n: v for n, v in os.environ.items() if re.match(r"(PIP|SSL|REQUESTS|HTTPS?|NO|LC)_|LANG", n)}
        return {**kept, "HOME": str(self.home), "PATH": str(self.bin)}

    def run(self, program: str, *arguments: str | Path) -> str:
        """Return what one of its programs prints on both outputs."""
        return run([self.bin / program, *arguments], self.variables)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    """The environment with the wheel installed; nothing else was done to it."""
    environment = Environment(tmp_path_factory.mktemp("installed"))
    run([sys.executable, "-m", "venv", environment.prefix], environment.variables)
    constraints = REPO / "jupyter_extension" / "constraints.txt"
    environment.run(
        "python", "-m", "pip", "install", "--quiet", "--no-compile", "-c", constraints, f"{wheel}[lab,mpi]"
    )  # fmt: skip
    yield environment
    shutil.rmtree(environment.prefix)


@pytest.fixture(scope="module")
def server(installed: Environment) -> Iterator[Callable[..., Any]]:
    """JupyterLab of that environment; the fixture sends it a request and returns the decoded reply."""
    runtime = installed.home / "runtime"
    log = installed.home / "server.log"
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [
                installed.bin / "jupyter-lab",
                "--no-browser",
                "--allow-root",
                "--ServerApp.ip=127.0.0.1",
                "--ServerApp.port=0",
                f"--ServerApp.root_dir={installed.home}",
                f"--IdentityProvider.token={TOKEN}",
            ],
            env={**installed.variables, "JUPYTER_RUNTIME_DIR": str(runtime)},
            cwd=installed.home,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    info = runtime / f"jpserver-{process.pid}.json"

    def request(path: str, body: Any = None, method: str = "GET", decode: bool = True) -> Any:
        url = json.loads(info.read_text(encoding="utf-8"))["url"] + path
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"token {TOKEN}"}
        with urlopen(Request(url, data, headers, method=method), timeout=30) as reply:  # noqa: S310
            content = reply.read()
        return json.loads(content) if decode else content

    def answers() -> bool:
        assert process.poll() is None, f"JupyterLab ended:\n{log.read_text(encoding='utf-8')}"
        try:
            return bool(request("api/status"))
        except (OSError, ValueError, URLError):
            return False  # no runtime file yet, or not listening

    try:
        until(answers, "JupyterLab to answer")
        yield request
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


def run(command: list[str | Path], variables: dict[str, str]) -> str:
    """Run a program to its end and return what it printed; fail with that if it fails."""
    done = subprocess.run(
        command,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def until(condition: Callable[[], bool], what: str) -> None:
    """Return when `condition` holds; fail, naming `what` was awaited, if it never does."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def lines_about(name: str, text: str) -> str:
    """Return the lines of `text` that start with `name`, without colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return "\n".join(line for line in plain.splitlines() if line.strip().startswith(f"{name} "))


def test_contents(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        metadata = archive.read(f"jupyterlab_engines-{VERSION}.dist-info/METADATA").decode()
    assert len(names) == len(set(names))
    wanted = {
        "jupyterlab_engines/_version.py",
        "jupyterlab_engines/app.py",
        "pxengines/job.py",
        f"{SHARE}/install.json",
        f"{SHARE}/package.json",
        f"jupyterlab_engines-{VERSION}.data/data/etc/jupyter/jupyter_server_config.d/jupyterlab_engines.json",
    }
    assert wanted - {name if "/job/" not in name else "pxengines/job.py" for name in names} == set()
    assert any(re.fullmatch(rf"{re.escape(SHARE)}/static/remoteEntry\.\w+\.js", name) for name in names)
    tops = {name.split("/")[0] for name in names}
    assert tops == {"jupyterlab_engines", "pxengines"} | {
        f"jupyterlab_engines-{VERSION}.{kind}" for kind in ("data", "dist-info")
    }
    assert not [name for name in names if name.startswith("jupyterlab_engines/labextension")]
    assert not [name for name in names if "__pycache__" in name or "/tests/" in name]
    assert not [name for name in names if name.endswith(".c")]
    assert {"mpi", "lab"} <= set(re.findall(r"^Provides-Extra: (\w+)$", metadata, re.MULTILINE))


def test_the_compiled_kernel_makes_it_of_one_platform(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        compiled = KERNEL in archive.namelist()
        about = archive.read(f"jupyterlab_engines-{VERSION}.dist-info/WHEEL").decode()
    version, abi, platform = wheel.stem.split("-")[2:]
    # ctypes loads it: it fits every version of Python.
    assert (version, abi) == ("py3", "none")
    assert compiled == (platform != "any")
    assert f"Root-Is-Purelib: {str(not compiled).lower()}" in about
    # Where the tree could be compiled, so can the wheel.
    assert compiled == (REPO / "jupyter_extension" / KERNEL).exists()


def test_small_reductions_are_compiled_where_the_wheel_is(wheel: Path, installed: Environment) -> None:
    code = "from pxengines.mpi import lane_kernel; print(lane_kernel.kernel() is not None)"
    assert installed.run("python", "-c", code).strip() == str(not wheel.stem.endswith("-any"))


def test_exact_sums_are_compiled_where_the_wheel_is(wheel: Path, installed: Environment) -> None:
    code = "from pxengines.mpi import exact_kernel; print(exact_kernel.kernel() is not None)"
    assert installed.run("python", "-c", code).strip() == str(not wheel.stem.endswith("-any"))


def test_no_node_is_there(installed: Environment) -> None:
    assert shutil.which("node", path=installed.variables["PATH"]) is None


def test_frontend_is_enabled(installed: Environment) -> None:
    text = installed.run("jupyter-labextension", "list")
    assert f"v{VERSION} enabled OK" in lines_about("jupyterlab-engines", text), text
    # Two panels for one thing would confuse: ours takes the place of ipyparallel's.
    assert re.search(r" disabled OK", lines_about("ipyparallel-labextension", text)), text


def test_server_side_is_enabled(installed: Environment) -> None:
    text = installed.run("jupyter-server", "extension", "list")
    lines = lines_about("jupyterlab_engines", text)
    assert "jupyterlab_engines enabled" in lines, text
    assert f"jupyterlab_engines {VERSION} OK" in lines, text


def test_page_loads_the_frontend(server: Callable[..., Any]) -> None:
    page = server("lab", decode=False).decode()
    (config,) = re.findall(
        r'<script id="jupyter-config-data" type="application/json">(.*?)</script>', page, re.DOTALL
    )
    extensions = {entry["name"]: entry for entry in json.loads(config)["federated_extensions"]}
    entry = extensions["jupyterlab-engines"]
    script = server(f"lab/extensions/jupyterlab-engines/{entry['load']}", decode=False)
    assert b"jupyterlab-engines" in script
    assert server("jupyterlab-engines/server")["version"] == VERSION


def test_engines_start_and_stop(server: Callable[..., Any]) -> None:
    body = {"profile": "local", "engines": 2, "idempotency_key": "test-of-the-wheel"}
    server("jupyterlab-engines/clusters", body, "POST")

    def state() -> str:
        cluster = server("jupyterlab-engines/clusters/local")
        assert cluster["failure"] is None, cluster["failure"]
        return str(cluster["state"])

    until(lambda: state() == "ready", "two engines")
    assert server("jupyterlab-engines/clusters/local")["mpi"]["size"] == 2
    server("jupyterlab-engines/clusters/local/stop", method="POST")
    until(lambda: state() == "stopped", "the engines to stop")
