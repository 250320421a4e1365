"""Every route, walked: who may not, may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
import tornado.httpclient
import tornado.websocket
from jupyter_server.auth import Authorizer
from traitlets.config import Config
from wire import BASE, Api

from jupyterlab_engines.routes import ROUTES

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
START = json.dumps({"profile": "local", "engines": 1, "idempotency_key": "walk-the-routes"})


def paths() -> list[str]:
    return [pattern.replace("([^/]+)", "local").replace(".*", "no-such-route") for pattern, _ in ROUTES]


def implemented() -> list[tuple[str, str]]:
    """Return (method, path) of all that the routes answer, the stream apart."""
    found = []
    for (_, handler), path in zip(ROUTES, paths(), strict=True):
        if path.endswith("/stream"):
            continue
        for method in METHODS:
            if getattr(handler, method.lower()) is not getattr(tornado.web.RequestHandler, method.lower()):
                found.append((method, path))
    return found


def test_the_walk_sees_the_routes() -> None:
    walked = implemented()
    assert ("POST", f"/{BASE}/clusters") in walked
    assert ("DELETE", f"/{BASE}/clusters/local") in walked
    assert len(walked) >= 9


@pytest.fixture
def fetch(api: Api, http_server_client: Any, jp_base_url: str) -> Any:
    """Fetch without any token or cookie unless given."""

    async def get(method: str, path: str, **kwargs: Any) -> tornado.httpclient.HTTPResponse:
        body = START if method in ("POST", "PUT", "PATCH") else None
        return await http_server_client.fetch(
            jp_base_url.rstrip("/") + path,
            method=method,
            body=body,
            raise_error=False,
            follow_redirects=False,
            **kwargs,
        )

    return get


@pytest.mark.parametrize(("method", "path"), implemented())
async def test_without_a_token_nothing_answers(fetch: Any, api: Api, method: str, path: str) -> None:
    response = await fetch(method, path)
    assert response.code == 403
    if method != "HEAD":
        assert json.loads(response.body)["code"] == "forbidden"
    assert (await api.clusters()).clusters == []


@pytest.mark.parametrize(("method", "path"), [w for w in implemented() if w[0] not in ("GET", "HEAD")])
async def test_with_a_cookie_but_no_xsrf_token_nothing_is_done(
    fetch: Any, api: Api, jp_serverapp: Any, method: str, path: str
) -> None:
    login = await fetch("GET", f"/{BASE}/server", headers={"Authorization": f"token {token(jp_serverapp)}"})
    assert login.code == 200
    cookies = "; ".join(c.split(";")[0] for c in login.headers.get_list("Set-Cookie"))
    assert cookies
    response = await fetch(method, path, headers={"Cookie": cookies})
    assert response.code == 403
    assert "_xsrf" in json.loads(response.body)["message"]
    assert (await api.clusters()).clusters == []


async def test_without_a_token_the_stream_does_not_open(
    api: Api, jp_http_port: int, jp_base_url: str
) -> None:
    url = f"ws://localhost:{jp_http_port}{jp_base_url}{BASE}/stream"
    with pytest.raises(tornado.httpclient.HTTPClientError) as refused:
        await tornado.websocket.websocket_connect(url)
    assert refused.value.code == 403


async def test_from_another_origin_the_stream_does_not_open(
    api: Api, fetch: Any, jp_serverapp: Any, jp_http_port: int, jp_base_url: str
) -> None:
    login = await fetch("GET", f"/{BASE}/server", headers={"Authorization": f"token {token(jp_serverapp)}"})
    cookies = "; ".join(c.split(";")[0] for c in login.headers.get_list("Set-Cookie"))
    url = f"ws://127.0.0.1:{jp_http_port}{jp_base_url}{BASE}/stream"
    here = tornado.httpclient.HTTPRequest(url, headers={"Cookie": cookies})
    (await tornado.websocket.websocket_connect(here)).close()
    there = tornado.httpclient.HTTPRequest(
        url, headers={"Cookie": cookies, "Origin": "https://elsewhere.example"}
    )
    with pytest.raises(tornado.httpclient.HTTPClientError) as refused:
        await tornado.websocket.websocket_connect(there)
    assert refused.value.code == 403


class DenyEngines(Authorizer):
    """Lets users do all but what concerns our resource."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource != "jupyterlab_engines"


class ReadOnly(Authorizer):
    """Lets users read only."""

    def is_authorized(self, handler: Any, user: Any, action: str, resource: str) -> bool:
        return resource != "jupyterlab_engines" or action == "read"


class TestDenied:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        return Config(
            {
                "ServerApp": {
                    "jpserver_extensions": {"jupyterlab_engines": True},
                    "authorizer_class": DenyEngines,
                }
            }
        )

    @pytest.mark.parametrize(("method", "path"), [w for w in implemented() if "no-such-route" not in w[1]])
    async def test_nothing_answers(self, fetch: Any, jp_serverapp: Any, method: str, path: str) -> None:
        response = await fetch(method, path, headers={"Authorization": f"token {token(jp_serverapp)}"})
        assert response.code == 403
        assert json.loads(response.body)["code"] == "forbidden"

    async def test_the_stream_does_not_open(self, api: Api, jp_ws_fetch: Any) -> None:
        with pytest.raises(tornado.httpclient.HTTPClientError) as refused:
            await jp_ws_fetch(BASE, "stream")
        assert refused.value.code == 403


class TestReadOnly:
    @pytest.fixture
    def jp_server_config(self) -> Config:
        return Config(
            {
                "ServerApp": {
                    "jpserver_extensions": {"jupyterlab_engines": True},
                    "authorizer_class": ReadOnly,
                }
            }
        )

    async def test_reading_works_and_writing_does_not(self, fetch: Any, jp_serverapp: Any) -> None:
        header = {"Authorization": f"token {token(jp_serverapp)}"}
        for method, path in implemented():
            if "no-such-route" in path:
                continue
            response = await fetch(method, path, headers=header)
            if method == "GET":
                assert response.code in (200, 404, 409), path  # 409: no batch system on this machine
            else:
                assert response.code == 403, (method, path)


def token(serverapp: Any) -> str:
    found: str = serverapp.identity_provider.token
    return found
