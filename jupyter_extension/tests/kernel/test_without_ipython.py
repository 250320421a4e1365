"""The package outside a notebook: in scripts, in engines, at import."""

from __future__ import annotations

import subprocess
import sys

from kernelside import PanelCluster

HEAVY = ("IPython", "ipyparallel", "jupyter_server", "mpi4py", "msgspec", "numpy", "psutil", "tornado", "zmq")


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def test_importing_is_cheap() -> None:
    code = f"import pxengines, sys; print([name for name in {HEAVY} if name in sys.modules])"
    assert run_python(code).stdout == "[]\n"


def test_connected_key_needs_nothing_and_is_none_when_nothing_is_connected() -> None:
    code = f"""
import pxengines, sys
print(pxengines.connected_key(), [name for name in {HEAVY} if name in sys.modules])
"""
    assert run_python(code).stdout == "None []\n"


def test_the_kernel_side_never_imports_the_server_side() -> None:
    code = """
import sys, pxengines.magics, pxengines.connection, pxengines.mpi
print([name for name in sys.modules if name.split(".")[0] in ("jupyterlab_engines", "jupyter_server")])
"""
    done = run_python(code)
    assert done.stdout == "[]\n", done.stderr


def test_connects_a_script(ready: PanelCluster) -> None:
    code = """
import pxengines
client = pxengines.connect("shared", timeout=60)
print(pxengines.connected_key(), client[:].apply_sync(lambda: 1))
client.close()
print(pxengines.connected_key())
"""
    done = run_python(code)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Connected to shared: 2 engines (one MPI world of 2, "), done.stderr
    assert lines[1:] == ["shared [1, 1]", "None"]


def test_a_script_gets_an_ordinary_exception(ready: PanelCluster) -> None:
    done = run_python("import pxengines; pxengines.connect('nothing')")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "pxengines.EnginesError: There is no cluster 'nothing'. Known clusters: shared."
    )
