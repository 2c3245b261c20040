"""Tokens: what proves a name, and everything that does not."""

import base64
import json
import time
from typing import Any

import jwt
import pytest

from {{ package_name }}.identity import Identity, Unauthorized
from {{ package_name }}.settings import Settings

NOW = time.time()


@pytest.fixture
def identity(settings: Settings) -> Identity:
    """Makes and verifies tokens with the secret of the test."""
    return Identity(settings, lambda: NOW)


def forge(settings: Settings, algorithm: str = "HS256", key: bytes = b"", **changes: Any) -> str:
    """Return a valid token but for the changes; None leaves a claim out."""
    claims = {
        "sub": "alice",
        "iat": int(NOW),
        "exp": int(NOW) + 60,
        "aud": settings.audience,
        "iss": settings.issuer,
    } | changes
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key or settings.signing_key, algorithm)


def unsigned(header: dict[str, str]) -> str:
    """Return a token without a signature."""
    parts = [json.dumps(part).encode() for part in (header, {"sub": "alice"})]
    return b".".join([*map(base64.urlsafe_b64encode, parts), b""]).replace(b"=", b"").decode()


def test_an_issued_token_proves_its_name(identity: Identity, settings: Settings) -> None:
    principal = identity.verify(identity.issue("älice"))
    assert principal.name == "älice"
    assert principal.expires_at == int(NOW) + settings.token_lifetime


def test_a_forged_token_is_valid_but_for_its_changes(
    identity: Identity, settings: Settings
) -> None:
    assert identity.verify(forge(settings)).name == "alice"


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(NOW) - 1},
        {"nbf": int(NOW) + 60},
        {"iat": int(NOW) + 60},
        {"aud": "another"},
        {"iss": "another"},
        {"sub": 1},
        {"sub": None},
        {"exp": None},
        {"iat": None},
        {"aud": None},
        {"iss": None},
        {"exp": "soon"},
        {"key": b"another key of thirty-two bytes!"},
        {"algorithm": "HS384"},
        {"sub": "x" * 4096},
    ],
    ids=repr,
)
@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")
def test_a_token_that_is_not_valid_proves_nothing(
    identity: Identity, settings: Settings, changes: dict[str, Any]
) -> None:
    with pytest.raises(Unauthorized):
        identity.verify(forge(settings, **changes))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "RS256", "HS256", ""])
def test_a_token_without_signature_proves_nothing(identity: Identity, algorithm: str) -> None:
    with pytest.raises(Unauthorized):
        identity.verify(unsigned({"alg": algorithm, "typ": "JWT"}))


@pytest.mark.parametrize("token", [None, 1, b"", "", ".", "a.b.c", "\ud800", "ü.ü.ü"], ids=repr)
def test_what_is_no_token_proves_nothing(identity: Identity, token: object) -> None:
    with pytest.raises(Unauthorized):
        identity.verify(token)


def test_a_refusal_does_not_say_what_was_wrong(identity: Identity, settings: Settings) -> None:
    refusals = []
    for token in ["", forge(settings, exp=1), forge(settings, aud="another")]:
        with pytest.raises(Unauthorized) as caught:
            identity.verify(token)
        refusals.append((caught.value.to_dict(), caught.value.headers))
    assert refusals == [refusals[0]] * 3
    assert refusals[0][1] == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
