"""Scripts from typed settings: their shape, and that no text of a user's becomes more than it should."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from profile_parts import DIALECTS, GIB, resources, settings

from jupyterlab_engines.api.models import ProfileSettings, Resources
from jupyterlab_engines.errors import BadSettings
from jupyterlab_engines.profiles.script import RenderedScript, render
from jupyterlab_engines.scheduler.base import Dialect

RUN_DIR = Path("/home/user/.ipython/profile_big one/pxengines/default")
NAMES = {"cluster": "pxe-cluster", "controller": "pxe-controller", "engines": "pxe-engines"}
PYTHON = ["/opt/the python/bin/python"]

dialects = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: d.name)


def made(
    of: ProfileSettings, asked: Resources, dialect: Dialect, engines: int = 8, run_dir: Path = RUN_DIR
) -> list[RenderedScript]:
    return render(
        of, engines=engines, resources=asked, dialect=dialect, run_dir=run_dir, names=NAMES, python=PYTHON
    )


def options(script: str) -> list[str]:
    return [line for line in script.split("\n") if line.lstrip().upper().startswith(("#PBS", "#SBATCH"))]


@dialects
def test_the_shape_of_a_script(dialect: Dialect) -> None:
    of = settings(
        directives=["-l place=excl", "-m ae"],
        prologue=["module load mpi", "\texport OMP_NUM_THREADS=1"],
    )
    asked = resources(
        queue="long", walltime_seconds=3600, engines_per_node=4, memory_bytes=2 * GIB, account="p1"
    )
    (script,) = made(of, asked, dialect)
    lines = script.text.split("\n")
    own = dialect.directives(asked, 8, "pxe-cluster")
    assert script.role == "cluster"
    assert lines == [
        "#!/bin/bash",
        *own,
        "#PBS -l place=excl",
        "#PBS -m ae",
        "umask 077",
        "module load mpi",
        "\texport OMP_NUM_THREADS=1",
        "exec env PYTHONSAFEPATH=pxengines '/opt/the python/bin/python' -m pxengines.job "
        "'/home/user/.ipython/profile_big one/pxengines/default' cluster",
        "",
    ]
    assert "#PBS -q long" in own and "#PBS -A p1" in own and "#PBS -N pxe-cluster" in own


@dialects
def test_one_script_for_each_job(dialect: Dialect) -> None:
    asked = resources(queue="long", memory_bytes=GIB, engines_per_node=4)
    roles = {
        placement: [s.role for s in made(settings(placement=placement), asked, dialect)]
        for placement in ("in_job", "own_job", "server")
    }
    assert roles == {"in_job": ["cluster"], "own_job": ["controller", "engines"], "server": ["engines"]}
    controller, engines = made(settings(placement="own_job"), asked, dialect)
    assert "#PBS -N pxe-controller" in controller.text and "#PBS -q long" in controller.text
    assert "mem=" not in controller.text, "the memory is for the engines"
    assert controller.text.endswith(" controller\n")
    assert "#PBS -N pxe-engines" in engines.text and engines.text.endswith(" engines\n")


def test_a_python_of_the_profile() -> None:
    (script,) = made(settings(python=["/sw/bin/python3", "-X", "dev"]), resources(), DIALECTS[0])
    assert "/sw/bin/python3 -X dev -m pxengines.job" in script.text
    assert "the python" not in script.text


@dialects
def test_the_script_runs_as_it_says(dialect: Dialect, tmp_path: Path) -> None:
    """The very text, by bash: the program is found, its arguments are whole, new files are private."""
    told = tmp_path / "told"
    program = tmp_path / "it's a $program"
    program.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$PYTHONSAFEPATH" "$(umask)" "$GREETING" "$@" > ' + shlex.quote(str(told))
    )
    program.chmod(0o700)
    run_dir = tmp_path / "run `id` $HOME 'dir'"
    of = settings(python=[str(program), "a b", "*"], prologue=["export GREETING='hello you'"])
    (script,) = made(of, resources(), dialect, run_dir=run_dir)
    done = subprocess.run(
        ["/bin/bash"], input=script.text.encode(), cwd="/", capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert told.read_text().split("\n") == [
        "pxengines", "0077", "hello you", "a b", "*", "-m", "pxengines.job", str(run_dir), "cluster", "",
    ]  # fmt: skip


def test_a_python_that_env_would_take_for_a_variable() -> None:
    with pytest.raises(BadSettings, match="a=b"):
        render(
            settings(),
            engines=1,
            resources=resources(),
            dialect=DIALECTS[0],
            run_dir=RUN_DIR,
            names=NAMES,
            python=["/opt/a=b/python"],
        )


NASTY = ["\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029", "\x00", "\u202e", "\x1b"]


@pytest.mark.parametrize("nasty", NASTY)
@pytest.mark.parametrize(
    "field",
    ["queue", "account", "prologue", "directives", "python", "mpiexec", "mpi_args", "controller_address"],
)
def test_nothing_unseen_gets_into_a_script(field: str, nasty: str) -> None:
    text = f"-l a=b{nasty}#PBS -q other"
    given: dict[str, Any] = {field: text if field in ("queue", "account", "controller_address") else [text]}
    of = settings(**given)
    with pytest.raises(BadSettings, match=field):
        made(of, of.resources, DIALECTS[0])


words = st.text(max_size=30) | st.sampled_from(
    ["#PBS -q other", "-l a=b\n#PBS -V", "-V", "--", "-lwalltime=9", "a\\", "'", '"', "`id`", "$(id)", "-q x"]
)


@hypothesis_settings(
    derandomize=True, max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@example(["-l a=b -V"], ["echo"], None, None, ["x"], RUN_DIR.name)
@example(["-l 'a=b\n#PBS -V'"], ["#PBS -q other"], "default", "x y", ["x\n"], RUN_DIR.name)
@given(
    st.lists(words, max_size=3),
    st.lists(words, max_size=3),
    st.none() | words,
    st.none() | words,
    st.lists(words, min_size=1, max_size=3),
    words,
)
def test_options_are_exactly_those_intended(
    directives: list[str],
    prologue: list[str],
    queue: str | None,
    account: str | None,
    python: list[str],
    folder: str,
) -> None:
    """Whatever the texts: a script is refused, or has the options of the batch system and the profile."""
    of = settings(directives=directives, prologue=prologue, python=python)
    asked = resources(queue=queue, account=account)
    for dialect in DIALECTS:
        try:
            (script,) = made(of, asked, dialect, run_dir=Path("/home/user") / folder.replace("/", "_"))
        except BadSettings as refusal:
            assert refusal.message
            continue
        lines = script.text.splitlines()
        assert lines == script.text.rstrip("\n").split("\n"), "no other kind of line end"
        own = dialect.directives(asked, 8, "pxe-cluster")
        assert options(script.text) == [*own, *(f"#PBS {line.strip()}" for line in directives)]
        assert lines[0] == "#!/bin/bash"
        at = 1 + len(own) + len(directives)
        assert lines[at] == "umask 077", "ends the options"
        assert lines[at + 1 : -1] == prologue
        run_dir = str(Path("/home/user") / folder.replace("/", "_"))
        assert shlex.split(lines[-1]) == [
            "exec", "env", "PYTHONSAFEPATH=pxengines", *python, "-m", "pxengines.job", run_dir, "cluster",
        ]  # fmt: skip
        allowed = {"-l", "-m", "-W", "-r", "-p", "-h", "-a", "-c", "-M", "-u", "-S", "-v", "-P", "-G"}
        for line in directives:
            given_options = {word[:2] for word in shlex.split(line) if word.startswith("-") and len(word) > 1}
            assert not given_options & {"-V", "-q", "-A", "-N", "-J", "-t", "-I", "-C", "-z"} or (
                given_options & allowed  # as the value of another option
            )
