"""Tokens: what proves a name, and everything that does not."""

import time
from typing import Any

import jwt
import pytest
from pytest_mock import MockerFixture

from {{ package_name }}.security.identity import Identity, Unauthorized
from {{ package_name }}.settings import Settings

from ..forgery import FORGED, NAME, forge
{% if asyncio_mode == 'strict' %}

pytestmark = pytest.mark.asyncio
{% endif %}

NOW = 2_000_000_000.5


@pytest.fixture
def identity(settings: Settings) -> Identity:
    """Makes and verifies tokens with the secret of the test."""
    return Identity(settings, time.time)


@pytest.mark.settings(token_lifetime=60)
async def test_an_issued_token_proves_its_name_for_its_lifetime(settings: Settings) -> None:
    identity = Identity(settings, lambda: NOW)
    principal = await identity.verify(identity.issue("älice"))
    assert principal.name == "älice"
    assert principal.expires_at == int(NOW) + 60 + 5


async def test_what_else_a_token_claims_can_be_read_and_not_changed(settings: Settings) -> None:
    identity = Identity(settings, time.time)
    claims = (await identity.verify(forge(settings, roles=["staff"], org={"id": [1]}))).claims
    assert claims["roles"] == ("staff",)
    assert claims["org"] == {"id": (1,)}
    assert claims["sub"] == NAME
    for mapping in (claims, claims["org"]):
        with pytest.raises(TypeError):
            mapping["id"] = []  # type: ignore[index]


SKEW = {
    "issued": ("iat", 5, 5.1),
    "good from": ("nbf", 5, 5.1),
    "good until": ("exp", -4.9, -5),
    "not too long": ("exp", 1005, 1005.1),
}


@pytest.mark.settings(clock_leeway=5, token_lifetime=1000, max_token_lifetime=1000)
@pytest.mark.parametrize(("claim", "right", "wrong"), SKEW.values(), ids=SKEW.keys())
async def test_the_clock_of_the_issuer_may_differ_by_the_leeway(
    settings: Settings, claim: str, right: float, wrong: float
) -> None:
    identity = Identity(settings, lambda: NOW)
    times: dict[str, Any] = {"iat": NOW, "exp": NOW + 60}
    good = await identity.verify(forge(settings, **(times | {claim: NOW + right})))
    assert good.expires_at == (NOW + right if claim == "exp" else NOW + 60) + 5
    with pytest.raises(Unauthorized):
        await identity.verify(forge(settings, **(times | {claim: NOW + wrong})))


async def test_a_token_that_comes_again_is_decoded_once_and_its_times_are_judged_each_time(
    settings: Settings, mocker: MockerFixture
) -> None:
    decode, now = mocker.spy(jwt, "decode"), NOW
    identity = Identity(settings, lambda: now)
    token = forge(settings, iat=NOW, exp=NOW + 60)
    assert await identity.verify(token) == await identity.verify(token)
    assert decode.call_count == 1
    now = NOW + 61 + settings.clock_leeway
    with pytest.raises(Unauthorized):
        await identity.verify(token)


async def test_a_token_that_is_not_valid_is_not_remembered(
    identity: Identity, settings: Settings
) -> None:
    for _ in range(2):
        with pytest.raises(Unauthorized):
            await identity.verify(FORGED["another key"](settings))


@pytest.mark.parametrize("stray", [" ", "\n", "\t", "\xa0", "=", "!", "é"], ids=ascii)
async def test_a_token_has_one_spelling(identity: Identity, settings: Settings, stray: str) -> None:
    token = forge(settings)
    assert await identity.verify(token)
    for place in (0, 5, token.rindex(".") + 3, len(token)):
        with pytest.raises(Unauthorized):
            await identity.verify(token[:place] + stray + token[place:])


async def test_a_forged_token_is_valid_but_for_its_changes(
    identity: Identity, settings: Settings
) -> None:
    assert (await identity.verify(forge(settings))).name == "alice"


@pytest.mark.parametrize("name", FORGED)
async def test_a_forged_token_proves_nothing(
    identity: Identity, settings: Settings, name: str
) -> None:
    with pytest.raises(Unauthorized):
        await identity.verify(FORGED[name](settings))


async def test_a_token_may_be_as_long_as_6144_characters_and_no_longer(
    identity: Identity, settings: Settings
) -> None:
    by_length = {len(t): t for t in (forge(settings, sub="x" * n) for n in range(4330, 4530))}
    assert (await identity.verify(by_length[6144])).name
    with pytest.raises(Unauthorized):
        await identity.verify(by_length[6145])


@pytest.mark.parametrize("token", [None, 1, b"", [], "\ud800", "ü.ü.ü"], ids=repr)
async def test_what_is_no_text_proves_nothing(identity: Identity, token: object) -> None:
    with pytest.raises(Unauthorized):
        await identity.verify(token)


async def test_a_refusal_says_what_was_wrong_in_the_log_alone(
    identity: Identity, settings: Settings
) -> None:
    refusals, reasons = [], []
    for name in ["nothing", "expired", "another audience"]:
        with pytest.raises(Unauthorized) as caught:
            await identity.verify(FORGED[name](settings))
        refusals.append((caught.value.to_dict(), caught.value.headers))
        reasons.append(caught.value.__notes__)
    assert refusals == [refusals[0]] * 3
    assert refusals[0][0]["description"] == "The token is missing or not valid."
    assert refusals[0][1] == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    assert reasons == [
        ["the token is malformed"],
        ["the token has expired, is not valid yet, or expires too late"],
        ["the token is not valid: InvalidAudienceError"],
    ]
