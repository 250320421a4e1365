"""The documents say what is so: settings, commands, words, files, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from documents import (
    ADMINS,
    DOCUMENTS,
    README,
    REPO,
    USERS,
    Block,
    block,
    blocks,
    links,
    rows,
    text_of,
)
from traitlets.config import Config

from jupyterlab_engines.app import EnginesApp
from jupyterlab_engines.clusters import claims, words
from jupyterlab_engines.errors import OverLimit
from jupyterlab_engines.jobs import service
from jupyterlab_engines.jobs.follow import Pace
from jupyterlab_engines.profiles import settings as on_disk
from jupyterlab_engines.profiles.catalogue import find
from jupyterlab_engines.profiles.plan import enforce
from jupyterlab_engines.profiles.site import adopt, site_profiles
from jupyterlab_engines.profiles.validate import Limits
from jupyterlab_engines.scheduler.base import Dialect, Refused, Submission
from jupyterlab_engines.scheduler.openpbs import OpenPbs
from jupyterlab_engines.scheduler.slurm_torque import SlurmTorque
from jupyterlab_engines.scheduler.torque import Torque

CONFIGURATIONS = [b for document in DOCUMENTS for b in blocks(document, "python") if b.is_configuration]
TRAITS = {
    name: trait
    for name, trait in EnginesApp.class_own_traits(config=True).items()
    if trait.this_class is EnginesApp
}


# --- blocks and links


@pytest.mark.parametrize("document", DOCUMENTS)
def test_each_block_says_its_language(document: str) -> None:
    assert [b.where for b in blocks(document) if b.language not in ("sh", "python", "json")] == []


@pytest.mark.parametrize("document", [*DOCUMENTS, "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_links_lead_somewhere(document: str) -> None:
    missing = []
    for link in links(document):
        path, _, heading = link.partition("#")
        target = (REPO / document).parent / path if path else REPO / document
        if not target.exists():
            missing.append(link)
        elif heading and heading not in _headings(target):
            missing.append(link)
    assert missing == []


def _headings(document: Path) -> set[str]:
    found = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


# --- configuration


@pytest.mark.parametrize("example", CONFIGURATIONS, ids=lambda b: b.where)
def test_configuration_is_accepted(example: Block) -> None:
    config = Config()
    exec(compile(example.text, example.where, "exec"), {"c": config})  # noqa: S102 - as Jupyter does
    assert set(config) == {"EnginesApp"} and config.EnginesApp
    app = EnginesApp(config=config)
    for name, value in config.EnginesApp.items():
        assert name in TRAITS
        assert getattr(app, name) == value


def test_there_is_an_example_of_a_configuration() -> None:
    assert any(b.document == ADMINS for b in CONFIGURATIONS)


def test_all_settings_are_told_with_their_defaults() -> None:
    told = {cells[0].strip("`").removeprefix("c.EnginesApp."): cells[1] for cells in rows(ADMINS, "setting")}
    app = EnginesApp()
    assert told == {name: f"`{getattr(app, name)!r}`" for name in TRAITS}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_settings_that_are_named_exist(document: str) -> None:
    named = set(re.findall(r"\bEnginesApp\.(\w+)", text_of(document)))
    assert named <= set(TRAITS)


# --- profiles


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site's folder as admins.md tells to make it."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    folder = tmp_path / "profiles"
    (folder / "pbs").mkdir(parents=True)
    for name in ("pxengines.json", "site.json"):
        (folder / "pbs" / name).write_text(block(ADMINS, "json", f"/pbs/{name}`").text, encoding="utf-8")
    return folder


def test_the_site_s_example_is_a_profile(site: Path) -> None:
    [profile] = site_profiles([site])
    assert (profile.name, profile.display_name, profile.problem) == ("pbs", "Cluster of the institute", None)
    assert profile.limits == Limits(64, 86400, 2)
    assert profile.settings is not None
    assert profile.settings.resources.memory_bytes == 4 << 30


def test_the_site_s_example_holds_for_a_copy(site: Path) -> None:
    [profile] = site_profiles([site])
    copy = adopt(profile, "mine")
    stored = on_disk.read(copy)
    mine = stored.settings.__class__(
        **{
            name: ["module load other"] if name == "prologue" else getattr(stored.settings, name)
            for name in stored.settings.__struct_fields__
        }
    )
    on_disk.write(copy, on_disk.Stored(settings=mine, template_of="pbs"))
    entry = find("mine", [site])
    assert entry.settings is not None and entry.settings.prologue == ["module load mpi"]
    enforce(entry, Limits(), engines=64, resources=None, running_clusters=1)
    for engines, running in ((65, 0), (8, 2)):
        with pytest.raises(OverLimit):
            enforce(entry, Limits(), engines=engines, resources=None, running_clusters=running)


def test_the_user_s_example_is_a_profile() -> None:
    example = block(USERS, "json", "pxengines.json")
    stored = on_disk.decode(example.text.encode(), Path("pxengines.json"))
    assert stored.settings.engines == 8
    assert stored.template_of is None


# --- commands

_USER, _ID, _NAME, _SECONDS = "USER", "16.pbshead", "NAME", 600
_ORDER = Submission(script=Path("SCRIPT"), name=_NAME, work_dir=Path(), output=Path("FILE"))


def _commands(dialect: Dialect) -> dict[str, str]:
    job = "16" if dialect.name == "slurm_torque" else _ID
    try:
        alter = _line(dialect.alter_walltime(job, _SECONDS).argv, job)
    except Refused:
        alter = ""
    [query] = dialect.query([job])
    return {
        "table": _line(dialect.list_jobs(_USER).argv),
        "job": _line(query.argv, job),
        "by name": _line(dialect.find(_NAME, _USER).argv),
        "submit": _line(dialect.submit(_ORDER).argv),
        "delete": _line(dialect.delete(job).argv, job),
        "hold": _line(dialect.hold(job).argv, job),
        "release": _line(dialect.release(job).argv, job),
        "walltime": alter,
        "queues": _line(dialect.queues().argv),
        "default queue": _line(dialect.default_queue().argv),
        "nodes": _line(dialect.nodes().argv),
        "raw view": _line(dialect.raw_table(_USER).argv),
    }


def _line(argv: tuple[str, ...], job_id: str = "") -> str:
    return " ".join("ID" if word == job_id else word for word in argv)


@pytest.mark.parametrize(
    ("column", "dialect"), [(1, OpenPbs("", "")), (2, Torque("", "")), (3, SlurmTorque("", ""))]
)
def test_the_commands_are_those_that_are_run(column: int, dialect: Dialect) -> None:
    told = {cells[0]: cells[column] for cells in rows(ADMINS, "") if len(cells) == 4}
    expected = {what: f"`{line}`" if line else "not possible" for what, line in _commands(dialect).items()}
    assert told == expected


def test_the_pace_is_the_one_that_is_told() -> None:
    pace = Pace()
    assert (pace.table, pace.fast, pace.fast_for) == (60, 2, 120)
    assert (pace.slow, pace.idle, pace.refresh) == (75, 300, 5)
    app = EnginesApp()
    assert (app.queue_poll_seconds, app.job_poll_seconds) == (pace.table, pace.fast)
    assert TRAITS["queue_poll_seconds"].min == 30
    assert service._LIMITS_SECONDS == 600
    assert (claims.CLAIM_SECONDS, claims.STALE_SECONDS) == (20, 90)


def test_the_numbers_of_commands_are_those_that_are_held() -> None:
    """Each number in the table is a limit in the test that counts."""
    told = [cells[1] for cells in rows(ADMINS, "in an hour with")]
    counted = (REPO / "jupyter_extension/tests/jobs/test_watch.py").read_text(encoding="utf-8")
    held = [re.findall(r"STEADY = (\d+)", counted)[0], *re.findall(r"\) <= (13)$", counted, re.MULTILINE)]
    nothing = "assert len(pbs.calls()) == before" in counted
    queued = sum(map(int, re.findall(r"asked <= (\d+) \+ (\d+) \+ (\d+)", counted)[0]))
    silent = re.findall(r"- before <= (130)$", counted, re.MULTILINE)
    assert told == [*held, "0" if nothing else "", str(queued), *silent]


# --- words


@pytest.mark.parametrize("code", sorted(words.PARAMETERS))
def test_users_find_each_failure_by_its_words(code: str) -> None:
    params = {name: "7" for name in words.PARAMETERS[code]}
    told = [words.failure(code, params)]  # type: ignore[arg-type]
    told.append(words.failure(code, {**params, "sizes": "1", "registered": "0", "detail": ""}))  # type: ignore[arg-type]
    messages = [failure.message.replace("`", "") for failure in told]
    cells = [cells[0].replace("*", "").strip() for cells in rows(USERS, "the card says")]
    found = [cell for cell in cells if any(_is_said(cell, message) for message in messages)]
    assert found, messages


def _is_said(cell: str, message: str) -> bool:
    parts = [part.strip() for part in cell.split("…")]
    pattern = ".*".join(re.escape(part) for part in parts if part)
    return re.search(pattern, message, re.IGNORECASE) is not None


@pytest.mark.parametrize("document", [USERS, README])
def test_what_is_to_be_pressed_is_on_the_screen(document: str) -> None:
    sources = "\n".join(
        path.read_text(encoding="utf-8")
        for path in sorted((REPO / "src").rglob("*.ts*"))
        if "__tests__" not in path.parts
    )
    labels = set(re.findall(r"trans\.__\(\s*'([^']+)'", sources))
    pressed = set(re.findall(r"(?:press|Press|offers|presses) \*+([^*]+?)\*+", text_of(document)))
    assert pressed and pressed <= labels
