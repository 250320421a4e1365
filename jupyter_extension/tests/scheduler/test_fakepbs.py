"""The simulated batch system against recordings of real ones: same words, same streams, same statuses."""

from __future__ import annotations

import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakepbs import FakePBS, pbstext
from recordings import FOLDER

Run = Callable[..., subprocess.CompletedProcess[bytes]]

JOB = """\
#!/bin/bash
#PBS -N mcrun
#PBS -l nodes=2:ppn=4,walltime=00:05:00
echo from the job
exec sleep 60
"""


@pytest.fixture(params=["openpbs", "torque", "slurm"])
def dialect(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def pbs(tmp_path: Path, dialect: str) -> Iterator[FakePBS]:
    fake = FakePBS(tmp_path / "pbs", dialect, kill_delay=0.3)  # type: ignore[arg-type]
    yield fake
    broken = fake.failures()
    fake.shutdown()
    assert broken == []


@pytest.fixture
def run(pbs: FakePBS, tmp_path: Path) -> Run:
    home = tmp_path / "home"
    home.mkdir()
    (home / "job.sh").write_text(JOB)
    (home / "job.sh").chmod(0o700)

    def command(*argv: str, stdin: bytes = b"", seconds: float = 60) -> subprocess.CompletedProcess[bytes]:
        environ = {**pbs.environ, "HOME": str(home)}
        return subprocess.run(argv, cwd=home, env=environ, input=stdin, capture_output=True, timeout=seconds)

    return command


def script(tmp_path: Path, name: str, text: str | bytes) -> str:
    path = tmp_path / "home" / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o700)
    return name


def submit(run: Run, *argv: str) -> str:
    done = run("qsub", *(argv or ("job.sh",)))
    assert done.returncode == 0, done
    return done.stdout.decode().strip()


def recorded(folder: str, name: str, end: str) -> bytes:
    return (FOLDER / folder / f"{name}.{end}").read_bytes()


# --- words of refusal, byte by byte

REFUSALS: dict[str, list[tuple[str, list[str]]]] = {
    "openpbs": [
        ("qsub_unknown_queue", ["qsub", "-q", "nosuch", "exit0.sh"]),
        ("qsub_no_permission_queue", ["qsub", "-q", "priv", "exit0.sh"]),
        ("qsub_disabled_queue", ["qsub", "-q", "closed", "exit0.sh"]),
        ("qsub_over_queue_walltime", ["qsub", "-q", "debug", "-l", "walltime=01:00:00", "exit0.sh"]),
        ("qsub_bad_walltime_opt", ["qsub", "-l", "walltime=1:2:3:4:5", "exit0.sh"]),
        ("qsub_bad_walltime_script", ["qsub", "badwall.sh"]),
        ("qsub_bad_resource", ["qsub", "-l", "foo=3", "exit0.sh"]),
        ("qsub_bad_name", ["qsub", "-N", "1 bad/name", "exit0.sh"]),
        ("qsub_array_t", ["qsub", "-t", "1-4", "exit0.sh"]),
        ("qsub_CRLF", ["qsub", "crlf.sh"]),
        ("qsub_version", ["qsub", "--version"]),
        ("qstat_version", ["qstat", "--version"]),
        ("qstat_empty", ["qstat"]),
        ("qstat_a_empty", ["qstat", "-a"]),
        ("qstat_unknown_f", ["qstat", "-f", "99999"]),
        ("qstat_badid", ["qstat", "abc.def.ghi"]),
        ("qstat_badqueue", ["qstat", "nosuchq"]),
        ("qdel_bad", ["qdel", "abc"]),
        ("qdel_array_noidx", ["qdel", "7043"]),
        ("qhold_unknown", ["qhold", "99999"]),
        ("qrls_unknown", ["qrls", "99999"]),
        ("qalter_unknown", ["qalter", "-l", "walltime=00:02:00", "99999"]),
        ("pbsnodes_unknown", ["pbsnodes", "nosuch"]),
    ],
    "torque": [
        ("qsub_unknown_queue", ["qsub", "-q", "nosuch", "exit0.sh"]),
        ("qsub_walltime_too_long", ["qsub", "-q", "debug", "-l", "walltime=01:00:00", "exit0.sh"]),
        ("qsub_bad_walltime", ["qsub", "-l", "walltime=abc", "exit0.sh"]),
        ("qsub_bad_directive", ["qsub", "badwall.sh"]),
        ("qsub_bad_resource", ["qsub", "-l", "nosuchres=4", "exit0.sh"]),
        ("qsub_bad_nodes_syntax", ["qsub", "-l", "nodes=1:ppn=x", "exit0.sh"]),
        ("qsub_too_many_nodes", ["qsub", "-l", "nodes=4:ppn=8", "exit0.sh"]),
        ("qsub_too_many_ppn", ["qsub", "-l", "nodes=1:ppn=64", "exit0.sh"]),
        ("qsub_array_bad", ["qsub", "-t", "x-y", "exit0.sh"]),
        ("qsub_bad_name", ["qsub", "-N", "has space", "exit0.sh"]),
        ("qsub_missing_script", ["qsub", "/nonexistent.sh"]),
        ("qsub_version", ["qsub", "--version"]),
        ("qstat_u_none", ["qstat", "-u", "daemon"]),
        ("qstat_a_empty_list", ["qstat", "-a"]),
        ("qstat_x_empty_list", ["qstat", "-x"]),
        ("qstat_unknown", ["qstat", "999999"]),
        ("qstat_f_unknown", ["qstat", "-f", "999999.vm"]),
        ("qstat_x_unknown", ["qstat", "-x", "999999.vm"]),
        ("qstat_badid", ["qstat", "abc"]),
        ("qstat_badid2", ["qstat", "999999.otherhost"]),
        ("qdel_unknown_short", ["qdel", "999999"]),
        ("qhold_unknown", ["qhold", "999999.vm"]),
        ("qrls_unknown", ["qrls", "999999.vm"]),
        ("unknown_qalter", ["qalter", "-l", "walltime=60", "999999"]),
        ("pbsnodes_unknown", ["pbsnodes", "nosuch"]),
    ],
    "slurm": [
        ("err_walltime_over", ["qsub", "-q", "debug", "-l", "walltime=99:00:00", "full.sh"]),
        ("err_bad_walltime_cmd", ["qsub", "-l", "walltime=banana", "full.sh"]),
        ("err_bad_walltime_script", ["qsub", "badwall.sh"]),
        ("err_no_script", ["qsub", "nosuchfile.sh"]),
        ("err_too_many_nodes", ["qsub", "-l", "nodes=5:ppn=1", "full.sh"]),
        ("err_too_many_ppn", ["qsub", "-l", "nodes=1:ppn=64", "full.sh"]),
        ("err_queue_maxnodes", ["qsub", "-q", "debug", "-l", "nodes=3:ppn=4", "env.sh"]),
        ("err_qsub_badopt", ["qsub", "--bogus", "full.sh"]),
        ("qsub_badopt", ["qsub", "badopt.sh"]),
        ("qsub_bare", ["qsub", "bare.sh"]),
        ("qsub_stdin", ["qsub"]),
        ("qsub_version", ["qsub", "--version"]),
        ("qstat_version", ["qstat", "--version"]),
        ("qstat_t", ["qstat", "-t"]),
        ("qstat_empty", ["qstat"]),
        ("qstat_f_empty", ["qstat", "-f"]),
        ("qstat_u_nobody", ["qstat", "-u", "nobody"]),
        ("qstat_q_empty", ["qstat", "-q"]),
        ("qstat_Qf", ["qstat", "-Q", "-f"]),
        ("err_qstat_garbage", ["qstat", "foo"]),
        ("err_qstat_unknown", ["qstat", "99999"]),
        ("err_qstat_f_unknown", ["qstat", "-f", "99999"]),
        ("err_qdel_unknown", ["qdel", "99999"]),
        ("err_qdel_garbage", ["qdel", "foo"]),
        ("err_qdel_dotserver", ["qdel", "99999.vm"]),
        ("err_qdel_noargs", ["qdel"]),
        ("err_qhold_unknown", ["qhold", "-h", "u", "99999"]),
        ("err_qrls_unknown", ["qrls", "-h", "u", "99999"]),
        ("qstat_Q", ["qstat", "-Q"]),
        ("qsub_noargs", ["qsub"]),
    ],
}  # fmt: skip

SCRIPTS = {
    "exit0.sh": "#!/bin/bash\ntrue\n",
    "full.sh": "#!/bin/bash\ntrue\n",
    "env.sh": "#!/bin/bash\nenv\n",
    "bare.sh": "echo no shebang\n",
    "badopt.sh": "#!/bin/bash\n#PBS -Z\ntrue\n",
    "badwall.sh": "#!/bin/bash\n#PBS -l walltime=banana\ntrue\n",
    "crlf.sh": "#!/bin/bash\r\n#PBS -N crlf\r\necho hi\r\n",
}


@pytest.mark.parametrize("dialect", ["openpbs", "torque", "slurm"])
def test_says_no_in_the_recorded_words(dialect: str, pbs: FakePBS, run: Run, tmp_path: Path) -> None:
    for name, text in SCRIPTS.items():
        script(tmp_path, name, text)
    wrong = {}
    for name, argv in REFUSALS[dialect]:
        done = run(*argv)
        said = (done.returncode, done.stdout, done.stderr)
        meant = (
            int(recorded(dialect, name, "rc")),
            recorded(dialect, name, "out"),
            recorded(dialect, name, "err"),
        )
        if said != meant:
            wrong[name] = (said, meant)
    assert wrong == {}
    assert pbs.jobs() == []


DOWN: dict[str, list[tuple[str, list[str]]]] = {
    "openpbs": [
        ("down_qstat", ["qstat"]),
        ("down_qstat_f_json", ["qstat", "-f", "-F", "json"]),
        ("down_qstat_x", ["qstat", "-x"]),
        ("down_qsub", ["qsub", "job.sh"]),
        ("down_qdel", ["qdel", "6036.pbshead"]),
        ("down_qhold", ["qhold", "6036.pbshead"]),
        ("down_qrls", ["qrls", "6036.pbshead"]),
        ("down_pbsnodes", ["pbsnodes", "-a"]),
    ],
    "torque": [
        ("serverdown_qstat", ["qstat"]),
        ("serverdown_qstat_x", ["qstat", "-x"]),
        ("serverdown_qsub", ["qsub", "job.sh"]),
        ("serverdown_qdel", ["qdel", "61.vm"]),
        ("serverdown_qhold", ["qhold", "61.vm"]),
        ("serverdown_qselect", ["qselect"]),
        ("serverdown_pbsnodes", ["pbsnodes", "-a"]),
    ],
    "slurm": [
        ("down_qstat_Q", ["qstat", "-Q"]),
        ("down_qsub", ["qsub", "env.sh"]),
        ("down_qdel", ["qdel", "23"]),
        ("down_pbsnodes", ["pbsnodes", "-a"]),
    ],
}


def test_says_that_the_server_is_down(dialect: str, pbs: FakePBS, run: Run) -> None:
    pbs.down()
    for name, argv in DOWN[dialect]:
        done = run(*argv)
        out = re.sub(rb"\d{10}", b"TIME", done.stdout)
        assert (done.returncode, out, done.stderr) == (
            int(recorded(dialect, name, "rc")),
            re.sub(rb"\d{10}", b"TIME", recorded(dialect, name, "out")),
            recorded(dialect, name, "err"),
        ), name
    assert run("qstat", "--version").returncode in (0, 2)
    pbs.up()
    assert submit(run) in {job.job_id for job in pbs.jobs()}


# --- listings: the same keys in the same order


def text_keys(output: bytes) -> list[str]:
    """Return the keys of the first entry of a full listing."""
    found: list[str] = []
    for line in output.decode(errors="replace").splitlines()[1:]:
        match = re.match(r"(?:    |\t)([A-Za-z_.]+) = ", line)
        if match:
            found.append(match[1])
        elif not line:
            break
    return found


def xml_keys(output: bytes) -> list[str]:
    job = ElementTree.fromstring(output.decode(errors="replace")).find("Job")  # noqa: S314  # recordings, our own
    assert job is not None
    return [f"{a.tag}.{b.tag}" for a in job for b in a] + [a.tag for a in job]


def json_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: json_keys(item) for key, item in value.items() if key != "Variable_List"}
    return type(value).__name__


def full(dialect: str, run: Run, job_id: str) -> bytes:
    return run("qstat", "-xf" if dialect == "openpbs" else "-f", job_id).stdout


#: What depends on the job, not on the batch system: who submitted, from where, what was used.
_OWN = {
    "Account_Name", "Resource_List.mpiprocs", "Resource_List.nodes", "Shell_Path_List", "Resource_List.mem",
    "depend", "sched_hint",
}  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "running", "ended"),
    [
        ("openpbs", "fin_OLD_xf", "fin_OLD_xf"),
        ("torque", "qstat_f_run", "qstat_f_C_done3"),
        ("slurm", "qstat_f", "qstat_completed_f"),
    ],
)
def test_full_listing_has_the_recorded_keys(
    dialect: str, running: str, ended: str, pbs: FakePBS, run: Run, tmp_path: Path
) -> None:
    script(tmp_path, "short.sh", "#!/bin/bash\n#PBS -l nodes=2:ppn=4,walltime=00:05:00\ntrue\n")
    job_id = submit(run, "short.sh")
    pbs.wait(lambda: pbs.job(job_id).state == "F")
    keys = [key for key in text_keys(full(dialect, run, job_id)) if key not in _OWN]
    wanted = [key for key in text_keys(recorded(dialect, ended, "out")) if key not in _OWN]
    assert sorted(keys) == sorted(wanted)
    order = [key for key in wanted if "." not in key]
    assert [key for key in keys if "." not in key] == order

    job_id = submit(run)
    pbs.wait(lambda: pbs.job(job_id).state == "R")
    keys = text_keys(full(dialect, run, job_id))
    if dialect == "torque":
        assert set(keys) - _OWN == set(text_keys(recorded(dialect, running, "out"))) - _OWN
    else:
        assert "exec_host" in keys
        assert not {"Exit_status", "history_timestamp", "obittime"} & set(keys)


@pytest.mark.parametrize("dialect", ["openpbs"])
def test_json_is_the_recorded_json(pbs: FakePBS, run: Run) -> None:
    job_id = submit(run)
    pbs.wait(lambda: pbs.job(job_id).state == "R")
    done = run("qstat", "-f", "-F", "json", job_id)
    ours = json.loads(done.stdout)
    theirs = json.loads(recorded("openpbs", "qstat_f_job_json", "out"))
    (mine,) = ours.pop("Jobs").values()
    (real,) = theirs.pop("Jobs").values()
    mine["Resource_List"].pop("nodes")
    assert json_keys(mine) == json_keys(real)
    assert json_keys(ours) == json_keys(theirs)
    # Byte by byte as far as the job does not matter: tabs, braces, the final newline.
    assert [line[: len(line) - len(line.lstrip())] for line in done.stdout.splitlines()[:12]] == [
        line[: len(line) - len(line.lstrip())]
        for line in recorded("openpbs", "qstat_f_job_json", "out").splitlines()[:12]
    ]
    second = submit(run)
    both = json.loads(run("qstat", "-f", "-F", "json", job_id, second).stdout)
    assert list(both["Jobs"]) == [job_id]
    assert json_keys(json.loads(run("qstat", "-Qf", "-F", "json").stdout)["Queue"]["debug"]) == json_keys(
        json.loads(recorded("openpbs", "qstat_Qf_json", "out"))["Queue"]["debug"]
    )


@pytest.mark.parametrize("dialect", ["torque"])
def test_xml_is_the_recorded_xml(pbs: FakePBS, run: Run) -> None:
    job_id = submit(run)
    pbs.wait(lambda: pbs.job(job_id).state == "R")
    done = run("qstat", "-x", job_id)
    theirs = recorded("torque", "qstat_x_job", "out")
    assert set(xml_keys(done.stdout)) - _OWN == set(xml_keys(theirs)) - _OWN
    assert (
        done.stdout[:60].split(b"</")[0].split(job_id.encode())[0]
        == b'<?xml version="1.0"?>\n<Data><Job><Job_Id>'
    )
    assert done.stdout.endswith(b"</Job></Data>\n")


@pytest.mark.parametrize(
    ("dialect", "name", "argv"),
    [
        ("openpbs", "qstat_plain", ["qstat"]),
        ("openpbs", "qstat_tn_u", ["qstat", "-tn", "-u", "USER"]),
        ("torque", "qstat", ["qstat"]),
        ("torque", "qstat_n", ["qstat", "-n"]),
        ("slurm", "qstat_n", ["qstat", "-n"]),
    ],
)
def test_tables_have_the_recorded_columns(
    dialect: str, name: str, argv: list[str], pbs: FakePBS, run: Run
) -> None:
    job_id = submit(run)
    pbs.wait(lambda: pbs.job(job_id).state == "R")
    done = run(*[pbs.user if word == "USER" else word for word in argv])
    ours = done.stdout.decode().splitlines()
    theirs = recorded(dialect, name, "out").decode().splitlines()
    rule = next(number for number, line in enumerate(theirs) if line.startswith("-----"))
    assert ours[: rule + 1] == theirs[: rule + 1]
    # The rows: blanks between the columns stand where they stand in the recording.
    real = next(line for line in theirs[rule + 1 :] if re.search(r" R ", line))
    assert ours[rule + 1].index(" R ") == real.index(" R ")
    assert len(ours[rule + 1]) == len(real)


def test_wraps_as_the_recordings_do() -> None:
    """Unwrap recorded values, wrap them again: nothing may change."""
    wrong = []
    count = 0
    for folder, name in [("openpbs", "qstat_f"), ("openpbs", "fin_E0_xf"), ("torque", "qstat_f_C_done3")]:
        raw = recorded(folder, name, "out").decode()
        for entry in re.findall(r"^    [A-Za-z_.]+ = (?:.*\n(?:\t.*\n)*)", raw, re.MULTILINE):
            key, _, value = entry.rstrip("\n").strip(" ").partition(" = ")
            # Paths in the recordings were shortened after the fact.
            if "/opt/" in value:
                continue
            count += 1
            again = pbstext.attribute(key, value.replace("\n\t", ""))
            if again != entry:
                wrong.append((entry, again))
    assert count > 100
    assert wrong == []
