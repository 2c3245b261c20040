"""Tokens: what proves a name, and everything that does not."""

import time

import pytest

from {{ package_name }}.identity import Identity, Unauthorized
from {{ package_name }}.settings import Settings

from .forgery import FORGED, forge

NOW = time.time()


@pytest.fixture
def identity(settings: Settings) -> Identity:
    """Makes and verifies tokens with the secret of the test."""
    return Identity(settings, lambda: NOW)


@pytest.mark.settings(token_lifetime=60)
def test_an_issued_token_proves_its_name_for_its_lifetime(identity: Identity) -> None:
    principal = identity.verify(identity.issue("älice"))
    assert (principal.name, principal.expires_at) == ("älice", int(NOW) + 60)


def test_a_forged_token_is_valid_but_for_its_changes(
    identity: Identity, settings: Settings
) -> None:
    assert identity.verify(forge(settings)).name == "alice"


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_token_proves_nothing(identity: Identity, settings: Settings, name: str) -> None:
    with pytest.raises(Unauthorized):
        identity.verify(FORGED[name](settings))


def test_a_token_may_be_as_long_as_4096_characters_and_no_longer(
    identity: Identity, settings: Settings
) -> None:
    by_length = {len(t): t for t in (forge(settings, sub="x" * n) for n in range(2800, 3000))}
    assert identity.verify(by_length[4096]).name
    with pytest.raises(Unauthorized):
        identity.verify(by_length[4097])


@pytest.mark.parametrize("token", [None, 1, b"", [], "\ud800", "ü.ü.ü"], ids=repr)
def test_what_is_no_text_proves_nothing(identity: Identity, token: object) -> None:
    with pytest.raises(Unauthorized):
        identity.verify(token)


def test_a_refusal_does_not_say_what_was_wrong(identity: Identity, settings: Settings) -> None:
    refusals = []
    for name in ["nothing", "expired", "another audience"]:
        with pytest.raises(Unauthorized) as caught:
            identity.verify(FORGED[name](settings))
        refusals.append((caught.value.to_dict(), caught.value.headers))
    assert refusals == [refusals[0]] * 3
    assert refusals[0][0]["description"] == "The token is missing or not valid."
    assert refusals[0][1] == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
