"""What a job makes of a batch system's environment, without processes."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from pxengines.launch import addresses
from pxengines.launch.addresses import NoSuchAddress, choose_address, interface_addresses, is_loopback
from pxengines.launch.batch import BatchJob, batch_job, short
from pxengines.launch.connection_file import connection_of_run
from pxengines.launch.events import append_event, events_of_run
from pxengines.launch.mpiexec import forward_args, mpi_environment, spread_args
from pxengines.launch.paths import RunPaths
from pxengines.launch.process import without_secrets
from pxengines.launch.spec import JobSpec

HERE = socket.gethostname()


def test_no_batch_job() -> None:
    assert batch_job({"PATH": "/bin"}) is None
    assert batch_job({"PBS_JOBID": ""}) is None


def test_batch_jobs_of_all_dialects(tmp_path: Path) -> None:
    nodes = tmp_path / "nodes"
    nodes.write_text("n1\nn1\nn2.site.example\nn2.site.example\n\n")
    torque = batch_job({"PBS_JOBID": "1.head", "PBS_NODEFILE": str(nodes), "PBS_O_HOST": "head.site.example"})
    assert torque == BatchJob(
        job_id="1.head",
        node_file=str(nodes),
        nodes={"n1": 2, "n2.site.example": 2},
        submitted_from="head.site.example",
    )
    assert torque.others == ["n1", "n2.site.example", "head.site.example"]
    slurm = batch_job({"PBS_JOBID": "9", "SLURM_JOB_ID": "9", "PBS_NODEFILE": str(tmp_path / "gone")})
    assert slurm is not None
    assert (slurm.by_slurm, slurm.nodes) == (True, {})
    bare = batch_job({"SLURM_JOB_ID": "9"})
    assert bare == BatchJob(job_id="9", by_slurm=True)


def test_this_host_is_none_of_the_others() -> None:
    batch = BatchJob(job_id="1", nodes={f"{HERE}.site.example": 1, "n2": 1}, submitted_from=short(HERE))
    assert batch.others == ["n2"]


@pytest.mark.parametrize(
    ("vendor", "expected"),
    [("mpich", "-machinefile"), ("intel", "-machinefile"), ("openmpi", "--hostfile"), ("unknown", None)],
)
def test_ranks_are_spread_as_the_node_file_says(vendor: str, expected: str | None) -> None:
    batch = BatchJob(job_id="1", node_file="/nodes", nodes={HERE: 4, "n2": 4})
    assert spread_args(vendor, batch, []) == ([expected, "/nodes"] if expected else [])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "batch",
    [
        None,
        BatchJob(job_id="1", node_file="/nodes", nodes={HERE: 4, "n2": 4}, by_slurm=True),
        BatchJob(job_id="1", nodes={HERE: 4, "n2": 4}),
        BatchJob(job_id="1", node_file="/nodes", nodes={HERE: 8}),
    ],
    ids=["no batch job", "Slurm tells it", "no node file", "only this node"],
)
def test_nothing_to_be_told(batch: BatchJob | None) -> None:
    assert spread_args("mpich", batch, []) == []


@pytest.mark.parametrize(
    "given",
    [["-f", "mine"], ["--hostfile=mine"], ["-launcher", "ssh"], ["-hosts", "a,b"], ["-machinefile", "mine"]],
    ids=" ".join,
)
def test_what_the_profile_sets_wins(given: list[str]) -> None:
    batch = BatchJob(job_id="1", node_file="/nodes", nodes={HERE: 4, "n2": 4})
    assert spread_args("mpich", batch, given) == []


def test_open_mpi_is_told_what_to_hand_on() -> None:
    names = ["PXENGINES_RUN_ID", "MPI4PY_LIBMPI", "PYTHONPATH", "PATH", "PBS_JOBID", "SSH_AUTH_SOCK"]
    assert forward_args("openmpi", names) == [
        *("-x", "MPI4PY_LIBMPI", "-x", "PATH", "-x", "PXENGINES_RUN_ID", "-x", "PYTHONPATH"),
    ]
    assert forward_args("mpich", names) == []


def test_open_mpi_may_have_more_engines_than_cores(tmp_path: Path) -> None:
    added = mpi_environment(str(tmp_path / "bin/mpiexec"), "openmpi", {"PRTE_MCA_other": "x"})
    assert added["PRTE_MCA_hwloc_default_binding_policy"] == "none"
    kept = {"PRTE_MCA_hwloc_default_binding_policy": "core"}
    assert "PRTE_MCA_hwloc_default_binding_policy" not in mpi_environment("mpiexec", "openmpi", kept)
    # In a job with room for all it would put them all on the first node.
    roomy = mpi_environment("mpiexec", "openmpi", {}, oversubscribe=False)
    assert not {"PRTE_MCA_rmaps_default_mapping_policy", "OMPI_MCA_rmaps_base_oversubscribe"} & set(roomy)


def test_room_for_engines() -> None:
    batch = BatchJob(job_id="1", nodes={"n1": 4, "n2": 4})
    assert (batch.has_room_for(8), batch.has_room_for(9)) == (True, False)
    assert BatchJob(job_id="1").has_room_for(99)


def test_keys_of_another_cluster_are_left_out() -> None:
    environ = {"IPP_CONNECTION_INFO": "{}", "IPP_SESSION_KEY": "k", "IPP_CLUSTER_ID": "x", "IPYTHONDIR": "/i"}
    assert without_secrets(environ) == {"IPYTHONDIR": "/i"}


def test_orders_of_before_are_understood(tmp_path: Path) -> None:
    old = '{"run_id": "r", "profile_dir": "/p", "cluster_id": "", "engines": 2, "python": ["python"]}'
    (tmp_path / "spec.json").write_text(old)
    spec = JobSpec.read(tmp_path / "spec.json")
    assert (spec.placement, spec.controller_address, spec.encrypt) == ("local", "", False)


def test_each_role_has_its_own_files(tmp_path: Path) -> None:
    paths = RunPaths(tmp_path / "profile_x", "")
    assert (paths.lock_of("cluster"), paths.events_of("cluster")) == (paths.lock, paths.events)
    assert paths.job_log("cluster") == paths.log("job")
    assert [path.name for path in (paths.lock_of("engines"), paths.events_of("engines"))] == [
        "lock-engines",
        "events-engines.jsonl",
    ]
    assert paths.job_log("controller").name == "job-controller.log"


def test_events_of_the_last_start_of_a_run(tmp_path: Path) -> None:
    """A job that the scheduler has run again appends to what it told the first time."""
    path = tmp_path / "events.jsonl"
    assert events_of_run(path, "r") == []
    append_event(path, "job_started", run_id="other")
    append_event(path, "job_ended")
    assert events_of_run(path, "r") == []
    for _ in range(2):
        append_event(path, "job_started", run_id="r")
        append_event(path, "engines_started")
    assert [event["event"] for event in events_of_run(path, "r")] == ["job_started", "engines_started"]


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "{}", '{"registration": 1, "pxengines_run_id": "other"}', "\xff"]
)
def test_connection_files_that_do_not_count(tmp_path: Path, content: str) -> None:
    path = tmp_path / "ipcontroller-engine.json"
    assert connection_of_run(path, "r") is None
    path.write_bytes(content.encode("latin-1"))
    assert connection_of_run(path, "r") is None


def test_connection_files_that_count(tmp_path: Path) -> None:
    path = tmp_path / "ipcontroller-engine.json"
    path.write_text('{"registration": 1, "pxengines_run_id": "r"}')
    assert connection_of_run(path, "r") == connection_of_run(path, None)
    path.write_text('{"registration": 1}')  # a controller that was not started by a job of ours
    assert connection_of_run(path, "r") == {"registration": 1}


@pytest.mark.parametrize(
    "setting", ["*", ".".join("0000"), "::", "192.0.2.254", "no-such-interface", "no.host.invalid"]
)
def test_addresses_that_are_none_of_this_host(setting: str) -> None:
    with pytest.raises(NoSuchAddress, match=HERE) as caught:
        choose_address(setting)
    assert setting in str(caught.value)


def test_addresses_that_are_set() -> None:
    assert choose_address("127.0.0.1") == "127.0.0.1"
    assert choose_address("127.0.1.11") == "127.0.1.11"  # any of 127.0.0.0/8 is this host
    for name, address in interface_addresses().items():
        assert choose_address(name) == address


def test_a_name_that_means_loopback_is_not_good_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian gives a host's own name 127.0.1.1: no other host gets there."""
    found = {HERE: ["127.0.1.1"]}
    monkeypatch.setattr(addresses, "_addresses_of", lambda host: found.get(host, []))
    monkeypatch.setattr(addresses, "_is_ours", lambda address: True)
    interfaces = {"lo": "127.0.0.1", "docker0": "172.17.0.1", "eth0": "10.1.2.3"}
    monkeypatch.setattr(addresses, "interface_addresses", lambda: interfaces)
    assert choose_address("") == "10.1.2.3"
    monkeypatch.setattr(addresses, "_towards", lambda other: "10.9.9.9")
    assert choose_address("", ["n2"]) == "10.9.9.9"  # the way there is known better
    found[HERE] = ["10.5.5.5"]
    assert choose_address("", ["n2"]) == "10.5.5.5"
    found[HERE] = ["127.0.1.1"]
    monkeypatch.setattr(addresses, "_towards", lambda other: "127.0.0.1")
    interfaces.clear()
    assert choose_address("", ["n2"]) == "127.0.1.1"


def test_never_all_addresses() -> None:
    chosen = choose_address("", ["localhost", "no.host.invalid"])
    assert chosen in {"127.0.0.1", *addresses._addresses_of(HERE), *interface_addresses().values()}
    assert is_loopback("127.0.1.11")
    assert is_loopback("localhost")
    assert not is_loopback("*")
    assert not is_loopback("10.1.2.3")
