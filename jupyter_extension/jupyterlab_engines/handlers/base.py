"""What all handlers share: who may, what a body must be, and how errors are told."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from http.client import responses
from typing import Any, Literal, TypeVar, cast

import msgspec
import tornado.web
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler

from ..api.models import Error, ErrorCode
from ..audit import WHO
from ..clusters.manager import ClusterManager
from ..errors import ApiError, BadRequest, TooLarge

AUTH_RESOURCE = "jupyterlab_engines"
MANAGER = "jupyterlab_engines_manager"
"""Where the manager is among the web application's settings."""

MAX_BODY_BYTES = 16 * 1024
"""Longest body of any request; ours have a few hundred bytes."""

_T = TypeVar("_T")
_Method = TypeVar("_Method", bound=Callable[..., Any])
_PATH = re.compile(r"(?P<words>.*?) - at `\$\.?(?P<field>[^`]*)`$", re.DOTALL)
_FIELD = re.compile(r"Object (?P<what>contains unknown|missing required) field `(?P<field>.*)`", re.DOTALL)
_TYPES = {
    "int": "a whole number",
    "str": "a text",
    "float": "a number",
    "bool": "true or false",
    "object": "a JSON object",
    "array": "a list",
    "null": "null",
}


def allowed(action: Literal["read", "write"]) -> Callable[[_Method], _Method]:
    """Let a method of a handler run only for users who may `action` on our resource."""

    def decorate(method: _Method) -> _Method:
        @functools.wraps(method)
        def for_user(self: Any, *arguments: Any, **named: Any) -> Any:
            WHO.set(str(getattr(self.current_user, "username", None) or "unknown"))
            return method(self, *arguments, **named)

        return cast("_Method", tornado.web.authenticated(authorized(action)(for_user)))

    return decorate


class EnginesHandler(APIHandler):
    """A REST handler of ours."""

    auth_resource = AUTH_RESOURCE

    @property
    def manager(self) -> ClusterManager:
        """The manager of all clusters."""
        manager: ClusterManager = self.settings[MANAGER]
        return manager

    def decode_body(self, wanted: type[_T]) -> _T:
        """Return the body as a `wanted`.

        Raises
        ------
        BadRequest, TooLarge
            If it is not one, naming the field.
        """
        body = self.request.body
        if len(body) > MAX_BODY_BYTES:
            raise TooLarge(f"The request's body is longer than {MAX_BODY_BYTES} bytes.")
        try:
            return msgspec.json.decode(body, type=wanted, strict=True)
        except msgspec.ValidationError as error:
            raise BadRequest(_sentence(str(error)), detail=str(error)) from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise BadRequest("The request's body is not JSON.", detail=str(error)) from error

    def refuse_body(self) -> None:
        """Raise BadRequest if the request has a body: none is expected."""
        if self.request.body.strip() not in (b"", b"{}"):
            raise BadRequest("This request takes no body.")

    def reply(self, content: msgspec.Struct | None, status: int = 200) -> None:
        """Finish with `content` as JSON; None is an empty body."""
        self.set_status(status)
        if content is None:
            _ = self.finish()
        else:
            _ = self.finish(msgspec.json.encode(content))

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Finish with an `Error`, whatever went wrong."""
        exc_info = kwargs.get("exc_info")
        exception = exc_info[1] if exc_info else None
        if isinstance(exception, ApiError):
            self.set_status(exception.status)
            error = exception.as_error()
        elif isinstance(exception, tornado.web.HTTPError):
            error = _http_error(status_code, exception.log_message)
        else:
            error = Error(
                code="internal",
                message="Something went wrong inside jupyterlab-engines.",
                next_step="Look into the Jupyter server's log and report it.",
                detail=None if exception is None else f"{type(exception).__name__}: {exception}",
            )
        _ = self.finish(msgspec.json.encode(error))

    def log_exception(self, typ: Any, value: BaseException | None, tb: Any) -> None:
        """Log what is not the request's own fault; the rest is told to the browser."""
        if isinstance(value, ApiError):
            self.log.info("%s %s: %s", self.request.method, self.request.path, value.message)
        else:
            super().log_exception(typ, value, tb)


class NoSuchRoute(EnginesHandler):
    """Answers all paths under our base path that no route has."""

    @tornado.web.authenticated
    def prepare_unknown(self) -> None:
        """Raise 404."""
        raise tornado.web.HTTPError(404, "There is no such route.")

    get = head = post = delete = patch = put = prepare_unknown


def _http_error(status: int, words: str | None) -> Error:
    code: ErrorCode = "forbidden" if status == 403 else "internal" if status >= 500 else "bad_request"
    message = words or f"{responses.get(status, 'Error')}."
    next_step = ""
    if status == 403:
        next_step = "Log in again: reload the page. If that does not help, ask your administrator."
    return Error(code=code, message=message, next_step=next_step, detail=None)


def _sentence(words: str) -> str:
    """Return msgspec's `words` about a body as a sentence that names the field."""
    match = _FIELD.search(words)
    if match:
        kind = "There is no field" if "unknown" in match["what"] else "The request lacks the field"
        return f"{kind} {match['field']!r}."
    match = _PATH.match(words)
    field, words = (match["field"], match["words"]) if match else ("", words)
    for name, plain in _TYPES.items():
        words = words.replace(f"`{name}`", plain)
    if field == "engines":
        return f"engines must be a whole number, 1 or more. {words}."
    return f"{field or 'The body'}: {words}."
