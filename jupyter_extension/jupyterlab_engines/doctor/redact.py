"""What must not be in a report that people paste: secrets, names of persons, their home folder. Pure.

User names become ``<user>``, but for those of services (``root`` …): they name nobody, and matter.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

SECRET = "<secret>"  # noqa: S105 - stands where one was
USER = "<user>"
_SHORTEST_SECRET = 4
_SERVICES = frozenset(
    {"root", "nobody", "jupyter", "jovyan", "pbs", "slurm", "torque", "user", "users", "home", "admin"}
)

_NAME = (
    r"[\w.-]*(?:token|passw(?:or)?d|passphrase|secret|cookie|credentials?|api_?key|private_?key|signature_?key)"
    r"[\w.-]*"
)
_VALUE = r"""(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|["']?[^\s"',;&)}\]]+)"""
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)", re.DOTALL),
        SECRET,
    ),
    # Keys of connection files, as JSON or as Python prints them.
    (re.compile(rf"""(["'](?:\w*_)?(?:\w*key|_xsrf)["']\s*:\s*){_VALUE}""", re.IGNORECASE), rf"\1{SECRET}"),
    (re.compile(rf"\b(\w+_key|key)=(?!{SECRET}){_VALUE}", re.IGNORECASE), rf"\1={SECRET}"),
    (re.compile(r"\b(Authorization\s*[:=]\s*)(?:\w+[ \t]+)?[^\s\"',;]+", re.IGNORECASE), rf"\1{SECRET}"),
    (re.compile(r"\b(Bearer[ \t]+)[^\s\"',;]+", re.IGNORECASE), rf"\1{SECRET}"),
    (re.compile(rf"""({_NAME}["']?\s*[:=]\s*)(?!{SECRET}){_VALUE}""", re.IGNORECASE), rf"\1{SECRET}"),
    (re.compile(r"(\b[a-z][\w+.-]*://)[^\s/@]+@", re.IGNORECASE), rf"\1{SECRET}@"),
)
_UUID = re.compile(
    r"(?<![0-9A-Za-z])[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}(?![0-9A-Za-z])", re.IGNORECASE
)
_LONG = re.compile(r"(?<![0-9A-Za-z+_=-])[0-9A-Za-z+_=-]{24,}(?![0-9A-Za-z+_=-])")
_CURVE = re.compile(r"(?<!\S)[\"'(]?([0-9A-Za-z.\-:+=^!/*?&<>()\[\]{}@%$#]{40})[\"'),;.]?(?!\S)")
_CURVE_MARKS = re.compile(r"[+=^!*?&<>()\[\]{}@%$#]")
_ANY_HOME = re.compile(r"/(home|Users)/([^/\s:\"']+)")


@dataclass(frozen=True)
class Private:
    """What is known to be private here.

    Attributes
    ----------
    secrets : values that must not be seen in any form; those shorter than 4 characters are not looked for.
    users : names of persons.
    homes : home folders of this user, as absolute paths.
    """

    secrets: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    homes: tuple[str, ...] = ()


def redact(text: str, private: Private) -> str:
    """Return `text` without secrets, names of persons and home folders."""
    forms = _forms(private.secrets)
    text = _without(text, forms)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    text = _UUID.sub(SECRET, text)
    text = _LONG.sub(lambda found: SECRET if _looks_random(found[0]) else found[0], text)
    text = _CURVE.sub(lambda found: SECRET if _looks_like_curve(found[1]) else found[0], text)
    for home in sorted(filter(_is_home, private.homes), key=len, reverse=True):
        text = re.sub(rf"(?<![\w.~-]){re.escape(home.rstrip('/'))}(?![\w.-])", "~", text)
    text = _ANY_HOME.sub(lambda found: f"/{found[1]}/{USER}", text)
    for user in private.users:
        if user and user.lower() not in _SERVICES:
            text = re.sub(rf"(?<![0-9A-Za-z]){re.escape(user)}(?![0-9A-Za-z])", USER, text)
    return _without(text, forms)  # once more: what was put together by taking something else out


@lru_cache(maxsize=4)
def _forms(secrets: tuple[str, ...]) -> list[str]:
    """Return the secrets as they are, in a URL and in JSON; the longest first."""
    forms = set()
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            forms |= {secret, quote(secret, safe=""), quote(secret), json.dumps(secret)[1:-1]}
    return sorted(forms, key=len, reverse=True)


def _without(text: str, forms: Iterable[str]) -> str:
    for form in forms:
        text = text.replace(form, SECRET)
    return text


def _looks_random(word: str) -> bool:
    """Tell whether a long word is no word: hexadecimal digits, or digits strewn among letters."""
    if re.fullmatch(r"[0-9a-fA-F]+", word):
        return not word.isdigit()
    changes = len(re.findall(r"[0-9](?=[A-Za-z])|[a-z](?=[0-9A-Z])|[A-Z](?=[0-9])", word))
    return changes >= 4 and any(c.isdigit() for c in word)


def _looks_like_curve(word: str) -> bool:
    """Tell whether 40 characters are a key of CURVE: a path has fewer odd marks."""
    return len(_CURVE_MARKS.findall(word)) >= 3


def _is_home(home: str) -> bool:
    return home.startswith("/") and len(home.rstrip("/")) > 1
