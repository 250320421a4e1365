"""Profiles over REST, on a server with a batch system: made, previewed, adopted, removed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fakepbs import FakePBS
from wire import Api, Refused, new_key

from jupyterlab_engines.api.models import Preview, Profile, ProfileDetail

LEGACY = Path(__file__).parents[1] / "data" / "profiles" / "profile_pbs_legacy"
NOTHING = {
    "queue": None,
    "walltime_seconds": None,
    "nodes": None,
    "engines_per_node": None,
    "cores_per_engine": None,
    "memory_bytes": None,
    "account": None,
}


def settings(**given: Any) -> dict[str, Any]:
    asked = {name: given.pop(name) for name in list(given) if name in NOTHING}
    return {
        "placement": "in_job",
        "engines": 4,
        "resources": {**NOTHING, **asked},
        "prologue": [],
        "directives": [],
        "python": [],
        "mpiexec": [],
        "mpi_args": [],
        "controller_address": "",
        **given,
    }


@pytest.fixture
def pbs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePBS]:
    """A simulated OpenPBS, first in PATH."""
    fake = FakePBS(tmp_path / "pbs", "openpbs")
    for name, value in fake.environ.items():
        monkeypatch.setenv(name, value)
    yield fake
    fake.shutdown()


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The site's folder: a batch profile with a lock and limits, and a legacy one."""
    folder = tmp_path / "site"
    (folder / "profile_shared").mkdir(parents=True)
    (folder / "profile_shared" / "pxengines.json").write_text(
        json.dumps({"version": 1, "engines": 8, "resources": {"queue": "default", "walltime_seconds": 600}})
    )
    (folder / "profile_shared" / "site.json").write_text(
        json.dumps({"locked": ["resources.queue"], "limits": {"max_engines": 16}})
    )
    shutil.copytree(LEGACY, folder / "profile_old")
    return folder


@pytest.fixture
def engines_config(site: Path) -> dict[str, Any]:
    """The server knows the site's folder."""
    return {"site_profile_dirs": [str(site)]}


@pytest.fixture
def served(pbs: FakePBS, api: Api) -> Api:
    """The API of a server that finds the simulated batch system."""
    return api


async def ask(api: Api, method: str, *path: str, body: Any = None, status: int = 200) -> Any:
    sent = None if body is None else json.dumps(body)
    response = await api.call("profiles", *path, method=method, body=sent)
    assert response.code == status
    return response.body


async def detail(api: Api, name: str) -> ProfileDetail:
    return msgspec.json.decode(await ask(api, "GET", name), type=ProfileDetail)


async def make(api: Api, name: str, **given: Any) -> ProfileDetail:
    body = {"settings": settings(**given), "create": True}
    return msgspec.json.decode(await ask(api, "PUT", name, body=body, status=201), type=ProfileDetail)


async def preview(api: Api, name: str, engines: int | None = None, **given: Any) -> Preview:
    body = {"profile": name, "settings": None, "engines": engines, "resources": None, **given}
    return msgspec.json.decode(await ask(api, "POST", "preview", body=body), type=Preview)


async def listed(api: Api) -> dict[str, Profile]:
    await api.call("scheduler")  # answers when it is known which batch system there is
    return {profile.name: profile for profile in (await api.profiles()).profiles}


async def refused(call: Any) -> tuple[int, str, str]:
    with pytest.raises(Refused) as error:
        await call
    return error.value.status, error.value.error.code, error.value.error.message


async def test_a_profile_is_made_shown_changed_and_removed(served: Api, ipython_dir: Path) -> None:
    await listed(served)
    made = await make(served, "big one", walltime_seconds=3600, prologue=["module load mpi"])
    assert (made.profile.kind, made.profile.origin, made.profile.startable) == ("batch", "user", True)
    assert made.profile.summary == "One job with controller and engines: default queue, 1 h."
    assert (await listed(served))["big one"] == made.profile
    assert await detail(served, "big one") == made
    (script,) = made.preview.scripts
    run_dir = ipython_dir / "profile_big one" / "pxengines" / "default"
    assert "\n#PBS -l walltime=01:00:00\n" in script.text
    assert script.text.endswith(f"-m pxengines.job '{run_dir}' cluster\n")
    assert script.diff is None
    assert made.preview.problems == []
    body = {"settings": settings(engines=2), "create": False}
    changed = msgspec.json.decode(await ask(served, "PUT", "big one", body=body), type=ProfileDetail)
    assert changed.settings is not None and changed.settings.engines == changed.profile.engines == 2
    await ask(served, "DELETE", "big one", status=204)
    assert "big one" not in await listed(served)
    assert not (ipython_dir / "profile_big one").exists()


async def test_what_cannot_be_made_or_removed(served: Api, ipython_dir: Path) -> None:
    await listed(served)
    shutil.copytree(LEGACY, ipython_dir / "profile_pbs")
    await make(served, "mine")

    async def put(name: str, create: bool = True, **given: Any) -> tuple[int, str, str]:
        return await refused(ask(served, "PUT", name, body={"settings": settings(**given), "create": create}))

    assert (await put("mine"))[:2] == (409, "wrong_state")
    assert (await put("nosuch", create=False))[:2] == (409, "wrong_state")
    assert (await put("local"))[:2] == (409, "wrong_state")
    assert (await put("pbs", create=False))[:2] == (409, "wrong_state")
    assert (await put("shared", create=False))[:2] == (409, "wrong_state")
    assert (await put("bad\nname"))[:2] == (400, "bad_request")
    status, code, message = await put("new", prologue=["#PBS -V"])
    assert (status, code) == (400, "bad_settings") and "prologue[0]" in message
    assert (await put("new", engines=0))[:2] == (400, "bad_settings")
    assert (await put("new", nodes="2"))[:2] == (400, "bad_request")
    assert not (ipython_dir / "profile_new").exists()
    for name in ("local", "pbs", "shared"):
        assert (await refused(ask(served, "DELETE", name)))[:2] == (409, "wrong_state")
    assert (await refused(ask(served, "DELETE", "nosuch")))[:2] == (404, "unknown_profile")
    assert (await refused(ask(served, "GET", "nosuch")))[:2] == (404, "unknown_profile")


async def test_settings_for_a_queue_that_is_not_there_yet_can_be_saved(served: Api) -> None:
    """Queues come and go: that there is none now is a problem of a start, not of the settings."""
    await listed(served)
    made = await make(served, "later", queue="tomorrow")
    assert [(p.severity, p.field) for p in made.preview.problems] == [("error", "resources.queue")]
    body = {"profile": "later", "engines": 2, "idempotency_key": new_key()}
    call = served.call("clusters", method="POST", body=json.dumps(body))
    status, code, message = await refused(call)
    assert (status, code) == (400, "bad_settings") and "tomorrow" in message


async def test_a_preview_of_settings_that_are_being_typed(served: Api) -> None:
    await listed(served)
    seen = await preview(served, "not made yet", settings=settings(engines=40), engines=3)
    assert seen.problems == [] and "ncpus=3" in seen.scripts[0].text
    seen = await preview(served, "not made yet", settings=settings(queue="a\nb"))
    assert [p.field for p in seen.problems] == ["resources.queue"] and seen.scripts == []
    seen = await preview(served, "x", settings=settings(engines=999))
    assert "engines" in [p.field for p in seen.problems]
    assert "At most 256 engines are allowed" in seen.problems[0].message
    seen = await preview(served, "local", engines=4)
    assert seen == Preview(scripts=[], problems=[])
    assert (await refused(preview(served, "nosuch")))[:2] == (404, "unknown_profile")


async def test_a_profile_called_preview(served: Api) -> None:
    await listed(served)
    await make(served, "preview")
    assert (await detail(served, "preview")).profile.name == "preview"
    await ask(served, "DELETE", "preview", status=204)


async def test_a_sites_profile_is_adopted_with_its_locks(served: Api, ipython_dir: Path) -> None:
    shared = (await listed(served))["shared"]
    assert (shared.origin, shared.startable, shared.max_engines) == ("site", False, 16)
    body = {"name": "mine"}
    made = msgspec.json.decode(
        await ask(served, "POST", "shared", "adopt", body=body, status=201), type=ProfileDetail
    )
    assert (made.profile.origin, made.profile.startable, made.profile.locked) == (
        "user",
        True,
        ["resources.queue"],
    )
    (script,) = made.preview.scripts
    assert script.diff == "", "as the site has it"
    mine = settings(queue="default", walltime_seconds=600, engines=8, prologue=["module load mpi"])
    await ask(served, "PUT", "mine", body={"settings": mine, "create": False})
    (script,) = (await detail(served, "mine")).preview.scripts
    assert script.diff is not None
    assert [line for line in script.diff.splitlines()[2:] if line[0] in "+-"] == ["+module load mpi"]
    body = {"settings": {**mine, "resources": {**NOTHING, "queue": "other"}}, "create": False}
    status, code, message = await refused(ask(served, "PUT", "mine", body=body))
    assert (status, code) == (400, "bad_settings") and "resources.queue" in message
    seen = await preview(served, "mine", engines=17)
    assert ("engines", "error") in [(p.field, p.severity) for p in seen.problems]
    start = {"profile": "mine", "engines": 17, "idempotency_key": new_key()}
    call = served.call("clusters", method="POST", body=json.dumps(start))
    assert (await refused(call))[0] in (400, 403)
    for name in ("mine", "local"):
        again = ask(served, "POST", "shared", "adopt", body={"name": name})
        assert (await refused(again))[:2] == (409, "wrong_state")
    nosuch = ask(served, "POST", "nosuch", "adopt", body={"name": "x"})
    assert (await refused(nosuch))[:2] == (404, "unknown_profile")


async def test_the_locks_hold_when_the_sites_folder_was_away(
    served: Api, ipython_dir: Path, site: Path
) -> None:
    await listed(served)
    await ask(served, "POST", "shared", "adopt", body={"name": "mine"}, status=201)
    (site / "profile_shared").rename(site.parent / "away")
    mine = settings(queue="debug", walltime_seconds=600, engines=32)
    assert (
        "not among the site's profiles" in (await preview(served, "mine", settings=mine)).problems[-1].message
    )
    await ask(served, "PUT", "mine", body={"settings": mine, "create": False})
    profile = (await listed(served))["mine"]
    assert not profile.startable
    assert profile.problem is not None and "the site's profile shared" in profile.problem
    (site.parent / "away").rename(site / "profile_shared")
    again = await detail(served, "mine")
    assert (again.profile.startable, again.profile.locked, again.profile.max_engines) == (
        True,
        ["resources.queue"],
        16,
    )
    assert again.settings is not None and again.settings.resources.queue == "default"
    assert [(p.severity, p.field) for p in again.preview.problems][:1] == [("error", "engines")]


async def test_a_legacy_profile_is_shown_with_its_own_scripts(served: Api, ipython_dir: Path) -> None:
    shutil.copytree(LEGACY, ipython_dir / "profile_pbs")
    pbs = (await listed(served))["pbs"]
    assert (pbs.kind, pbs.placement, pbs.startable, pbs.problem) == ("legacy", "own_job", True, None)
    assert pbs.resources is not None and pbs.resources.queue == "default"
    assert len(pbs.notes) == 7
    seen = await preview(served, "pbs", engines=16)
    assert [script.role for script in seen.scripts] == ["controller", "engines"]
    assert "#PBS -N ipython_engine\n#PBS -q default\n#PBS -l nodes=2:ppn=8\n" in seen.scripts[1].text
    assert seen.problems == []
    seen = await preview(served, "pbs", engines=4)
    assert seen.scripts == [] and "nodes=0" in seen.problems[0].message
    made = msgspec.json.decode(
        await ask(served, "POST", "old", "adopt", body={"name": "old"}, status=201), type=ProfileDetail
    )
    assert made.profile.kind == "legacy" and made.profile.origin == "user"
    assert [script.diff for script in (await preview(served, "old", engines=8)).scripts] == ["", ""]
    template = ipython_dir / "profile_old" / "pbs.engine.template"
    template.write_text(template.read_text().replace("01:00:00", "02:00:00"))
    changed = (await preview(served, "old", engines=8)).scripts[1].diff
    assert changed is not None
    assert "-#PBS -l walltime=01:00:00\n+#PBS -l walltime=02:00:00\n" in changed


async def test_what_is_not_ours_stays(served: Api, ipython_dir: Path) -> None:
    await listed(served)
    await make(served, "mine")
    (ipython_dir / "profile_mine" / "history").write_text("the user's")
    await ask(served, "DELETE", "mine", status=204)
    assert [path.name for path in (ipython_dir / "profile_mine").iterdir()] == ["history"]
    assert (await listed(served))["mine"].kind == "local"


@pytest.mark.parametrize("engines_config", [{"use_scheduler": False}])
async def test_where_there_is_no_batch_system(api: Api) -> None:
    made = await make(api, "mine")
    assert not made.profile.startable
    assert made.profile.problem is not None and "No batch system" in made.profile.problem
    assert made.preview.scripts == [] and "No batch system" in made.preview.problems[0].message
