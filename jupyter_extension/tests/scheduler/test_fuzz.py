"""Whatever a scheduler prints: an answer that is true, or an error of ours. Seeds are fixed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pbs_recordings import ran

from jupyterlab_engines.scheduler import openpbs, torque
from jupyterlab_engines.scheduler.base import EMPTY, Completed, Listing, NoAnswer, SchedulerError, Unreadable
from jupyterlab_engines.scheduler.jobids import READ_ID, SUBMITTED_ID
from jupyterlab_engines.scheduler.openpbs import OpenPbs
from jupyterlab_engines.scheduler.openpbs_jobs import read_json
from jupyterlab_engines.scheduler.torque import Torque
from jupyterlab_engines.scheduler.torque_jobs import read_xml

fuzz = settings(max_examples=100, derandomize=True, deadline=None, database=None)

Reader = Callable[[bytes, str | None, Listing], Listing]
JSON = [
    ran("openpbs", name).stdout
    for name in ("qstat_ftJ_json", "qstat_array_mid_f_json", "odd19_json", "qstat_f_json_empty")
]
XML = [ran("torque", name).stdout for name in ("qstat_xt", "qstat_x_escape", "qstat_x_empty_list")]
TEXT = [
    *(ran("openpbs", name).stdout for name in ("qstat_f", "qstat_f_envbig", "fin_WALLKILL_xf")),
    *(ran("torque", name).stdout for name in ("qstat_f_arr_t", "qstat_f_V_newline")),
]
KINDS = pytest.mark.parametrize(
    ("reader", "originals"), [(read_json, JSON), (read_xml, XML)], ids=["openpbs", "torque"]
)


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Draw what happens to an output: up to three of the things that go wrong on the way."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["cut", "flip", "drop", "double", "swap", "garbage", "lose"]),
                st.floats(0, 1, exclude_max=True),
                st.floats(0, 1, exclude_max=True),
                st.binary(min_size=1, max_size=40),
            ),
            min_size=1,
            max_size=3,
        )
    )

    def mutate(output: bytes) -> bytes:
        for what, here, there, noise in steps:
            if not output:
                break
            at = int(here * len(output))
            lines = output.split(b"\n") if b"\n\t" in output else re.split(rb"(?<=>)(?=<)", output)
            glue = b"\n" if b"\n\t" in output else b""
            first, second = int(here * len(lines)), int(there * len(lines))
            if what == "cut":
                output = output[:at]
            elif what == "flip":
                output = output[:at] + noise[:1] + output[at + 1 :]
            elif what == "lose":
                output = output[:at] + output[at + len(noise) :]
            elif what == "garbage":
                output = output[:at] + noise + output[at:]
            elif what == "drop":
                output = glue.join(lines[:first] + lines[first + 1 :])
            elif what == "double":
                output = glue.join(lines[: first + 1] + lines[first:])
            else:
                lines[first], lines[second] = lines[second], lines[first]
                output = glue.join(lines)
        return output

    return mutate


def attempt(reader: Reader, output: bytes, last: Listing = EMPTY) -> Listing | None:
    """Return what was read; None: the one error that readers may raise."""
    try:
        return reader(output, None, last)
    except Unreadable as error:
        assert error.message
        return None


@KINDS
@fuzz
@given(where=st.floats(0, 1, exclude_max=True))
def test_a_cut_output_is_never_a_shorter_list(reader: Reader, originals: list[bytes], where: float) -> None:
    for original in originals:
        whole = original.rstrip()
        assert attempt(reader, whole[: int(where * len(whole))]) is None
        assert attempt(reader, whole) == reader(original, None, EMPTY)


@KINDS
@fuzz
@given(which=st.integers(0, 1), mutate=mutations())
def test_what_is_read_is_what_is_there(
    reader: Reader, originals: list[bytes], which: int, mutate: Callable[[bytes], bytes]
) -> None:
    original = originals[which]
    before = reader(original, None, EMPTY)
    mutated = mutate(original)
    after = attempt(reader, mutated)
    # Remembering the reading before changes nothing in what is read.
    assert attempt(reader, mutated, before) == after
    if after is None:
        return
    assert list(after.jobs) == list(after.raw)
    for job_id, job in after.jobs.items():
        assert job.job_id == job_id
        assert READ_ID.fullmatch(job_id)
        assert job_id.encode() in mutated
        assert job == before.jobs.get(job_id) or after.raw[job_id] != before.raw.get(job_id)


@KINDS
@fuzz
@given(
    noise=st.text(st.characters(exclude_characters='"<{}\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029'), max_size=60)
)
def test_noise_around_makes_no_job(reader: Reader, originals: list[bytes], noise: str) -> None:
    said = noise.encode("utf-8", "surrogatepass")
    for original in originals:
        expected = reader(original, None, EMPTY)
        assert reader(said + b"\n" + original, None, EMPTY) == expected
        after = attempt(reader, original + said)
        assert after == (None if said.strip(b" \t") else expected)


@fuzz
@given(which=st.integers(0, len(JSON[0].split(b"\n")) - 1), noise=st.text("abc 123.,:[]-", min_size=1))
def test_a_line_of_noise_inside_makes_no_job(which: int, noise: str) -> None:
    lines = JSON[0].split(b"\n")
    after = attempt(read_json, b"\n".join([*lines[:which], noise.encode(), *lines[which:]]))
    assert after is None or after.jobs == read_json(JSON[0]).jobs


@pytest.mark.parametrize("parse", [openpbs.parse, torque.parse])
@fuzz
@given(which=st.integers(0, len(TEXT) - 1), mutate=mutations())
def test_text(parse: Callable[[bytes], Listing], which: int, mutate: Callable[[bytes], bytes]) -> None:
    try:
        listing = parse(mutate(TEXT[which]))
    except Unreadable:
        return
    assert all(job.job_id == job_id for job_id, job in listing.jobs.items())


@pytest.mark.parametrize("dialect", [OpenPbs("23", "s"), Torque("6", "s")], ids=["openpbs", "torque"])
@fuzz
@given(
    stdout=st.one_of(
        st.binary(max_size=80), st.from_regex(rb"([ -~]{0,9}\n|[0-9]{1,3}\.vm\n){0,4}", fullmatch=True)
    ),
    stderr=st.binary(max_size=60),
    status=st.one_of(st.none(), st.integers(-9, 255)),
)
def test_any_answer_to_any_command(
    dialect: OpenPbs | Torque, stdout: bytes, stderr: bytes, status: int | None
) -> None:
    done = Completed(("qx", "1.vm"), status, stdout, stderr)
    readers: list[Callable[[], object]] = [
        lambda: dialect.read_find(done, "name"),
        lambda: dialect.read_jobs(done, None),
        lambda: dialect.read_query(done),
        lambda: dialect.read_queues(done),
        lambda: dialect.read_nodes(done),
        lambda: dialect.read_change(done, "delete", "1.vm"),
    ]
    for read in readers:
        try:
            read()
        except SchedulerError:
            continue
        assert status == 0 or read is readers[2]
    try:
        job_id = dialect.read_submit(done)
    except SchedulerError as error:
        assert status != 0 or isinstance(error, NoAnswer)
    else:
        assert status == 0
        assert SUBMITTED_ID.fullmatch(job_id)
        assert job_id.encode() in stdout
