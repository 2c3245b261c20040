"""The Authorization header: who is told apart, and until when."""

import time

import pytest
from falcon.testing import ASGIConductor

from {{ package_name }}.close_codes import CloseCode
from {{ package_name }}.settings import Settings

from .attempt import Attempt
from .codec import receive, send
from .conftest import Connect, closed_with, refused_with
from .forgery import bearer, forge, token
{% if asyncio_mode == 'strict' %}

pytestmark = pytest.mark.asyncio
{% endif %}


async def test_the_principal_is_whom_the_token_names(
    conductor: ASGIConductor, settings: Settings
) -> None:
    result = await conductor.simulate_get("/probe", headers=bearer(forge(settings, sub="bob")))
    assert result.json == {"name": "bob"}


async def test_the_scheme_is_not_case_sensitive(connect: Connect, settings: Settings) -> None:
    headers = {"Authorization": bearer(token(settings))["Authorization"].replace("B", "b", 1)}
    async with connect("/probe", Attempt(headers)) as ws:
        await send(ws, {"type": "ping"})
        assert await receive(ws) == {"type": "pong"}


async def test_a_handshake_needs_the_token_before_it_learns_of_a_path(connect: Connect) -> None:
    assert await refused_with(connect("/nowhere", Attempt())) == 401


@pytest.mark.settings(clock_leeway=2)
async def test_a_token_that_expires_ends_its_connection_after_the_leeway(
    connect: Connect, settings: Settings
) -> None:
    # Not before the handshake is over.
    expiring = forge(settings, exp=time.time() - 2 + 0.1)
    async with connect("/probe", Attempt(bearer(expiring))) as ws:
        assert await closed_with(ws) == CloseCode.TOKEN_EXPIRED
