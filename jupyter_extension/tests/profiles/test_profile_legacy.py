"""Profiles made by hand for ipyparallel's launchers, as users have had them for years."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from profile_parts import DIALECTS

from jupyterlab_engines.errors import BadSettings
from jupyterlab_engines.profiles.legacy import LegacyProfile, NotLegacy, read_legacy, render_legacy
from jupyterlab_engines.profiles.legacy_config import Unread, read_config

CENTRE = Path(__file__).parents[1] / "data" / "profiles" / "profile_pbs_legacy"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The centre's profile in a folder of the test's own."""
    return Path(shutil.copytree(CENTRE, tmp_path / "profile_pbs"))


def script(profile: LegacyProfile, role: Any = "engines", n: int = 16, **given: Any) -> str:
    asked: dict[str, Any] = {
        "queue": None,
        "cluster_id": "",
        "python": ["/opt/python"],
        "output": profile.path / "pxengines" / "default" / "engines.log",
        "dialect": DIALECTS[0],
    }
    return render_legacy(profile, role, n, **{**asked, **given})


def config(folder: Path, text: str, file: str = "ipcluster_config.py") -> None:
    (folder / file).write_text(text)


def test_the_centres_profile_works_untouched(folder: Path) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    profile = read_legacy(folder)
    assert profile.problem is None
    assert (profile.placement, profile.controller.kind, profile.engines.kind) == ("own_job", "pbs", "pbs")
    assert (profile.ip, profile.n, profile.resources.queue) == ("*", None, "default")
    assert script(profile, queue="long") == (
        "#!/bin/sh\n"
        "#PBS -N ipython_engine\n"
        "#PBS -q long\n"
        "#PBS -l nodes=2:ppn=8\n"
        "#PBS -l walltime=01:00:00\n"
        "#PBS -j oe\n"
        "\n"
        "cd $PBS_O_WORKDIR\n"
        f'mpiexec -n 16 ipengine --mpi --profile-dir={folder} --cluster-id=""\n'
    )
    controller = script(profile, "controller", cluster_id="two")
    assert "#PBS -N ipython_controller\n#PBS -q default\n" in controller
    assert controller.endswith(f'ipcontroller --profile-dir={folder} --cluster-id="two"\n')
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_old_keys_are_told_with_what_replaces_them(folder: Path) -> None:
    notes = read_legacy(folder).notes
    assert len(notes) == 7
    for words in (
        "c.IPClusterStart.delay in ipcluster_config.py has no effect and needs no replacement",
        "c.IPClusterEngines.early_shutdown",
        "c.HubFactory.ip in ipcontroller_config.py is c.IPController.ip today; the old name still works",
        "c.EngineFactory.timeout in ipengine_config.py is c.IPEngine.timeout today",
        "c.IPEngineApp.wait_for_url_file in ipengine_config.py is c.IPEngine.wait_for_url_file",
        "c.MPI.use in ipengine_config.py has no effect. What replaces it: c.IPEngine.use_mpi = True",
        "pbs.engine.template: the script adds --mpi after ipengine",
    ):
        assert sum(words in note for note in notes) == 1, (words, notes)


def test_ipyparallel_takes_the_old_names_over(folder: Path) -> None:
    """What a note calls a name that still works does: ipyparallel's own conversion, on the same file."""
    from ipyparallel.controller.app import IPController
    from ipyparallel.engine.app import IPEngine

    assert {"HubFactory", "IPControllerApp"} <= set(IPController._deprecated_classes)
    assert {"EngineFactory", "IPEngineApp"} <= set(IPEngine._deprecated_classes)
    assert {"ip", "reuse_files"} <= set(IPController.class_trait_names(config=True))
    assert {"timeout", "wait_for_url_file", "use_mpi"} <= set(IPEngine.class_trait_names(config=True))


@pytest.mark.parametrize(
    ("text", "placement"),
    [
        ("c.IPClusterStart.controller_launcher_class = 'PBSControllerLauncher'\n", "own_job"),
        ("c.IPClusterStart.controller_launcher_class = "
         "'ipyparallel.apps.launcher.PBSControllerLauncher'\n", "own_job"),
        ("c.IPClusterStart.controller_launcher_class = 'PBS'\n", "own_job"),
        ("c.Cluster.controller_launcher_class = 'pbs'\n", "own_job"),
        ("from ipyparallel.cluster.launcher import PBSControllerLauncher\n"
         "c.Cluster.controller_launcher_class = PBSControllerLauncher\n", "own_job"),
        ("from ipyparallel.apps import launcher as l\n"
         "c.Cluster.controller_launcher_class = l.PBSControllerLauncher\n", "own_job"),
        ("kind = 'PBS'\nc.Cluster.controller_launcher_class = kind + 'ControllerLauncher'\n", "own_job"),
        ("c.IPClusterStart.controller_launcher_class = 'LocalControllerLauncher'\n", "server"),
        ("c.IPClusterStart.controller_launcher = 'Local'\n", "server"),
        ("", "server"),
        # As ipyparallel 9: the new name wins.
        ("c.Cluster.controller_launcher_class = 'Local'\n"
         "c.IPClusterStart.controller_launcher_class = 'PBS'\n", "server"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "engines",
    [
        "c.IPClusterEngines.engine_launcher_class = 'PBSEngineSetLauncher'",
        "c.IPClusterStart.engine_launcher_class = 'PBSEngineSetLauncher'",
        "c.Cluster.engine_launcher_class = 'ipyparallel.cluster.launcher.PBSEngineSetLauncher'",
    ],
)
def test_names_of_all_versions(tmp_path: Path, text: str, placement: str, engines: str) -> None:
    config(tmp_path, f"c = get_config()\n{text}{engines}\n")
    profile = read_legacy(tmp_path)
    assert (profile.placement, profile.problem) == (placement, None)


@pytest.mark.parametrize("cls", ["PBSEngineSetLauncher", "PBSLauncher", "BatchSystemLauncher"])
@pytest.mark.parametrize("inline", [True, False])
def test_templates_and_queues_by_class(tmp_path: Path, cls: str, inline: bool) -> None:
    (tmp_path / "t").write_text(
        "#!/bin/sh\n#PBS -q {queue}\nmpiexec -n {n} ipengine --profile-dir={profile_dir}"
    )
    key, value = ("batch_template", (tmp_path / "t").read_text()) if inline else ("batch_template_file", "t")
    config(
        tmp_path,
        "c.Cluster.engine_launcher_class = 'PBS'\n"
        f"c.{cls}.{key} = {value!r}\nc.{cls}.queue = 'long'\nc.Cluster.n = 4\n",
    )
    profile = read_legacy(tmp_path)
    assert profile.n == 4 and profile.resources.queue == "long"
    assert (
        script(profile, n=4)
        == f"#!/bin/sh\n#PBS -q long\nmpiexec -n 4 ipengine --mpi --profile-dir={tmp_path}\n"
    )


def test_the_more_derived_class_wins(tmp_path: Path) -> None:
    config(
        tmp_path,
        "c.Cluster.engine_launcher_class = 'PBS'\n"
        "c.PBSEngineSetLauncher.queue = 'engines'\nc.PBSLauncher.queue = 'all'\n",
    )
    assert read_legacy(tmp_path).resources.queue == "engines"


@pytest.mark.parametrize(
    "path",
    [
        "'sub/t'",
        "os.path.join('sub', 't')",
        "os.path.join(os.path.dirname(__file__), 'sub', 't')",
        "os.path.expanduser('~/profile_x/sub/t')",
        "'~/profile_x/sub/t'",
        "os.path.join(os.environ['HOME'], 'profile_x/sub/t')",
        "os.path.expandvars('$HOME/profile_x/sub/t')",
        "f'{here}/sub/t'",
    ],
)
def test_where_templates_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    folder = tmp_path / "profile_x"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "t").write_text("#!/bin/sh\nmpiexec -n {n} ipengine {program_args}\n")
    config(
        folder,
        f"import os\nhere = os.path.dirname(__file__)\nc.Cluster.engine_launcher_class = 'PBS'\n"
        f"c.PBSEngineSetLauncher.batch_template_file = {path}\n",
    )
    profile = read_legacy(folder)
    assert profile.problem is None
    assert "mpiexec -n 16 ipengine --mpi --profile-dir=" in script(profile), profile.notes


def test_without_templates_one_job_of_ours_with_mpiexec(tmp_path: Path) -> None:
    config(
        tmp_path,
        "c.IPClusterStart.controller_launcher_class = 'PBS'\n"
        "c.IPClusterEngines.engine_launcher_class = 'PBS'\n"
        "c.PBSLauncher.queue = 'long'\nc.EngineLauncher.engine_args = ['--log-level=DEBUG']\n",
    )
    profile = read_legacy(tmp_path)
    assert any("array of single engines" in note for note in profile.notes)
    text = script(profile, n=4, cluster_id="x")
    assert text.startswith("#!/bin/sh\n#PBS -N ipengine\n#PBS -q long\n#PBS -l select=1:ncpus=4:mpiprocs=4\n")
    assert text.endswith(
        f"exec mpiexec -n 4 /opt/python -m ipyparallel.engine --profile-dir={tmp_path} --cluster-id=x "
        "--log-level=DEBUG --mpi\n"
    )
    assert "-t 1-" not in text and "-V" not in text
    assert "exec /opt/python -m ipyparallel.controller --profile-dir=" in script(profile, "controller")


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("#!/bin/sh\nmpiexec -n {n} ipengine", "does not pass --profile-dir={profile_dir}"),
        ("#!/bin/sh\nipengine --profile=pbs", "uses no mpiexec"),
        ("#!/bin/sh\n#PBS -t 1-{n}\n{program_and_args}", "array of jobs"),
        ("#!/bin/sh\n#PBS -V\nmpiexec {program_and_args}", "#PBS -V"),
        ("#!/bin/sh\necho hello", "starts no ipengine"),
        ("mpiexec {program_and_args}", "begins with #!/bin/sh"),
        ("#!/bin/sh\r\nmpiexec {program_and_args}\r\n", "line ends of Windows"),
        (
            "#!/bin/sh\nmpiexec -n {n} ipengine --mpi=mpi4py {program_args}",
            "no longer takes a value after --mpi",
        ),
    ],
)
def test_what_is_remarkable_in_a_template(tmp_path: Path, template: str, words: str) -> None:
    config(
        tmp_path,
        f"c.Cluster.engine_launcher_class = 'PBS'\nc.PBSEngineSetLauncher.batch_template = {template!r}\n",
    )
    profile = read_legacy(tmp_path)
    assert sum(words in note for note in profile.notes) == 1, profile.notes
    text = script(profile)
    assert "\r" not in text and text.startswith("#!/bin/sh\n") and text.endswith("\n")
    assert "--mpi=" not in text


def test_ipengine_ends_on_the_old_mpi_option() -> None:
    """Why a script says --mpi where the template says --mpi=mpi4py."""
    from ipyparallel.engine.app import IPEngine

    app = IPEngine()
    with pytest.raises(SystemExit) as ended:
        app.parse_command_line(["--mpi=mpi4py"])
    assert ended.value.code == 2
    IPEngine().parse_command_line(["--mpi"])


@pytest.mark.parametrize(
    ("command", "becomes"),
    [
        ("mpiexec -n 4 ipengine", "mpiexec -n 4 ipengine --mpi"),
        ("mpiexec -n 4 ipengine -x > log &", "mpiexec -n 4 ipengine --mpi -x > log &"),
        ("mpirun /sw/bin/ipengine -x", "mpirun /sw/bin/ipengine --mpi -x"),
        ("mpiexec \\\n  -n 4 \\\n  ipengine -x", "mpiexec \\\n  -n 4 \\\n  ipengine --mpi -x"),
        ("srun python -m ipyparallel.engine", "srun python -m ipyparallel.engine --mpi"),
        ("mpiexec ipengine --mpi=mpi4py -x", "mpiexec ipengine --mpi -x"),
        ("mpiexec ipengine --mpi", "mpiexec ipengine --mpi"),
        ("ipengine -x", "ipengine -x"),
        ("# mpiexec ipengine", "# mpiexec ipengine"),
        ("echo ipengine; mpiexec hello", "echo ipengine; mpiexec hello"),
        ("mpiexec my_ipengine ipengine.sh", "mpiexec my_ipengine ipengine.sh"),
    ],
)
def test_engines_of_mpiexec_load_mpi(folder: Path, command: str, becomes: str) -> None:
    (folder / "pbs.engine.template").write_text(f"#!/bin/sh\necho a\n{command}\necho b\n")
    assert script(read_legacy(folder)) == f"#!/bin/sh\necho a\n{becomes}\necho b\n"


def test_a_placeholder_that_cannot_be_is_named_with_its_line(folder: Path) -> None:
    (folder / "pbs.engine.template").write_text("#!/bin/sh\n#PBS -N {jobname}\nipengine\n")
    with pytest.raises(BadSettings, match=r"pbs.engine.template, line 2: \{jobname\} cannot be filled in"):
        script(read_legacy(folder))


def test_too_few_engines_for_the_template(folder: Path) -> None:
    with pytest.raises(BadSettings, match=r"asks for nodes=0 when 4 engines are started"):
        script(read_legacy(folder), n=4)


@pytest.mark.parametrize("queue", ["a b", "x\n#PBS -V", "-V", "$(id)"])
def test_a_queue_stays_a_queue(folder: Path, queue: str) -> None:
    with pytest.raises(BadSettings, match="queue"):
        script(read_legacy(folder), queue=queue)


def test_a_missing_template_is_a_problem(folder: Path) -> None:
    (folder / "pbs.engine.template").unlink()
    problem = read_legacy(folder).problem
    assert problem is not None and "pbs.engine.template" in problem and "cannot be read" in problem


def test_engines_that_are_not_in_a_job(tmp_path: Path) -> None:
    config(tmp_path, "c.Cluster.controller_launcher_class = 'PBS'\n")
    problem = read_legacy(tmp_path).problem
    assert problem is not None and "its engines are not" in problem


@pytest.mark.parametrize(
    "launcher", ["Slurm", "SGEEngineSetLauncher", "LSF", "HTCondor", "SSH", "WindowsHPC"]
)
def test_other_batch_systems_say_why_not(tmp_path: Path, launcher: str) -> None:
    config(tmp_path, f"c.Cluster.engine_launcher_class = '{launcher}'\n")
    with pytest.raises(NotLegacy, match="through the PBS commands only"):
        read_legacy(tmp_path)


@pytest.mark.parametrize(
    "text", ["", "# c.Cluster.engine_launcher_class = 'PBS'", "c.Cluster.engine_launcher_class = 'MPI'"]
)
def test_profiles_of_this_machine(tmp_path: Path, text: str) -> None:
    config(tmp_path, text)
    with pytest.raises(NotLegacy) as reason:
        read_legacy(tmp_path)
    assert reason.value.problem is None


def test_no_line_is_run_and_none_is_dropped_silently(tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    config(
        tmp_path,
        f"open({str(ran)!r}, 'w').close()\n"
        "c.Cluster.engine_launcher_class = 'PBS'\n"
        f"c.PBSLauncher.queue = open({str(ran)!r}, 'w').name\n"
        "c.PBSEngineSetLauncher.batch_template_file = pick()\n"
        "c.LocalControllerLauncher.controller_args.append('--ip=*')\n"
        "c.MPIExecEngineSetLauncher.mpi_args = ['-x']\n"
        "c.SSHLauncher.user = 'me'\n"
        "c.SomethingElse.key = 1\n"
        "c.PBSLauncher.submit_command = ['qsub', '-V']\n",
    )
    profile = read_legacy(tmp_path)
    assert not ran.exists()
    assert profile.problem is not None and "is only known when the file runs" in profile.problem
    for name in (
        "c.PBSLauncher.queue", "c.PBSEngineSetLauncher.batch_template_file",
        "c.LocalControllerLauncher.controller_args", "c.MPIExecEngineSetLauncher.mpi_args",
        "c.SSHLauncher.user", "c.SomethingElse.key", "c.PBSLauncher.submit_command",
    ):  # fmt: skip
        assert sum(name in note for note in profile.notes) == 1, (name, profile.notes)


@pytest.mark.parametrize("text", ["c.Cluster. = 3", "\x00", "(" * 300 + "1" + ")" * 300, "-" * 100_000 + "1"])
def test_a_configuration_that_is_no_python(tmp_path: Path, text: str) -> None:
    config(tmp_path, text)
    with pytest.raises(NotLegacy) as reason:
        read_legacy(tmp_path)
    assert (
        reason.value.problem is not None and "ipcluster_config.py is not valid Python" in reason.value.problem
    )


def test_what_is_read_of_a_file(tmp_path: Path) -> None:
    config(
        tmp_path,
        "import os\nc = get_config()\nx = [1, 'a']\nif os.name:\n    c.A.b = x\nelse:\n    c.A.c = -1\n"
        "c.A.d = {'k': None}\nc.A.e = f(1)\nc.A.f += ['x']\ndef g():\n    c.A.g = True\n",
    )
    assert [(s.name, s.value, s.line) for s in read_config(tmp_path / "ipcluster_config.py")] == [
        ("A.b", [1, "a"], 5),
        ("A.c", -1, 7),
        ("A.d", {"k": None}, 8),
        ("A.e", Unread("f(1)"), 9),
        ("A.f", ["x"], 10),
        ("A.g", True, 12),
    ]


pieces = st.sampled_from(
    ["c.", "Cluster", "PBSLauncher", ".queue", " = ", "'PBS'", "\n", "[", "]", "{", "}", "os.path.join(", ")",
     "engine_launcher_class", ".", ",", "1", "+", "if x:\n ", "lambda: ", "f'{x}'", "**", "x", " ", "..."]
)  # fmt: skip


@hypothesis_settings(derandomize=True, max_examples=200, deadline=None)
@given(st.lists(pieces, max_size=15))
def test_any_text_is_read_or_is_no_python(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    folder = tmp_path_factory.mktemp("p")
    config(folder, "".join(parts))
    try:
        read_config(folder / "ipcluster_config.py")
    except (SyntaxError, ValueError):
        pass
