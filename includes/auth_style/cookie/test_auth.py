"""Sessions: how they begin, what their cookie is like, and that they end everywhere."""

import time
from collections.abc import Callable

import pytest
from falcon.asgi import Request, WebSocket
from falcon.testing import ASGIConductor
from pytest_mock import MockerFixture

from {{ package_name }}.app import create_app
from {{ package_name }}.realtime import registry as registry_module
from {{ package_name }}.realtime.close_codes import CloseCode
from {{ package_name }}.realtime.registry import Registry
from {{ package_name }}.security import COOKIE
from {{ package_name }}.settings import Settings

from . import credentials
from .attempt import Attempt, Post
from .codec import receive, send
from .conftest import Connect, Http, closed_with, denied_with
from .credentials import origin
from .forgery import DENIED_BEARERS, bearer, token
{% if asyncio_mode == 'strict' %}

pytestmark = pytest.mark.asyncio
{% endif %}


@pytest.mark.parametrize("name", DENIED_BEARERS)
async def test_a_forged_token_begins_no_session(
    conductor: ASGIConductor, settings: Settings, name: str
) -> None:
    wrong = DENIED_BEARERS[name](settings)
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


@pytest.mark.parametrize("name", ["Lax", "strict", "NONE"])
async def test_a_setting_says_from_whose_pages_the_cookie_is_sent(name: str) -> None:
    settings = Settings(dev=True, cookie_same_site=name, allow_hosts=("*",))
    conductor = ASGIConductor(create_app(settings))
    headers = bearer(token(settings)) | origin(settings)
    begun = await conductor.simulate_post("/session", headers=headers)
    headers["Cookie"] = begun.headers["set-cookie"].partition(";")[0]
    ended = await conductor.simulate_delete("/session", headers=headers)
    for result in (begun, ended):
        attributes = result.headers["set-cookie"].lower().split("; ")
        assert f"samesite={name.lower()}" in attributes
        assert "secure" in attributes


async def test_no_other_word_says_from_whose_pages() -> None:
    with pytest.raises(ValueError, match="'Lax', 'Strict' or 'None'"):
        Settings(dev=True, cookie_same_site="any")


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
    assert await denied_with(connect("/probe", mine)) == 401


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
    assert await denied_with(connect("/probe", Attempt(headers))) == 403
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
    registry: Registry,
    settings: Settings,
    post: Post,
    mocker: MockerFixture,
) -> None:
    mine = await credentials.attempt(settings, post)

    async def accept(req: Request, ws: WebSocket) -> None:
        result = await conductor.simulate_delete("/session", headers=mine.headers)
        assert result.status_code == 204
        await ws.accept()

    mocker.patch.object(registry_module, "accept", accept)
    assert await denied_with(connect("/probe", mine)) == 401
    assert len(registry) == 0


async def test_a_planted_second_cookie_is_refused(
    connect: Connect, settings: Settings, post: Post
) -> None:
    mine = await credentials.attempt(settings, post)
    planted = mine.headers | {"Cookie": f"{mine.headers['Cookie']}; {COOKIE}=planted"}
    assert await denied_with(connect("/probe", Attempt(planted))) == 401


PLANTED = ["\xa0", "\x85", "\x1c", "\x0b", "\x0c", "\t", "  ", "\xad", "$", "x"]


@pytest.mark.parametrize("stray", PLANTED, ids=ascii)
async def test_a_name_that_only_looks_like_ours_is_not(
    connect: Connect, http: Http, settings: Settings, post: Post, stray: str
) -> None:
    """A browser does not protect such a name: another host of the domain may have set it."""
    mine = await credentials.attempt(settings, post)
    name, value = mine.headers["Cookie"].split("=")
    for wrong in (f"{stray}{name}", f"{name}{stray}"):
        # The simulated client, as a server would, strips blanks from the ends of the header.
        alone = mine.headers | {"Cookie": f"a=b; {wrong}={value}"}
        assert await denied_with(connect("/probe", Attempt(alone))) == 401
        assert (await http("GET", "/probe", headers=alone)).status_code == 401
        for both in (f"{name}={value}; {wrong}=planted", f"a=b; {wrong}=planted; {name}={value}"):
            async with connect("/probe", Attempt(mine.headers | {"Cookie": both})) as ws:
                await send(ws, {"type": "ping"})
                assert await receive(ws) == {"type": "pong"}


@pytest.mark.parametrize(
    "change",
    [str.lower, str.upper, '"{}"'.format, "{}x".format],
    ids=["lower", "upper", "quoted", "longer"],
)
async def test_a_cookie_that_is_not_exactly_ours_is_not(
    connect: Connect, settings: Settings, post: Post, change: Callable[[str], str]
) -> None:
    mine = await credentials.attempt(settings, post)
    name, value = mine.headers["Cookie"].split("=")
    for wrong in (f"{change(name)}={value}", f"{name}={change(value)}"):
        changed = Attempt(mine.headers | {"Cookie": f"a=b; {wrong}; c=d"})
        assert await denied_with(connect("/probe", changed)) == 401


async def test_a_new_session_ends_the_one_that_this_browser_had(
    conductor: ASGIConductor, connect: Connect, settings: Settings, post: Post
) -> None:
    mine = await credentials.attempt(settings, post)
    other = await credentials.attempt(settings, post)
    again = mine.headers | bearer(token(settings))
    planted = again | {"Cookie": f"{COOKIE}=planted; {again['Cookie']}"}
    async with connect("/probe", mine) as first, connect("/probe", other) as second:
        wrong = again | bearer("wrong")
        assert (await conductor.simulate_post("/session", headers=wrong)).status_code == 401
        await send(first, {"type": "ping"})
        assert await receive(first) == {"type": "pong"}
        assert (await post("/session", planted)).status == 201
        assert await closed_with(first) == CloseCode.TOKEN_EXPIRED
        await send(second, {"type": "ping"})
        assert await receive(second) == {"type": "pong"}
    assert await denied_with(connect("/probe", mine)) == 401


@pytest.mark.settings(max_sessions=2)
async def test_of_too_many_sessions_the_oldest_ends_with_its_connections(
    connect: Connect, settings: Settings, post: Post
) -> None:
    oldest, second = [await credentials.attempt(settings, post) for _ in range(2)]
    async with connect("/probe", oldest) as first, connect("/probe", second) as other:
        # Who comes back with a cookie has no session more than before.
        again = second.headers | bearer(token(settings))
        assert (await post("/session", again)).status == 201
        assert await closed_with(other) == CloseCode.TOKEN_EXPIRED
        await send(first, {"type": "ping"})
        assert await receive(first) == {"type": "pong"}
        await credentials.attempt(settings, post)
        assert await closed_with(first) == CloseCode.TOKEN_EXPIRED
    assert await denied_with(connect("/probe", oldest)) == 401


async def test_a_session_lasts_as_long_as_its_token_whatever_the_clock_does(
    settings: Settings,
) -> None:
    now = {"clock": time.time(), "monotonic": 0.0}
    app = create_app(settings, clock=lambda: now["clock"], monotonic=lambda: now["monotonic"])
    conductor = ASGIConductor(app)
    headers = bearer(token(settings)) | origin(settings)
    answer = await conductor.simulate_post("/session", headers=headers)
    headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
    lasts = answer.json["expires_at"] - now["clock"]
    assert lasts == pytest.approx(settings.token_lifetime + settings.clock_leeway, abs=60)
    for jump in (-1e6, 1e6):
        now["clock"] += jump
        now["monotonic"] = lasts - 1
        assert (await conductor.simulate_get("/nowhere", headers=headers)).status_code == 404
    now["monotonic"] = lasts + 1
    assert (await conductor.simulate_get("/nowhere", headers=headers)).status_code == 401
