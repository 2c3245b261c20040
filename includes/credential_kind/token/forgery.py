"""Tokens: a valid one, and forgeries of every kind."""

import base64
import json
import math
import time
from collections.abc import Callable
from typing import Any

import jwt

from {{ package_name }}.security.identity import Identity
from {{ package_name }}.settings import Settings

from .attempt import Attempt

NAME = "alice"


def token(settings: Settings) -> str:
    """Return a valid token."""
    return Identity(settings, time.time).issue(NAME)


def bearer(token: str) -> dict[str, str]:
    """Return the header that carries a token."""
    return {"Authorization": f"Bearer {token}"}


def forge(
    settings: Settings,
    key: Any = None,
    algorithm: str = "HS256",
    headers: dict[str, Any] | None = None,
    **changes: Any,
) -> str:
    """Return a token that is valid except for the changes; None leaves a claim out."""
    now = int(time.time())
    claims = {
        "sub": NAME,
        "iat": now,
        "exp": now + 60,
        "aud": settings.audience,
        "iss": settings.issuer,
    } | changes
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, settings.signing_key if key is None else key, algorithm, headers)


def unsigned(settings: Settings, algorithm: str) -> str:
    """Return a token that is valid except that its signature is missing."""
    header = json.dumps({"alg": algorithm, "typ": "JWT"}).encode()
    claims = forge(settings).split(".")[1]
    return f"{base64.urlsafe_b64encode(header).decode().rstrip('=')}.{claims}."


def changed(**changes: Any) -> Callable[[Settings], str]:
    """Return what forges a token with these changes."""
    return lambda settings: forge(settings, **changes)


NOW = int(time.time())
OTHER_KEY = b"another key of thirty-two bytes, at least"
DEEP = base64.urlsafe_b64encode(b"[" * 3000).decode()

FORGED: dict[str, Callable[[Settings], str]] = {
    "nothing": lambda settings: "",
    "no token": lambda settings: "a.b.c",
    "a header that nests": lambda settings: f"{DEEP}.{DEEP[:4]}.{DEEP[:4]}",
    "truncated": lambda settings: forge(settings)[:-1],
    "no signature": lambda settings: unsigned(settings, "HS256"),
    "algorithm none": lambda settings: unsigned(settings, "none"),
    "algorithm None": lambda settings: unsigned(settings, "None"),
    "algorithm nOnE": lambda settings: unsigned(settings, "nOnE"),
    "algorithm RS256": lambda settings: unsigned(settings, "RS256"),
    "another algorithm": changed(algorithm="HS512", key=OTHER_KEY * 2),
    "another key": changed(key=OTHER_KEY),
    "an embedded key": changed(
        key=OTHER_KEY,
        headers={"jwk": {"kty": "oct", "k": base64.urlsafe_b64encode(OTHER_KEY).decode()}},
    ),
    "a key to be fetched": changed(key=OTHER_KEY, headers={"jku": "http://127.0.0.1:9/jwks"}),
    "expired": changed(exp=NOW - 3600),
    "not yet valid": changed(nbf=NOW + 3600),
    "issued in the future": changed(iat=NOW + 3600),
    "another audience": changed(aud="another"),
    "another issuer": changed(iss="another"),
    "no expiry": changed(exp=None),
    "no issue time": changed(iat=None),
    "no audience": changed(aud=None),
    "no issuer": changed(iss=None),
    "no name": changed(sub=None),
    "an empty name": changed(sub=""),
    "a name that is no text": changed(sub=1),
    "a name with a control character": changed(sub="a\nb"),
    "a name with half a surrogate": changed(sub="\ud800"),
    "an expiry without end": changed(exp=10**400),
    "an expiry that is no number": changed(exp="soon"),
    "an expiry that is not a number": changed(exp=math.nan),
    "an infinite expiry": changed(exp=math.inf),
    "an expiry in some years": changed(exp=NOW + 10**8),
    "an expiry in milliseconds": changed(exp=(NOW + 60) * 1000),
    "an issue time that is no number": changed(iat="now"),
    "an issue time that is not a number": changed(iat=math.nan),
    "an issue time without end": changed(iat=10**400),
    "a beginning that is no number": changed(nbf=True),
    "a beginning that is not a number": changed(nbf=math.nan),
    "a stray byte in the signature": lambda settings: forge(settings).replace(".", ".!"),
    "padding": lambda settings: forge(settings) + "=",
    "oversized": changed(sub="x" * 4900),
}


def carried(carry: Callable[[str], Attempt]) -> dict[str, Callable[[Settings], Attempt]]:
    """Return each forged token in what carries it to the service."""

    def carrying(forge: Callable[[Settings], str]) -> Callable[[Settings], Attempt]:
        return lambda settings: carry(forge(settings))

    return {name: carrying(forge) for name, forge in FORGED.items()}


DENIED_BEARERS: dict[str, Callable[[Settings], Attempt]] = {
    "no header": lambda settings: Attempt(),
    "no scheme": lambda settings: Attempt({"Authorization": token(settings)}),
    "another scheme": lambda settings: Attempt({"Authorization": f"Basic {token(settings)}"}),
    "two tokens": lambda settings: Attempt(bearer(f"{token(settings)}, Bearer {token(settings)}")),
    "a token in the query string": lambda settings: Attempt(
        query_string=f"token={token(settings)}"
    ),
    **carried(lambda token: Attempt(bearer(token))),
}
