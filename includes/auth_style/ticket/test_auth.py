"""Tickets: who gets one, and that each opens one connection, soon."""

import asyncio
import time

import pytest
from falcon.testing import ASGIConductor

from {{ package_name }}.app import create_app
from {{ package_name }}.security import TICKET_LIFETIME
from {{ package_name }}.settings import Settings

from . import credentials
from .attempt import Attempt, Post
from .codec import OFFERED, receive, send
from .conftest import Connect, denied_with
from .forgery import DENIED_BEARERS, bearer, forge, token
{% if asyncio_mode == 'strict' %}

pytestmark = pytest.mark.asyncio
{% endif %}


@pytest.mark.parametrize("name", DENIED_BEARERS)
async def test_a_forged_token_fetches_no_ticket(
    conductor: ASGIConductor, settings: Settings, name: str
) -> None:
    wrong = DENIED_BEARERS[name](settings)
    result = await conductor.simulate_post(
        "/tickets", headers=wrong.headers, query_string=wrong.query_string
    )
    assert result.status_code == 401


async def test_a_ticket_comes_with_its_lifetime_and_is_not_cached(
    settings: Settings, post: Post
) -> None:
    answer = await post("/tickets", bearer(token(settings)))
    assert answer.status == 201
    assert answer.media["expires_in"] == 30
    assert len(answer.media["ticket"]) == 43, "32 random bytes"
    assert answer.headers["cache-control"] == "no-store"


async def test_a_ticket_opens_one_connection(
    connect: Connect, settings: Settings, post: Post
) -> None:
    attempt = await credentials.attempt(settings, post)
    async with connect("/probe", attempt) as ws:
        await send(ws, {"type": "ping"})
        assert await receive(ws) == {"type": "pong"}
        assert await denied_with(connect("/probe", attempt)) == 401
    assert await denied_with(connect("/probe", attempt)) == 401


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
    assert await denied_with(connect("/probe", attempt, query_string=again)) == 401


@pytest.mark.parametrize("name", ["%20ticket", "%C2%A0ticket", "%A0ticket", "Ticket", "ticket%00"])
async def test_a_name_that_only_looks_like_ours_is_not(
    connect: Connect, settings: Settings, post: Post, name: str
) -> None:
    right = await credentials.attempt(settings, post)
    wrong = Attempt(query_string=right.query_string.replace("ticket", name))
    assert await denied_with(connect("/probe", wrong)) == 401
    # Beside ours it does no harm; escaped, it would be a second one.
    escaped = f"{right.query_string}&%74icket=planted"
    assert await denied_with(connect("/probe", Attempt(query_string=escaped))) == 401
    both = f"{name}=planted&{right.query_string}"
    async with connect("/probe", Attempt(query_string=both)) as ws:
        await send(ws, {"type": "ping"})
        assert await receive(ws) == {"type": "pong"}


@pytest.mark.settings(max_tickets=2)
async def test_of_too_many_tickets_the_oldest_is_void(
    connect: Connect, settings: Settings, post: Post
) -> None:
    oldest, *others = [await credentials.attempt(settings, post) for _ in range(3)]
    assert await denied_with(connect("/probe", oldest)) == 401
    for other in others:
        async with connect("/probe", other) as ws:
            await send(ws, {"type": "ping"})
            assert await receive(ws) == {"type": "pong"}


async def redeemed(settings: Settings, lifetime: float, *, later: float, jump: float) -> bool:
    """Tell whether a ticket is good so much later, while the clock of the wall jumps."""
    now = {"clock": time.time(), "monotonic": 0.0}
    app = create_app(settings, clock=lambda: now["clock"], monotonic=lambda: now["monotonic"])
    conductor = ASGIConductor(app)
    expiring = forge(settings, exp=now["clock"] + lifetime - settings.clock_leeway)
    answer = await conductor.simulate_post("/tickets", headers=bearer(expiring))
    now = {"clock": now["clock"] + jump, "monotonic": later}
    query = f"ticket={answer.json['ticket']}"
    ws = conductor.simulate_ws("/nowhere", query_string=query, subprotocols=OFFERED)
    status = await denied_with(ws)
    return {404: True, 401: False}[status]


@pytest.mark.parametrize("jump", [-1e6, 0, 20, 1e6])
async def test_a_ticket_is_good_for_30_seconds_whatever_the_clock_does(
    settings: Settings, jump: float
) -> None:
    assert await redeemed(settings, 60, later=TICKET_LIFETIME - 0.1, jump=jump)
    assert not await redeemed(settings, 60, later=TICKET_LIFETIME, jump=jump)


async def test_a_ticket_is_good_no_longer_than_the_token_that_fetched_it(
    settings: Settings,
) -> None:
    assert await redeemed(settings, 10, later=9, jump=9)
    assert not await redeemed(settings, 10, later=11, jump=11)
