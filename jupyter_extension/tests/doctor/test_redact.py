"""What must never come through, and what must."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from jupyterlab_engines.doctor.known import private_things
from jupyterlab_engines.doctor.redact import SECRET, USER, Private, redact

PERSON = Private(users=("anna",), homes=("/home/anna", "/gpfs/anna"))
SECRETS = st.text(st.characters(codec="utf-8", exclude_characters="<>~"), min_size=6, max_size=60)
"""Without the marks that take a secret's place: what they could become part of is no secret of anybody."""


@settings(max_examples=200, deadline=None)
@given(secret=SECRETS, before=st.text(max_size=40), after=st.text(max_size=40), twice=st.booleans())
def test_a_known_secret_never_comes_through(secret: str, before: str, after: str, twice: bool) -> None:
    assume(secret not in SECRET and secret not in USER)
    text = before + secret + after + (secret if twice else "")
    assert secret not in redact(text, Private(secrets=(secret,), users=("anna",), homes=("/home/anna",)))


@settings(max_examples=100, deadline=None)
@given(secret=SECRETS)
def test_nor_in_a_url_nor_in_json(secret: str) -> None:
    private = Private(secrets=(secret,))
    for form in (quote(secret, safe=""), json.dumps(secret)[1:-1]):
        assume(form not in SECRET)
        assert form not in redact(f"at {form}.", private)


@settings(max_examples=100, deadline=None)
@given(
    name=st.sampled_from(
        ["token", "JUPYTERHUB_API_TOKEN", "password", "Secret", "api_key", "my.cookie_secret"]
    ),
    mark=st.sampled_from(["=", ": ", " = ", "': '", '": "']),
    value=st.from_regex(r"[A-Za-z0-9_./+-]{3,40}", fullmatch=True),
)
def test_what_is_called_a_secret_does_not_come_through(name: str, mark: str, value: str) -> None:
    assume(value.strip("'\"") not in name and value not in SECRET)
    assert value not in redact(f"{name}{mark}{value}", Private())


@settings(max_examples=100, deadline=None)
@given(data=st.binary(min_size=16, max_size=48))
def test_random_hexadecimal_digits_do_not_come_through(data: bytes) -> None:
    word = data.hex()
    assume(not word.isdigit())
    assert word not in redact(f"see {word} there", Private())


@pytest.mark.parametrize(
    "text",
    [
        f"token={secrets.token_hex(24)}",
        f"key {uuid.uuid4()}",
        f"https://hub.example/?token={secrets.token_urlsafe(32)}&x=1",
        f"Authorization: token {secrets.token_hex(8)}",
        f"Authorization: Bearer {base64.b64encode(secrets.token_bytes(9)).decode()}",
        '{"key": "5c1e-77", "curve_serverkey": "ab cd"}',
        "{'curve_secretkey': 'Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID'}",
        "it is JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6 now",
        "https://anna:pa55@host/path",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----",
    ],
    ids=lambda text: str(text)[:4],  # the secrets are new each time, the names of the tests are not
)
def test_what_looks_like_a_secret_becomes_a_mark(text: str) -> None:
    clean = redact(text, Private())
    assert SECRET in clean
    for part in ("5c1e-77", "ab cd", "Yne@$w", "JTKVSB", "pa55", "b3BlbnNz"):
        assert part not in clean
    assert clean != text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("/home/anna/.ipython", "~/.ipython"),
        ("/gpfs/anna and /gpfs/annabel", "~ and /gpfs/annabel"),
        ("of /home/user/x", f"of /home/{USER}/x"),
        ("anna@host, profile_anna, Johanna", f"{USER}@host, profile_{USER}, Johanna"),
        ("Open MPI as root", "Open MPI as root"),
    ],
)
def test_persons_and_homes(text: str, clean: str) -> None:
    assert redact(text, Private(users=("anna", "root"), homes=PERSON.homes)) == clean


@pytest.mark.parametrize(
    "text",
    [
        "Python 3.11.7 (/opt/conda/envs/mpi/bin/python)",
        "1234.pbshead.cluster.example pxe0123456789a running",
        "Linux-6.1.0-18-amd64-x86_64-with-glibc2.36",
        "library: /opt/intel/oneapi/mpi/2021.11/lib/release/libmpi.so.12",
        "qsub: Job exceeds queue and/or server resource limits",
        "/opt/site/ipython-profiles/profile_large_memory_nodes_2026/pxengines.json",
        "walltime ≤ 1 d, default 1 h",
    ],
)
def test_the_rest_stays(text: str) -> None:
    assert redact(text, PERSON) == text


def test_keys_on_disk_and_in_the_environment_are_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    security = tmp_path / "profile_pbs" / "security"
    security.mkdir(parents=True)
    content = {"key": "short-key", "curve_secretkey": "made of words", "location": "login1"}
    (security / "ipcontroller-client.json").write_text(json.dumps(content))
    (security / "broken.json").write_text("{")
    private = private_things({"MY_API_TOKEN": "of the site", "PATH": "/bin", "USER": "anna"}, ["given"])
    assert {"short-key", "made of words", "of the site", "given"} <= set(private.secrets)
    assert "/bin" not in private.secrets
    assert "login1" not in private.secrets
    assert "anna" in private.users
