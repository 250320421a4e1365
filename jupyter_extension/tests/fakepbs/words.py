"""The words of each dialect for no, by the recordings; where there is no recording, the comment says so."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import ClassVar

    from .command import Context

    Reasons = dict[str, tuple[int, str]]


_INFEASIBLE = (
    "cannot locate feasible nodes (nodes file is empty, all systems are busy, "
    "or no nodes have the requested feature)"
)


class OpenPBS:
    """OpenPBS 23.06: errors on stderr, status is the error's number & 255."""

    reasons: ClassVar[Reasons] = {
        "unknown_queue": (170, "Unknown queue"),
        "queue_closed": (173, "Queue is not enabled"),
        "bad_walltime": (166, "Illegal attribute or resource value Resource_List.walltime"),
        "bad_resource": (187, "Unknown resource Resource_List.{detail}"),
        "over_limits": (188, "Job violates queue and/or server resource limits"),
        "too_big": (188, "Job violates queue and/or server resource limits"),
        "no_permission": (159, "Unauthorized Request "),
        "crlf_script": (1, "script contains cr, lf"),
        "missing_script": (1, "script file:: No such file or directory"),
        "bad_name": (2, "illegal -N value"),
    }

    @staticmethod
    def server_down(context: Context) -> int:
        command, server = context.command, context.state["server"]
        if command == "pbsnodes":
            message = f"pbsnodes: cannot connect to server {server}, error=15010"
            return context.fail(1, "Connection refused", message)
        if command == "qdel":
            return context.fail(162, "Connection refused", f"Couldn't connect to cluster: {server}")
        if command == "qstat" and "json" in context.argv:
            # Recorded: a valid answer without jobs, and only the status tells.
            from .openpbs import json_head

            context.out.append(json_head(context) + "\n}\n")
        message = f"{command}: cannot connect to server {server} (errno=15010)"
        return context.fail(255 if command == "qstat" else 162, "Connection refused", message)

    @classmethod
    def refuse(cls, context: Context, reason: str, detail: str = "") -> int:
        status, text = cls.reasons[reason]
        return context.fail(status, f"{context.command}: {text.format(detail=detail)}")

    @staticmethod
    def unknown_job(context: Context, job_id: str) -> int:
        return context.fail(153, f"{context.command}: Unknown Job Id {job_id}")

    @staticmethod
    def not_yours(context: Context, job_id: str) -> int:
        return context.fail(159, f"{context.command}: Unauthorized Request  {job_id}")

    @staticmethod
    def cannot_reach_node(context: Context, job_id: str) -> int:
        # The text is recorded, the number is not.
        return context.fail(217, f"{context.command}: Server could not connect to MOM {job_id}")


class Torque:
    """TORQUE 6.1: the same scheme with other numbers and longer words."""

    reasons: ClassVar[Reasons] = {
        "unknown_queue": (172, "Unknown queue MSG=requested queue not found"),
        # Not recorded; text and number are PBSE_QUNOENB's.
        "queue_closed": (175, "Queue is not enabled MSG=queue is disabled"),
        "bad_walltime": (168, "Illegal attribute or resource value for Resource_List.walltime"),
        "bad_resource": (189, "Unknown resource type  Resource_List.{detail}"),
        "over_limits": (
            190,
            "Job exceeds queue resource limits MSG=cannot satisfy queue max walltime requirement",
        ),
        "too_big": (190, f"Job exceeds queue resource limits MSG={_INFEASIBLE}"),
        "no_permission": (159, "Unauthorized Request  MSG=user not permitted by queue ACL"),
        "bad_nodes": (27, "Command syntax invalid MSG=Invalid Syntax"),
        "array": (235, "Bad Job Array Request"),
    }
    plain: ClassVar[Reasons] = {
        # Not recorded: the server that was recorded runs such a script.
        "crlf_script": (1, "script contains cr, lf"),
        "missing_script": (1, "script file '{detail}' cannot be loaded - No such file or directory"),
    }

    @staticmethod
    def server_down(context: Context) -> int:
        command, server = context.command, context.state["server"]
        attempt = (
            "",
            f"Unable to communicate with {server}(127.0.0.1)",
            f"Cannot connect to specified server host '{server}'.",
        )
        if command == "pbsnodes":
            message = f"pbsnodes: cannot connect to server {server}, error=111 (Connection refused)"
            return context.fail(1, *attempt, message)
        message = f"{command}: cannot connect to server {server} (errno=111) Connection refused"
        if command == "qstat":
            return context.fail(111, *attempt * 3, message, "qstat: Error (111 - Connection refused) ")
        return context.fail(111, *attempt, message)

    @classmethod
    def refuse(cls, context: Context, reason: str, detail: str = "") -> int:
        if reason in cls.plain:
            status, text = cls.plain[reason]
            return context.fail(status, "qsub: " + text.format(detail=detail))
        status, text = cls.reasons[reason]
        return context.fail(status, f"qsub: submit error ({text.format(detail=detail)})")

    @staticmethod
    def unknown_job(context: Context, job_id: str) -> int:
        if context.command == "qstat":
            return context.fail(153, f"qstat: Unknown Job Id Error {job_id}")
        if context.command == "qdel":
            return context.fail(153, f"qdel: nonexistent job id: {job_id}")
        return 153

    @staticmethod
    def not_yours(context: Context, job_id: str) -> int:
        note = "MSG=operation not permitted " if context.command != "qstat" else ""
        return context.fail(159, f"{context.command}: Unauthorized Request  {note}{job_id}")

    @staticmethod
    def cannot_reach_node(context: Context, job_id: str) -> int:
        # The number is recorded (node's daemon down: 224), the words are PBSE_NORELYMOM's.
        return context.fail(224, f"{context.command}: Server could not connect to MOM {job_id}")


class Slurm:
    """Slurm 22.05's Torque commands: sbatch's words in a block on stdout."""

    submission = "sbatch: error: Batch job submission failed: "
    reasons: ClassVar[Reasons] = {
        "unknown_queue": (
            1,
            "sbatch: error: invalid partition specified: {detail}\n " + submission
            + "Invalid partition name specified",
        ),
        # Not recorded: sbatch's own words for a partition that is down.
        "queue_closed": (1, submission + "Required partition not available (inactive or drain)"),
        "bad_walltime": (255, "sbatch: error: Invalid --time specification"),
        "over_limits": (1, submission + "Requested time limit is invalid (missing or exceeds some limit)"),
        "too_big": (1, submission + "Node count specification invalid"),
        "too_wide": (1, submission + "More processors requested than permitted"),
        "no_permission": (1, submission + "User's group not permitted to use this partition"),
        "missing_script": (1, "sbatch: error: Unable to open file {detail}"),
        "no_shebang": (
            1,
            "sbatch: error: This does not look like a batch script.  The first\n"
            " sbatch: error: line must start with #! followed by the path to an interpreter.\n"
            " sbatch: error: For instance: #!/bin/sh",
        ),
        # Not recorded: sbatch's own words.
        "crlf_script": (
            1,
            "sbatch: error: Batch script contains DOS line breaks (\\r\\n)\n"
            " sbatch: error: instead of expected UNIX line breaks (\\n).",
        ),
        "empty_script": (1, "sbatch: error: Batch script is empty!"),
        "bad_option": (
            1,
            "sbatch: invalid option -- '{detail}'\n sbatch: error: Unrecognized command line parameter ?",
        ),
        "down": (1, submission + "Unable to contact slurm controller (connect failure)"),
    }  # fmt: skip

    @classmethod
    def server_down(cls, context: Context) -> int:
        command = context.command
        if command == "qsub":
            return cls.refuse(context, "down")
        if command == "pbsnodes":
            return context.fail(8, "Problem loading node.")
        if command == "qstat":
            return context.fail(8, "Problem loading jobs.")
        number = context.argv[-1] if context.argv else "0"
        doing = "Kill job error" if command == "qdel" else "Error"
        context.say(
            f"{command}: {doing} on job id {number}: Unable to contact slurm controller (connect failure)"
        )
        return 1

    @classmethod
    def refuse(cls, context: Context, reason: str, detail: str = "") -> int:
        status, text = cls.reasons[reason]
        from .slurm import sbatch_line

        context.out.append(
            "There was an error running the Slurm sbatch command.\nThe command was:\n"
            f"'{sbatch_line(context.argv)} 2>&1'\nand the output was:\n'{text.format(detail=detail)}\n'\n"
        )
        return status

    @staticmethod
    def unknown_job(context: Context, job_id: str) -> int:
        if context.command == "qdel":
            return 1
        if context.command == "qstat":
            return 153
        context.say(f"{context.command}: Error on job id {job_id}: Invalid job id specified")
        return 1

    @staticmethod
    def not_yours(context: Context, job_id: str) -> int:
        if context.command == "qdel":
            context.say(f"qdel: Kill job error on job id {job_id}: Access/permission denied")
        else:
            context.say(f"{context.command}: Error on job id {job_id}: Invalid user id")
        return 1

    @staticmethod
    def cannot_reach_node(context: Context, job_id: str) -> int:
        # Not recorded; Slurm's controller takes the request whether the node answers or not.
        context.say(
            f"{context.command}: Kill job error on job id {job_id}: Unable to contact slurm controller"
        )
        return 1


def of(dialect: str) -> type[OpenPBS] | type[Torque] | type[Slurm]:
    """Return the words of a dialect."""
    if dialect == "openpbs":
        return OpenPBS
    return Torque if dialect == "torque" else Slurm
