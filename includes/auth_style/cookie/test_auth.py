"""Sessions: how they begin, what their cookie is like, and that they end everywhere."""

import time

import pytest
from falcon.asgi import Request, WebSocket
from falcon.testing import ASGIConductor
from pytest_mock import MockerFixture

from {{ package_name }} import connections as connections_module
from {{ package_name }}.auth import COOKIE, Sessions
from {{ package_name }}.close_codes import CloseCode
from {{ package_name }}.connections import Connections
from {{ package_name }}.identity import Principal, Unauthorized
from {{ package_name }}.settings import Settings

from . import credentials
from .attempt import Attempt, Post
from .codec import receive, send
from .conftest import Connect, closed_with, refused_with
from .credentials import origin
from .forgery import REFUSED_BEARERS, bearer, token
{% if asyncio_mode == 'strict' %}

pytestmark = pytest.mark.asyncio
{% endif %}


@pytest.mark.parametrize("name", REFUSED_BEARERS)
async def test_a_forged_token_begins_no_session(
    conductor: ASGIConductor, settings: Settings, name: str
) -> None:
    wrong = REFUSED_BEARERS[name](settings)
    result = await conductor.simulate_post(
        "/session", headers=wrong.headers | origin(settings), query_string=wrong.query_string
    )
    assert result.status_code == 401
    assert "set-cookie" not in result.headers


async def test_the_cookie_is_for_this_host_and_for_no_script(
    settings: Settings, post: Post
) -> None:
    answer = await post("/session", bearer(token(settings)) | origin(settings))
    assert answer.status == 201
    assert answer.media["name"] == "alice"
    assert answer.media["expires_at"] > time.time()
    value, *attributes = answer.headers["set-cookie"].split("; ")
    assert value.startswith("__Host-session=")
    assert len(value.partition("=")[2]) == 43, "32 random bytes"
    assert {a.lower() for a in attributes} == {"httponly", "secure", "samesite=lax", "path=/"}


async def test_the_end_of_a_session_closes_its_connections_and_no_others(
    conductor: ASGIConductor, connect: Connect, settings: Settings, post: Post
) -> None:
    mine = await credentials.attempt(settings, post)
    other = await credentials.attempt(settings, post)
    async with (
        connect("/probe", mine) as first,
        connect("/probe", mine) as second,
        connect("/probe", other) as third,
    ):
        result = await conductor.simulate_delete("/session", headers=mine.headers)
        assert result.status_code == 204
        value, *attributes = result.headers["set-cookie"].lower().split("; ")
        assert value == f'{COOKIE.lower()}=""'
        expires = "expires=thu, 01 jan 1970 00:00:00 gmt"
        # Without all of the others a browser ignores it.
        assert {*attributes} == {expires, "httponly", "secure", "samesite=lax", "path=/"}
        assert await closed_with(first) == CloseCode.TOKEN_EXPIRED
        assert await closed_with(second) == CloseCode.TOKEN_EXPIRED
        await send(third, {"type": "ping"})
        assert await receive(third) == {"type": "pong"}
    assert await refused_with(connect("/probe", mine)) == 401


@pytest.mark.parametrize(
    "wrong", [{}, {"Origin": "null"}, {"Origin": "https://evil.example"}], ids=repr
)
async def test_another_page_cannot_use_the_cookie(
    conductor: ASGIConductor,
    connect: Connect,
    settings: Settings,
    post: Post,
    wrong: dict[str, str],
) -> None:
    mine = await credentials.attempt(settings, post)
    headers = {"Cookie": mine.headers["Cookie"]} | wrong
    assert await refused_with(connect("/probe", Attempt(headers))) == 403
    assert (await conductor.simulate_delete("/session", headers=headers)).status_code == 403
    headers |= bearer(token(settings))
    assert (await conductor.simulate_post("/session", headers=headers)).status_code == 403
    async with connect("/probe", mine) as ws:
        await send(ws, {"type": "ping"})
        assert await receive(ws) == {"type": "pong"}


@pytest.mark.parametrize("path", ["/session", "//session", "///session"])
async def test_a_cookie_alone_makes_no_other_session(
    conductor: ASGIConductor, settings: Settings, post: Post, path: str
) -> None:
    mine = await credentials.attempt(settings, post)
    result = await conductor.simulate_post(path, headers=mine.headers)
    assert result.status_code == 401
    assert "set-cookie" not in result.headers


async def test_a_session_that_ends_during_the_handshake_opens_nothing(
    conductor: ASGIConductor,
    connect: Connect,
    connections: Connections,
    settings: Settings,
    post: Post,
    mocker: MockerFixture,
) -> None:
    mine = await credentials.attempt(settings, post)

    async def accept(req: Request, ws: WebSocket) -> None:
        result = await conductor.simulate_delete("/session", headers=mine.headers)
        assert result.status_code == 204
        await ws.accept()

    mocker.patch.object(connections_module, "accept", accept)
    assert await refused_with(connect("/probe", mine)) == 401
    assert len(connections) == 0


async def test_a_planted_second_cookie_is_refused(
    connect: Connect, settings: Settings, post: Post
) -> None:
    mine = await credentials.attempt(settings, post)
    planted = mine.headers | {"Cookie": f"{mine.headers['Cookie']}; {COOKIE}=planted"}
    assert await refused_with(connect("/probe", Attempt(planted))) == 401


async def test_sessions_that_are_over_are_forgotten() -> None:
    now = 1000.0
    sessions = Sessions(lambda: now)
    sessions.begin(Principal("alice", expires_at=1001.0))
    sessions.begin(Principal("bob", expires_at=1002.0))
    now = 1001.0
    sessions.begin(Principal("carol", expires_at=1003.0))
    assert {p.name for p in sessions._principals.values()} == {"bob", "carol"}
    assert all(len(digest) == 32 for digest in sessions._principals)


async def test_a_session_is_over_when_its_token_is(mocker: MockerFixture) -> None:
    now = 1000.0
    sessions = Sessions(lambda: now)
    session = sessions.begin(Principal("alice", expires_at=1001.0))
    req = mocker.Mock()
    req.get_cookie_values.return_value = [session]
    assert sessions.find(req).name == "alice"
    now = 1001.0
    with pytest.raises(Unauthorized):
        sessions.find(req)
    for _ in range(2):
        sessions.end(req)
    assert not sessions._principals
