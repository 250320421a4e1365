"""What old configuration keys and templates mean today, in words: nothing is dropped silently. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from .legacy_config import Setting, Unread

USED_LAUNCHER_KEYS = frozenset(
    {"batch_template", "batch_template_file", "queue", "namespace",
     "controller_args", "controller_cmd", "engine_args", "engine_cmd"}
)  # fmt: skip
_CLUSTER = frozenset({"Cluster", "IPClusterStart", "IPClusterEngines", "IPClusterApp", "IPCluster"})
_USED_CLUSTER_KEYS = frozenset({"controller_launcher_class", "engine_launcher_class", "n", "controller_args"})

_CLUSTER_KEYS = {
    "delay": "nothing: the engines' job is submitted when the controller has written its connection files",
    "daemonize": "nothing: clusters run on without a terminal",
    "early_shutdown": "nothing: a job that ends early is shown with its reason",
    "engine_timeout": "nothing: waiting goes by the job's state",
    "reset": "nothing",
    "clean_logs": "nothing: the logs of a cluster go with its card",
    "auto_create": "nothing: the profile is there",
    "controller_ip": "c.IPController.ip in ipcontroller_config.py",
    "controller_location": "c.IPController.location in ipcontroller_config.py",
    "send_engines_connection_env": "nothing: engines read the connection file",
}
_LAUNCHER_KEYS = {
    "submit_command": "nothing: the batch system's own qsub is used",
    "delete_command": "nothing: the batch system's own qdel is used",
    "signal_command": "nothing: the batch system's own qdel is used",
    "job_id_regexp": "nothing: job ids are read as the batch system prints them",
    "job_id_regexp_group": "nothing: job ids are read as the batch system prints them",
    "batch_file_name": "nothing: the script lies in the cluster's folder",
    "output_file": "nothing: the job's output lies in the cluster's folder",
    "environment": "export lines in the template",
}
_LAUNCHER = re.compile(r"\w*(Launcher|AppMixin)$")
_MPIEXEC = "mpiexec in the engine template"

_CONTROLLER = frozenset(
    {"broadcast_scheduler_depth", "client_ip", "client_json_file", "client_ports", "client_transport",
     "cluster_id", "control", "db_class", "enable_curve", "engine_ip", "engine_json_file", "engine_ports",
     "engine_ssh_server", "engine_transport", "hb", "iopub", "ip", "location", "log_level", "log_to_file",
     "log_url", "mon_port", "monitor_ip", "monitor_transport", "mux", "notifier_port", "ports",
     "registration_timeout", "regport", "restore_engines", "reuse_files", "ssh_server", "task", "transport",
     "use_threads", "work_dir"}
)  # fmt: skip
_ENGINE = frozenset(
    {"cluster_id", "display_hook_factory", "enable_nanny", "id", "init_mpi", "location", "log_level",
     "log_to_file", "log_url", "max_heartbeat_misses", "out_stream_factory", "paramiko", "registration_url",
     "sshkey", "sshserver", "startup_command", "startup_script", "timeout", "url_file", "url_file_name",
     "use_mpi", "wait_for_url_file", "work_dir"}
)  # fmt: skip
_OLD_CLASSES = {
    "HubFactory": ("IPController", _CONTROLLER),
    "RegistrationFactory": ("IPController", _CONTROLLER),
    "IPControllerApp": ("IPController", _CONTROLLER),
    "EngineFactory": ("IPEngine", _ENGINE),
    "IPEngineApp": ("IPEngine", _ENGINE),
}
_CONVERTED = frozenset({"HubFactory", "IPControllerApp", "EngineFactory", "IPEngineApp"})
"""Those whose keys ipyparallel 7 to 9 take over under the new name, saying so in the log."""

_RUN = re.compile(r"\bipengine\b|\bipyparallel\.engine\b|\{program(_and_args)?\}")
_LAUNCH = re.compile(r"\b(mpiexec|mpirun|srun|aprun|jsrun|ibrun|mpiexec\.\w+|orterun|prun)\b")
_ARRAY = re.compile(r"^#PBS\s+(?:.*\s)?-(t|J)\s*\S+", re.MULTILINE)
_COPIES = re.compile(r"^#PBS\s+(?:-\w+\s+)*-\w*V\b", re.MULTILINE)
_OLD_MPI = re.compile(r"(\s)--mpi=\S*")
_ENGINE_WORD = re.compile(
    r"(?:(?<![\w./-])(?:\S*/)?ipengine|\bipyparallel\.engine|\{program(?:_and_args)?\})(?!\S)"
)
"""The command that `with_mpi` looks for."""


def cluster_notes(settings: Iterable[Setting], mine: frozenset[str]) -> Iterator[str]:
    """Yield a note on each setting of an ``ipcluster_config.py`` that has no effect here.

    `mine` are the launcher classes whose keys are used for this profile.
    """
    for setting in settings:
        if isinstance(setting.value, Unread):
            yield (
                f"c.{setting.name} in ipcluster_config.py is not read: {setting.value.text} is only known "
                "when the file runs, and it is not run. Write the value itself."
            )
        elif setting.cls in _CLUSTER:
            if setting.key not in _USED_CLUSTER_KEYS:
                yield _without_effect(setting, "ipcluster_config.py", _CLUSTER_KEYS.get(setting.key))
        elif setting.cls not in mine:
            instead = _MPIEXEC if setting.cls.startswith("MPI") else None
            if _LAUNCHER.match(setting.cls) and instead is None:
                instead = "nothing: this profile does not use that launcher"
            yield _without_effect(setting, "ipcluster_config.py", instead)
        elif setting.key not in USED_LAUNCHER_KEYS:
            yield _without_effect(setting, "ipcluster_config.py", _LAUNCHER_KEYS.get(setting.key))


def process_notes(settings: Iterable[Setting], file: str) -> Iterator[str]:
    """Yield a note on each old key of ``ipcontroller_config.py`` or ``ipengine_config.py``."""
    for setting in settings:
        new, known = _OLD_CLASSES.get(setting.cls, ("", frozenset()))
        if setting.cls == "MPI":
            yield _without_effect(
                setting, file, "c.IPEngine.use_mpi = True, or ipengine --mpi in the template"
            )
        elif new and setting.key not in known:
            yield _without_effect(setting, file, None)
        elif setting.cls in _CONVERTED:
            yield f"c.{setting.name} in {file} is c.{new}.{setting.key} today; the old name still works."
        elif new:
            yield _without_effect(setting, file, f"c.{new}.{setting.key}")


def _without_effect(setting: Setting, file: str, instead: str | None) -> str:
    told = f"c.{setting.name} in {file} has no effect"
    if instead is None or instead == "nothing":
        return f"{told}, and nothing replaces it."
    if instead.startswith("nothing: "):
        return f"{told} and needs no replacement: {instead.removeprefix('nothing: ')}."
    return f"{told}. What replaces it: {instead}."


def with_mpi(command: str) -> str:
    """Return a command of an engine script that starts ipengine with --mpi, if it starts one by mpiexec.

    Then the ids of engines are their MPI ranks and MPI is loaded, as after a start of ours. ipyparallel 9
    has --mpi as a flag; given a value, as was the way before, ipengine ends at once with status 2.
    """
    if command.startswith("#"):
        return command
    command = _OLD_MPI.sub(r"\1--mpi", command)
    found = _ENGINE_WORD.search(command)
    if found is None or re.search(r"\s--mpi(?!\S)", command) or not _LAUNCH.search(command[: found.start()]):
        return command
    return f"{command[: found.end()]} --mpi{command[found.end() :]}"


def controller_template_notes(template: str, file: str) -> Iterator[str]:
    """Yield what is remarkable in a template for the controller's job."""
    yield from _common(template, file)
    started = re.search(r"\bipcontroller\b|\bipyparallel\.controller\b|\{program(_and_args)?\}", template)
    if started is None:
        yield f"{file} starts no ipcontroller."
    elif not _names_profile(template):
        yield f"{file} does not pass --profile-dir={{profile_dir}}: the controller uses its default profile."


def engine_template_notes(template: str, file: str) -> Iterator[str]:
    """Yield what is remarkable in a template for the engines' job."""
    yield from _common(template, file)
    if _RUN.search(template) is None:
        yield f"{file} starts no ipengine."
    elif not _names_profile(template):
        yield f"{file} does not pass --profile-dir={{profile_dir}}: the engines use their default profile."
    if _ARRAY.search(template):
        yield f"{file} asks for an array of jobs: each engine is then alone in its MPI world."
    elif _LAUNCH.search(template) is None:
        yield f"{file} uses no mpiexec: the engines then do not share an MPI world."
    elif any(with_mpi(command) != command for command in template.replace("\\\n", " ").split("\n")):
        if not _OLD_MPI.search(template):
            yield f"{file}: the script adds --mpi after ipengine: ids of engines are then their MPI ranks."
    if _OLD_MPI.search(template):
        yield (
            f"{file}: ipengine no longer takes a value after --mpi (it would end at once); the script says "
            "--mpi instead."
        )


def _names_profile(template: str) -> bool:
    return any(part in template for part in ("--profile", "{program_args}", "{program_and_args}"))


def _common(template: str, file: str) -> Iterator[str]:
    if "\r" in template:
        yield f"{file} has line ends of Windows: the script has those of Unix."
    if not template.startswith("#!"):
        yield f"{file} does not begin with #!: the script begins with #!/bin/sh."
    if _COPIES.search(template):
        yield (
            f"{file} has #PBS -V: it copies the environment into the job, where others may read it by "
            "qstat -f. Remove it if the job runs without."
        )
