"""Settings on the disk, the site's profiles, and copies of them."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from profile_parts import resources, settings
from test_profile_legacy import CENTRE

from jupyterlab_engines.api.models import ProfileSettings
from jupyterlab_engines.errors import BadRequest, OverLimit, UnknownProfile, WrongState
from jupyterlab_engines.profiles import settings as on_disk
from jupyterlab_engines.profiles.catalogue import Entry, describe, entries, find
from jupyterlab_engines.profiles.plan import enforce
from jupyterlab_engines.profiles.service import ProfileService
from jupyterlab_engines.profiles.settings import SettingsError, Stored
from jupyterlab_engines.profiles.site import adopt, find_site, site_profiles
from jupyterlab_engines.profiles.validate import Limits


@pytest.fixture(autouse=True)
def ipython_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's folder of profiles, not made yet."""
    folder = tmp_path / "ipython"
    monkeypatch.setenv("IPYTHONDIR", str(folder))
    return folder


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """The site's folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


def share(shared: Path, name: str, of: ProfileSettings | None = None, insists: Any = None) -> Path:
    """Put a profile into the site's folder."""
    folder = shared / name
    if of is not None:
        on_disk.write(folder, Stored(settings=of))
    folder.mkdir(exist_ok=True)
    if insists is not None:
        (folder / "site.json").write_text(insists if isinstance(insists, str) else json.dumps(insists))
    return folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# --- settings


def test_settings_come_back_as_written(ipython_dir: Path) -> None:
    folder = ipython_dir / "profile_mine"
    of = settings(queue="long", walltime_seconds=60, prologue=["a"], mpi_args=["-x"], placement="server")
    on_disk.write(folder, Stored(settings=of, template_of="theirs"))
    assert on_disk.read(folder) == Stored(settings=of, template_of="theirs")
    assert mode(folder / "pxengines.json") == 0o600
    assert mode(folder) == 0o700
    assert sorted(p.name for p in folder.iterdir()) == ["ipcluster_config.py", "pxengines.json"]


def test_a_new_profile_is_one_for_ipcluster_too(ipython_dir: Path) -> None:
    from traitlets.config import PyFileConfigLoader

    folder = ipython_dir / "profile_mine"
    on_disk.write(folder, Stored(settings=settings()))
    config = PyFileConfigLoader("ipcluster_config.py", str(folder)).load_config()
    assert (
        config.Cluster.controller_launcher_class == "jupyterlab_engines.launchers.EngineJobControllerLauncher"
    )
    assert config.Cluster.engine_launcher_class == "jupyterlab_engines.launchers.EngineJobEngineSetLauncher"


def test_a_file_of_the_users_is_never_overwritten(ipython_dir: Path) -> None:
    folder = ipython_dir / "profile_mine"
    folder.mkdir(parents=True, mode=0o750)
    (folder / "ipcluster_config.py").write_text("mine")
    on_disk.write(folder, Stored(settings=settings()))
    on_disk.write(folder, Stored(settings=settings(engines=5)))
    assert (folder / "ipcluster_config.py").read_text() == "mine"
    assert mode(folder) == 0o750
    assert not on_disk.remove(folder)
    assert [p.name for p in folder.iterdir()] == ["ipcluster_config.py"]


def test_removing_what_is_ours_removes_the_profile(ipython_dir: Path) -> None:
    folder = ipython_dir / "profile_mine"
    on_disk.write(folder, Stored(settings=settings()))
    for name in ("security", "log", "pxengines"):
        (folder / name).mkdir()
    assert on_disk.remove(folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not JSON"),
        ("[]", "Expected `object`"),
        ("{}", "version: it is missing"),
        ('{"version": 2}', "version: it is of version 2; this server knows 1"),
        ('{"version": 1, "quue": "x"}', "quue: there is no such field"),
        ('{"version": 1, "resources": {"walltime": 3}}', "resources.walltime: there is no such field"),
        ('{"version": 1, "resources": {"nodes": "2"}}', "resources.nodes: Expected `int | null`, got `str`"),
        ('{"version": 1, "engines": 2.5}', "engines: Expected `int`"),
        ('{"version": 1, "engines": true}', "engines: Expected `int`, got `bool`"),
        ('{"version": 1, "placement": "here"}', "placement: Invalid enum value 'here'"),
        ('{"version": 1, "prologue": ["a", 1]}', "prologue[1]: Expected `str`"),
        ('{"version": 1, "engines": ' + "1" * 5000 + "}", "engines"),
        ("[" * 100_000, "longer than"),
    ],
)
def test_a_wrong_file_is_told_by_its_field(ipython_dir: Path, text: str, words: str) -> None:
    folder = ipython_dir / "profile_mine"
    folder.mkdir(parents=True)
    (folder / "pxengines.json").write_text(text)
    with pytest.raises(SettingsError) as refused:
        on_disk.read(folder)
    assert words in str(refused.value)
    entry = find("mine")
    assert entry.kind == "batch" and entry.problem is not None and words in entry.problem


def test_what_is_left_out_has_its_default(ipython_dir: Path) -> None:
    folder = ipython_dir / "profile_mine"
    folder.mkdir(parents=True)
    (folder / "pxengines.json").write_text('{"version": 1, "resources": {"queue": "long"}}')
    assert on_disk.read(folder).settings == settings(queue="long")


def test_lost_settings_are_told(ipython_dir: Path) -> None:
    on_disk.write(ipython_dir / "profile_mine", Stored(settings=settings()))
    (ipython_dir / "profile_mine" / "pxengines.json").unlink()
    problem = find("mine").problem
    assert problem is not None and "has lost its settings" in problem


# --- the site's


def test_the_sites_profiles_are_listed(ipython_dir: Path, shared: Path, tmp_path: Path) -> None:
    share(
        shared, "profile_pbs", settings(queue="long"), {"display_name": "The Cluster", "locked": ["engines"]}
    )
    share(shared, "small", settings())
    share(shared, "nothing")
    (shared / "file").write_text("")
    (shared / "linked").symlink_to(shared / "small")
    folders = [tmp_path / "missing", shared]
    listed = [describe(entry, Limits(), scheduler=True) for entry in entries(folders)]
    assert [(p.name, p.origin, p.startable) for p in listed] == [
        ("local", "builtin", True),
        ("pbs", "site", False),
        ("small", "site", False),
    ]
    assert listed[1].summary == "The Cluster. One job with controller and engines: queue long."
    assert listed[1].locked == ["engines"]
    assert listed[1].problem is not None and "Use it" in listed[1].problem


def test_the_earlier_folder_wins_and_the_users_own_before_all(
    ipython_dir: Path, shared: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    share(shared, "a", settings(queue="first"))
    share(other, "a", settings(queue="second"))
    share(other, "b", settings())
    on_disk.write(ipython_dir / "profile_b", Stored(settings=settings(queue="mine")))
    found = {entry.name: entry for entry in entries([shared, other])}
    assert found["a"].resources == resources(queue="first")
    assert (found["b"].origin, found["b"].resources) == ("user", resources(queue="mine"))
    assert any("The site has a profile of this name too" in note for note in found["b"].notes)


def test_a_copy_keeps_locks_and_limits_whatever_it_says(ipython_dir: Path, shared: Path) -> None:
    insists = {
        "locked": ["resources.queue", "mpiexec", "placement"],
        "limits": {"max_engines": 8, "max_walltime_seconds": 3600, "max_clusters_per_user": 1},
    }
    share(shared, "pbs", settings(queue="long", mpiexec=["mpi"], walltime_seconds=600), insists)
    site = find_site([shared], "pbs")
    assert site is not None
    folder = adopt(site, "mine")
    assert folder == ipython_dir / "profile_mine"
    assert on_disk.read(folder).template_of == "pbs"
    assert sorted(p.name for p in folder.iterdir()) == ["ipcluster_config.py", "pxengines.json"]
    cheat = settings(queue="other", mpiexec=["mine"], placement="server", walltime_seconds=300, engines=99)
    on_disk.write(folder, Stored(settings=cheat, template_of="pbs"))
    (folder / "site.json").write_text("{}")
    mine = find("mine", [shared])
    assert mine.settings == settings(
        queue="long", mpiexec=["mpi"], placement="in_job", walltime_seconds=300, engines=99
    )
    assert describe(mine, Limits(max_engines=256), scheduler=True).max_engines == 8
    assert sum("The site has fixed" in note for note in mine.notes) == 3

    def start(engines: int = 8, running: int = 0, **asked: Any) -> None:
        enforce(
            mine,
            Limits(max_engines=256),
            engines=engines,
            resources=resources(**{"queue": "long", "walltime_seconds": 600, **asked}),
            running_clusters=running,
        )

    start()
    for too_much in ({"engines": 9}, {"running": 1}, {"walltime_seconds": 3601}, {"queue": "other"}):
        with pytest.raises(OverLimit) as refused:
            start(**too_much)  # type: ignore[arg-type]
        assert (refused.value.status, refused.value.code) == (403, "over_limit")


def test_a_copy_follows_its_site(ipython_dir: Path, shared: Path) -> None:
    folder = share(shared, "pbs", settings(queue="long"), {"locked": ["resources"]})
    site = find_site([shared], "pbs")
    assert site is not None
    adopt(site, "mine")
    on_disk.write(folder, Stored(settings=settings(queue="newer")))
    assert find("mine", [shared]).resources == resources(queue="newer")
    (folder / "site.json").write_text("{")
    problem = find("mine", [shared]).problem
    assert problem is not None and "site.json" in problem, "no lock is lost by a broken file"
    problem = find("mine", []).problem
    assert problem is not None and "not among the site's profiles now" in problem


@pytest.mark.parametrize(
    ("insists", "words"),
    [
        ("{", "site.json: it is not JSON"),
        ({"lockd": []}, "lockd: there is no such field"),
        ({"locked": ["queue"]}, "there is no setting 'queue'"),
        ({"limits": {"max_engines": 0}}, "limits.max_engines"),
        ({"limits": {"engines": 3}}, "limits.engines: there is no such field"),
    ],
)
def test_a_broken_profile_of_the_site_is_told(shared: Path, insists: Any, words: str) -> None:
    share(shared, "pbs", settings(), insists)
    (profile,) = site_profiles([shared])
    assert profile.problem is not None and words in profile.problem
    with pytest.raises(WrongState, match="cannot be used"):
        adopt(profile, "mine")


def test_a_legacy_profile_is_copied_as_cp_would(ipython_dir: Path, shared: Path) -> None:
    folder = shared / "profile_pbs"
    folder.mkdir()
    for file in CENTRE.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "startup").mkdir()
    (folder / "startup" / "00-mpi.py").write_text("import mpi4py\n")
    (folder / "startup" / "x.so").write_text("no")
    secret = shared / "secret"
    secret.write_text("secret")
    (folder / "link.template").symlink_to(secret)
    (folder / "security").mkdir()
    (folder / "security" / "ipcontroller-client.json").write_text("{}")
    (folder / "history.sqlite").write_text("no")
    (folder / "site.json").write_text('{"limits": {"max_engines": 16}}')
    os.mkfifo(folder / "fifo.template")
    site = find_site([shared], "pbs")
    assert site is not None
    copy = adopt(site, "mine")
    assert sorted(str(p.relative_to(copy)) for p in copy.rglob("*") if p.is_file()) == sorted(
        [*(file.name for file in CENTRE.iterdir()), "pxengines-site.json", "startup/00-mpi.py"]
    )
    mine = find("mine", [shared])
    assert (mine.kind, mine.problem) == ("legacy", None)
    assert mine.limits(Limits(max_engines=256)) == Limits(max_engines=16)


def test_a_copy_appears_whole_or_not_at_all(ipython_dir: Path, shared: Path) -> None:
    share(shared, "pbs", settings())
    site = find_site([shared], "pbs")
    assert site is not None
    (ipython_dir / "profile_mine").mkdir(parents=True)
    (ipython_dir / "profile_mine" / "x").write_text("")
    with pytest.raises(WrongState, match="There is a profile mine already"):
        adopt(site, "mine")
    assert [p.name for p in ipython_dir.iterdir()] == ["profile_mine"]
    with pytest.raises(ValueError, match="cannot be the name"):
        adopt(site, "../mine")


def test_names(shared: Path) -> None:
    with pytest.raises(BadRequest):
        find("../x", [shared])
    with pytest.raises(UnknownProfile):
        find("nosuch", [shared])


def test_limits_hold_for_profiles_of_this_machine_too(ipython_dir: Path) -> None:
    local: Entry = find("local")
    enforce(
        local, Limits(max_engines=4, max_clusters_per_user=0), engines=4, resources=None, running_clusters=9
    )
    with pytest.raises(OverLimit):
        enforce(local, Limits(max_engines=4), engines=5, resources=None, running_clusters=0)


@pytest.mark.asyncio
async def test_a_walltime_is_not_prolonged_beyond_its_limit(ipython_dir: Path, shared: Path) -> None:
    share(shared, "short", settings(walltime_seconds=600), {"limits": {"max_walltime_seconds": 3600}})
    adopt(site_profiles([shared])[0], "mine")

    async def no_answer() -> None:
        return None

    service = ProfileService(
        limits=Limits(max_walltime_seconds=7200),
        site_dirs=[shared],
        python=["python"],
        info=no_answer,
        dialect=lambda: None,
    )
    await service.check_walltime("mine", 3600)
    with pytest.raises(OverLimit, match="A walltime of 1 h is allowed for mine; you ask for 2 h"):
        await service.check_walltime("mine", 7200)
    await service.check_walltime("gone by now", 7200)
    with pytest.raises(OverLimit, match="A walltime of 2 h is allowed"):
        await service.check_walltime("gone by now", 7201)
