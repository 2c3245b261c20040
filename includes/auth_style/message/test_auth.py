"""The first message: its deadline, and what may come before and after it."""

import pytest
from falcon.asgi import App, Request, Response, WebSocket
from falcon.testing import ASGIConductor

from {{ package_name }}.realtime.messages import Ping, Pong
from {{ package_name }}.realtime.registry import Registry
from {{ package_name }}.settings import Settings

from .attempt import Attempt
from .codec import receive, send
from .conftest import Connect, denied_with
from .credentials import first
from .forgery import bearer, token
from .probe import ProbeResource
{% if asyncio_mode == 'strict' %}

pytestmark = pytest.mark.asyncio
{% endif %}

SILENT = Attempt()


@pytest.mark.settings(auth_timeout=0.02)
async def test_a_silent_client_hears_nothing_and_is_refused_at_the_deadline(
    connect: Connect, probe: ProbeResource
) -> None:
    assert await denied_with(connect("/probe", SILENT)) == 408
    assert probe.reached == 0


async def test_a_client_that_leaves_before_its_first_message_is_no_crash(
    connect: Connect, probe: ProbeResource
) -> None:
    async with connect("/probe", SILENT):
        pass
    assert probe.reached == 0


async def test_messages_right_behind_the_token_are_handled(connect: Connect) -> None:
    async with connect("/probe") as ws:
        for _ in range(3):
            await send(ws, {"type": "ping"})
        for _ in range(3):
            assert await receive(ws) == {"type": "pong"}


async def test_a_second_token_is_a_malformed_message(connect: Connect, settings: Settings) -> None:
    async with connect("/probe") as ws:
        await send(ws, {"type": "auth", "token": token(settings)})
        assert (await receive(ws))["code"] == "invalid"


@pytest.mark.parametrize(("path", "status"), [("/readyz", 405), ("/nowhere", 404)])
async def test_a_path_without_websocket_is_refused_before_the_token(
    connect: Connect, path: str, status: int
) -> None:
    assert await denied_with(connect(path, SILENT)) == status


class SuffixedResource:
    """Has its responder under another name: a route with a suffix."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def on_websocket_other(self, req: Request, ws: WebSocket) -> None:
        async with self._registry.open(req, ws, Ping) as connection:
            connection.send(Pong())
            async for _ in connection:
                pass


async def test_a_route_with_a_suffix_is_not_forgotten(
    app: App[Request, Response], connect: Connect, registry: Registry
) -> None:
    app.add_route("/other", SuffixedResource(registry), suffix="other")
    assert await denied_with(connect("/other", first("wrong"))) == 401
    async with connect("/other") as ws:
        assert await receive(ws) == {"type": "pong"}


async def test_the_scheme_of_a_header_is_not_case_sensitive(
    conductor: ASGIConductor, settings: Settings
) -> None:
    headers = {"Authorization": bearer(token(settings))["Authorization"].replace("B", "b", 1)}
    assert (await conductor.simulate_get("/probe", headers=headers)).status_code == 200
