"""Profiles: the built-in one, the user's, and those that this version cannot start."""

# ruff: noqa: ASYNC240 - tests look at files and wait for conditions
from __future__ import annotations

from pathlib import Path

import pytest
from wire import Api, Refused


def make(ipython_dir: Path, name: str, config: str | None = None) -> Path:
    folder = ipython_dir / f"profile_{name}"
    folder.mkdir(parents=True)
    if config is not None:
        (folder / "ipcluster_config.py").write_text(config)
    return folder


async def test_without_an_ipython_folder_there_is_the_builtin_one(api: Api, ipython_dir: Path) -> None:
    (local,) = (await api.profiles()).profiles
    assert (local.name, local.origin, local.startable, local.problem) == ("local", "builtin", True, None)
    assert local.max_engines == 256
    assert local.summary
    assert not ipython_dir.exists(), "looking makes nothing"


async def test_the_users_follow_by_name(api: Api, ipython_dir: Path) -> None:
    for name in ("zeta", "plain", "mpi-ä", "two words"):
        make(ipython_dir, name)
    (ipython_dir / "profile_no\nname").mkdir()
    (ipython_dir / "profile_file").write_text("not a folder")
    profiles = (await api.profiles()).profiles
    assert [p.name for p in profiles] == ["local", "mpi-ä", "plain", "two words", "zeta"]
    assert {p.origin for p in profiles[1:]} == {"user"}
    assert all(p.startable for p in profiles)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("ipcluster_config.py", "c.Cluster.n = 4"),
        ("ipcontroller_config.py", ""),
        ("pxengines.json", '{"version": 1}'),
    ],
)
async def test_ipython_s_own_is_listed_if_it_is_for_clusters(
    api: Api, ipython_dir: Path, file: str, text: str
) -> None:
    folder = make(ipython_dir, "default")
    for usual in ("startup", "db", "security", "pid", "log"):
        (folder / usual).mkdir()
    (folder / "ipython_config.py").touch()
    assert [p.name for p in (await api.profiles()).profiles] == ["local"]
    (folder / file).write_text(text)
    assert [p.name for p in (await api.profiles()).profiles] == ["local", "default"]


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        ("c.Cluster.engine_launcher_class = 'slurm'", "Slurm"),
        ("c.Cluster.engine_launcher_class = ipyparallel.cluster.launcher.SGEEngineSetLauncher", "SGE"),
        ("if True:\n    c.Cluster.controller_launcher_class = 'LSF'", "LSF"),
        ("c.Cluster.engine_launcher_class = 'ssh'", "SSH"),
    ],
)
async def test_one_for_a_batch_system_is_listed_and_says_why_not(
    api: Api, ipython_dir: Path, config: str, kind: str
) -> None:
    make(ipython_dir, "hpc", config)
    hpc = (await api.profiles()).profiles[1]
    assert (hpc.name, hpc.startable) == ("hpc", False)
    assert hpc.problem is not None
    assert kind in hpc.problem and "through the PBS commands only" in hpc.problem
    with pytest.raises(Refused) as refused:
        await api.start(2, profile="hpc")
    assert (refused.value.status, refused.value.error.code) == (409, "wrong_state")
    assert hpc.problem in refused.value.error.message
    assert refused.value.error.next_step


@pytest.mark.parametrize("engines_config", [{"use_scheduler": False}])
async def test_one_for_pbs_where_there_is_none(api: Api, ipython_dir: Path) -> None:
    make(ipython_dir, "hpc", "c.IPClusterEngines.engine_launcher_class = 'PBSEngineSetLauncher'")
    hpc = (await api.profiles()).profiles[1]
    assert (hpc.name, hpc.kind, hpc.placement, hpc.startable) == ("hpc", "legacy", "server", False)
    assert hpc.problem is not None and "No batch system was found" in hpc.problem
    with pytest.raises(Refused) as refused:
        await api.start(2, profile="hpc")
    assert (refused.value.status, refused.value.error.code) == (409, "wrong_state")


@pytest.mark.parametrize(
    "config",
    [
        "",
        "# c.Cluster.engine_launcher_class = 'PBS'",
        "c.Cluster.engine_launcher_class = 'MPI'",
        "c.Cluster.engine_launcher_class = 'ipyparallel.cluster.launcher.LocalEngineSetLauncher'",
        "c.PBSEngineSetLauncher.queue = 'long'",
        "c.Cluster.n = 4",
    ],
)
async def test_one_for_this_machine_starts_here(api: Api, ipython_dir: Path, config: str) -> None:
    make(ipython_dir, "mine", config)
    assert (await api.profiles()).profiles[1].startable


async def test_a_configuration_is_read_and_never_run(api: Api, ipython_dir: Path, tmp_path: Path) -> None:
    make(ipython_dir, "mine", f"open({str(tmp_path / 'ran')!r}, 'w').close()")
    assert (await api.profiles()).profiles[1].startable
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("config", ["c.Cluster. = 3", "\x00"])
async def test_a_configuration_that_is_no_python(api: Api, ipython_dir: Path, config: str) -> None:
    make(ipython_dir, "broken", config)
    broken = (await api.profiles()).profiles[1]
    assert not broken.startable
    assert broken.problem is not None and "not valid Python" in broken.problem


async def test_a_cluster_of_a_profile_with_spaces_and_letters(api: Api, ipython_dir: Path) -> None:
    name = "größe 1 + é"
    make(ipython_dir, name)
    started = await api.start(1, profile=name)
    assert started.key == name
    ready = await api.until(lambda c: c.state in ("ready", "failed"), "ready", key=name)
    assert ready.state == "ready", ready.failure
    assert (await api.log(name, source="engines")).text
    assert (await api.stop(name)).state == "stopping"
    await api.until_state("stopped", key=name)
    assert (await api.call("clusters", name, method="DELETE")).code == 204
    assert (ipython_dir / f"profile_{name}").is_dir()
