"""Bodies and paths that make no sense: a true status, and a sentence that names the field."""

# ruff: noqa: ASYNC240 - tests look at files and wait for conditions
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from wire import BASE, Api, Refused, new_key

GOOD = {"profile": "local", "engines": 2, "idempotency_key": "k" * 12}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"engines": 0}, "engines must be a whole number"),
        ({"engines": -1}, "engines must be a whole number"),
        ({"engines": 1.5}, "engines must be a whole number"),
        ({"engines": "8"}, "engines must be a whole number"),
        ({"engines": None}, "engines must be a whole number"),
        ({"engines": True}, "engines must be a whole number"),
        ({"engines": 10**6}, "engines must be a whole number from 1 to 256, not 1000000"),
        ({"engines": 257}, "from 1 to 256"),
        ({"engines": 10**30}, "engines must be a whole number"),
        ({"profile": 3}, "profile"),
        ({"profile": ""}, "name of a profile"),
        ({"profile": "a/b"}, "name of a profile"),
        ({"profile": "../x"}, "name of a profile"),
        ({"profile": ".."}, "name of a profile"),
        ({"profile": "a\nb"}, "name of a profile"),
        ({"profile": "a\x00b"}, "name of a profile"),
        ({"profile": "a:b"}, "name of a profile"),
        ({"profile": "x" * 500}, "name of a profile"),
        ({"idempotency_key": "short"}, "idempotency_key"),
        ({"idempotency_key": "white space in it"}, "idempotency_key"),
        ({"idempotency_key": 12345678}, "idempotency_key"),
        ({"walltime": 1}, "There is no field 'walltime'"),
    ],
    ids=str,
)
async def test_a_bad_field_is_named(api: Api, ipython_dir: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as refused:
        await api.call("clusters", method="POST", body=json.dumps({**GOOD, **change}))
    assert (refused.value.status, refused.value.error.code) == (400, "bad_request")
    assert words in refused.value.error.message
    assert not ipython_dir.exists()


@pytest.mark.parametrize("missing", sorted(GOOD))
async def test_a_missing_field_is_named(api: Api, missing: str) -> None:
    body = {name: value for name, value in GOOD.items() if name != missing}
    with pytest.raises(Refused) as refused:
        await api.call("clusters", method="POST", body=json.dumps(body))
    assert refused.value.status == 400
    assert missing in refused.value.error.message


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[]", b'"start"', b"null", b"8"], ids=repr)
async def test_a_body_that_is_no_object(api: Api, body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        await api.call("clusters", method="POST", body=body)
    assert (refused.value.status, refused.value.error.code) == (400, "bad_request")
    assert refused.value.error.message


async def test_a_body_that_is_too_long(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        await api.call("clusters", method="POST", body=json.dumps({**GOOD, "profile": "x" * 20_000}))
    assert refused.value.status == 413
    assert "longer than" in refused.value.error.message


async def test_an_unknown_profile(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        await api.start(2, profile="nobody")
    assert (refused.value.status, refused.value.error.code) == (404, "unknown_profile")
    assert "nobody" in refused.value.error.message
    assert "ipython profile create" in refused.value.error.next_step


@pytest.mark.parametrize("path", [("clusters", "local", "stop"), ("clusters", "local")])
async def test_a_body_where_none_belongs(api: Api, path: tuple[str, ...]) -> None:
    method = "POST" if path[-1] == "stop" else "DELETE"
    with pytest.raises(Refused) as refused:
        await api.call(*path, method=method, body=b'{"force": true}', allow_nonstandard_methods=True)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"source": "passwd"}, "source"),
        ({"source": "../job"}, "source"),
        ({"lines": "0"}, "lines"),
        ({"lines": "-1"}, "lines"),
        ({"lines": "1.5"}, "lines"),
        ({"lines": "many"}, "lines"),
        ({"lines": "9" * 40}, "lines"),
        ({"lines": "²"}, "lines"),
    ],
    ids=str,
)
async def test_a_log_that_is_asked_for_wrongly(api: Api, params: dict[str, str], word: str) -> None:
    with pytest.raises(Refused) as refused:
        await api.call("clusters", "local", "log", params=params)
    assert (refused.value.status, refused.value.error.code) == (400, "bad_request")
    assert word in refused.value.error.message


@pytest.mark.parametrize("key", ["..", "a/../b", "%2e%2e", "local:..", "local:a/b", "\n", "x" * 3000])
async def test_a_key_that_can_be_no_cluster(api: Api, key: str) -> None:
    for path, method in (
        (("clusters", key), "GET"),
        (("clusters", key, "log"), "GET"),
        (("clusters", key), "DELETE"),
    ):
        with pytest.raises(Refused) as refused:
            await api.call(*path, method=method)
        assert refused.value.status == 404


async def test_a_path_that_no_route_has(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        await api.call("nothing", "here")
    assert (refused.value.status, refused.value.error.code) == (404, "bad_request")


async def test_a_method_that_a_route_lacks(api: Api) -> None:
    with pytest.raises(Refused) as refused:
        await api.call("server", method="DELETE")
    assert refused.value.status == 405
    assert refused.value.error.message


def test_the_good_body_is_good() -> None:
    assert set(GOOD) == {"profile", "engines", "idempotency_key"} and len(new_key()) == 32 and BASE
