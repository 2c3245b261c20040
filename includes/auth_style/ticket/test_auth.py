"""Tickets: who gets one, and that each opens one connection, soon."""

import asyncio

import pytest
from falcon.testing import ASGIConductor

from {{ package_name }}.auth import TICKET_LIFETIME, Tickets
from {{ package_name }}.identity import Principal, Unauthorized
from {{ package_name }}.settings import Settings

from . import credentials
from .attempt import Post
from .codec import receive, send
from .conftest import Connect, refused_with
from .forgery import REFUSED_BEARERS, bearer, token
{% if asyncio_mode == 'strict' %}

pytestmark = pytest.mark.asyncio
{% endif %}

ALICE = Principal("alice", 1e10)


@pytest.mark.parametrize("name", REFUSED_BEARERS)
async def test_a_forged_token_fetches_no_ticket(
    conductor: ASGIConductor, settings: Settings, name: str
) -> None:
    wrong = REFUSED_BEARERS[name](settings)
    result = await conductor.simulate_post(
        "/tickets", headers=wrong.headers, query_string=wrong.query_string
    )
    assert result.status_code == 401


async def test_a_ticket_comes_with_its_lifetime_and_is_not_cached(
    settings: Settings, post: Post
) -> None:
    answer = await post("/tickets", bearer(token(settings)))
    assert (answer.status, answer.media["expires_in"]) == (201, 30)
    assert len(answer.media["ticket"]) == 43, "32 random bytes"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_ticket_opens_one_connection(
    connect: Connect, settings: Settings, post: Post
) -> None:
    attempt = await credentials.attempt(settings, post)
    async with connect("/probe", attempt) as ws:
        await send(ws, {"type": "ping"})
        assert await receive(ws) == {"type": "pong"}
        assert await refused_with(connect("/probe", attempt)) == 401
    assert await refused_with(connect("/probe", attempt)) == 401


async def test_of_fifty_racers_with_one_ticket_one_wins(
    connect: Connect, settings: Settings, post: Post
) -> None:
    async def race() -> bool:
        try:
            async with connect("/probe", attempt) as ws:
                await send(ws, {"type": "ping"})
                assert await receive(ws) == {"type": "pong"}
        except ConnectionError:
            return False
        return True

    attempt = await credentials.attempt(settings, post)
    assert sum(await asyncio.gather(*(race() for _ in range(50)))) == 1


async def test_a_good_ticket_given_twice_is_refused(
    connect: Connect, settings: Settings, post: Post
) -> None:
    attempt = await credentials.attempt(settings, post)
    again = attempt.query_string
    assert await refused_with(connect("/probe", attempt, query_string=again)) == 401


async def test_a_ticket_expires_and_is_forgotten() -> None:
    now = 1000.0
    tickets = Tickets(lambda: now)
    good, late = tickets.issue(ALICE), tickets.issue(ALICE)
    now += TICKET_LIFETIME - 0.1
    assert tickets.redeem(good) == ALICE
    now += 0.1
    with pytest.raises(Unauthorized):
        tickets.redeem(late)
    for _ in range(3):
        tickets.issue(ALICE)
    now += TICKET_LIFETIME
    tickets.issue(ALICE)
    assert [len(digest) for digest in tickets._issued] == [32]


async def test_a_ticket_is_good_no_longer_than_the_token_that_fetched_it() -> None:
    now = 1000.0
    tickets = Tickets(lambda: now)
    ticket = tickets.issue(Principal("alice", 1010.0))
    now = 1010.0
    with pytest.raises(Unauthorized):
        tickets.redeem(ticket)
