"""Where the rig runs, and what it changes in a system: decided by functions of facts alone."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
from rigside import REPO

RIG = REPO / "jupyter_extension" / "dev" / "rig"
CLONE = str(REPO)
OURS = f"# rig of jupyterlab-engines in {CLONE}\nClusterName=rig\n"
DEBIAN: dict[str, Any] = {
    "system": "Debian GNU/Linux 12 (bookworm)",
    "isDebian": True,
    "uid": 0,
    "hasApt": True,
    "slurmConf": None,
    "otherPbs": None,
    "hasOtherUser": False,
}


def evaluate(module: str, expression: str) -> Any:
    """Return what a JavaScript expression over a module of the rig, called `m`, gives."""
    uri = json.dumps((RIG / module).as_uri())
    program = f"import * as m from {uri}; console.log(JSON.stringify({expression}));"
    node = shutil.which("node")
    assert node
    done = subprocess.run(
        [node, "--input-type=module", "-e", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def obstacle(**facts: Any) -> str | None:
    told: str | None = evaluate("facts.mjs", f"m.obstacle({json.dumps({**DEBIAN, **facts})})")
    return told


CLONE = "# rig of jupyterlab-engines in /other\n"


# What another clone left whose daemons are gone is taken over.
@pytest.mark.parametrize("slurm_conf", [None, OURS, CLONE])
def test_root_on_debian_can_carry_the_rig(slurm_conf: str | None) -> None:
    assert obstacle(slurmConf=slurm_conf) is None


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"isDebian": False, "system": "Fedora Linux 40"}, "needs Debian; this is Fedora Linux 40"),
        ({"uid": 1000}, "needs root"),
        ({"hasApt": False}, "apt-get"),
        ({"slurmConf": "ClusterName=ours\n"}, "has a Slurm of its own (/etc/slurm/slurm.conf)"),
        ({"slurmConf": ""}, "has a Slurm of its own"),
        ({"slurmConf": CLONE, "isSlurmRunning": True}, "The rig of another clone, /other, is"),
        ({"otherPbs": "/etc/pbs.conf"}, "has a PBS of its own (/etc/pbs.conf)"),
        ({"hasOtherUser": True}, "somebody else has it"),
    ],
)
def test_other_machines_are_left_alone(facts: dict[str, Any], words: str) -> None:
    assert words in (obstacle(**facts) or "")


@pytest.mark.parametrize(
    ("reason", "environment", "verdict"),
    [
        (None, {}, "run"),
        (None, {"CI": "true"}, "run"),
        ("no root", {}, "skip"),
        ("no root", {"CI": ""}, "skip"),
        ("no root", {"CI": "false"}, "skip"),
        ("no root", {"CI": "true"}, "fail"),
        ("no root", {"CI": "1"}, "fail"),
    ],
)
def test_ci_fails_instead_of_skipping(reason: str | None, environment: dict[str, str], verdict: str) -> None:
    assert evaluate("facts.mjs", f"m.judge({json.dumps(reason)}, {json.dumps(environment)})") == verdict


def test_lines_in_the_hosts_file_come_and_go() -> None:
    before = "127.0.0.1 localhost\n# a comment\n10.0.0.1 n10\n"
    entries = json.dumps([["127.0.1.11", "n1"], ["127.0.1.12", "n2"]])
    once = evaluate("hosts.mjs", f"m.withOurs({json.dumps(before)}, {entries})")
    twice = evaluate("hosts.mjs", f"m.withOurs({json.dumps(once)}, {entries})")
    after = evaluate("hosts.mjs", f"m.withoutOurs({json.dumps(once)})")
    assert once.startswith(before)
    assert [line.split()[:2] for line in once.splitlines()[3:]] == [
        ["127.0.1.11", "n1"],
        ["127.0.1.12", "n2"],
    ]
    assert twice == once
    assert after == before


def test_only_the_topmost_closed_folder_is_covered() -> None:
    modes = json.dumps({"/a": 0o755, "/a/b": 0o700, "/a/b/c": 0o700, "/a/d": 0o755, "/a/d/e": 0o711})
    program = f"['/a/b/c', '/a/d/e'].map(f => m.closedFolder(f, n => ({modes})[n]))"
    assert evaluate("user.mjs", program) == ["/a/b", None]


def test_finished_jobs_can_be_forgotten_without_a_restart() -> None:
    long, short = evaluate("config.mjs", "[m.slurmConf(300), m.slurmConf(5)]")
    assert long.splitlines()[0] == OURS.splitlines()[0]
    assert set(long.splitlines()) ^ set(short.splitlines()) == {"MinJobAge=300", "MinJobAge=5"}


@pytest.mark.parametrize("arguments", [[], ["nonsense"]])
def test_unknown_commands_are_refused(arguments: list[str]) -> None:
    node = shutil.which("node")
    assert node
    main = str(REPO / "jupyter_extension" / "dev" / "main.mjs")
    done = subprocess.run(
        [node, main, "rig", *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "up, down, status, run" in done.stderr
