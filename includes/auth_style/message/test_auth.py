"""Authentication: by the first message of a WebSocket, by the Authorization header over HTTP."""

import asyncio
import json

import pytest
from falcon import WebSocketDisconnected
from falcon.testing import ASGIConductor
from pytest_mock import MockerFixture

from {{ package_name }}.settings import Settings

from .conftest import Connect, refused_with
from .credentials import first_messages, token
from .probe import ProbeResource
{% if asyncio_mode == 'strict' %}

pytestmark = pytest.mark.asyncio
{% endif %}

WRONG_FIRST_MESSAGES = {
    "another message": '{"type": "ping"}',
    "no token": '{"type": "auth"}',
    "a token that is no text": '{"type": "auth", "token": 1}',
    "a wrong token": '{"type": "auth", "token": "wrong"}',
    "no message": "[]",
    "no JSON": "token",
    "deep JSON": "[" * 10_000,
    "a wrong frame type": b'{"type": "auth", "token": ""}',
}


@pytest.mark.parametrize("first", WRONG_FIRST_MESSAGES.values(), ids=WRONG_FIRST_MESSAGES.keys())
async def test_a_wrong_first_message_is_refused_and_never_reaches_the_resource(
    conductor: ASGIConductor, mocker: MockerFixture, first: str | bytes
) -> None:
    resource = mocker.spy(ProbeResource, "on_websocket")
    with pytest.raises(WebSocketDisconnected) as caught:
        async with asyncio.timeout(5), conductor.simulate_ws("/probe", timeout=5) as ws:
            await (ws.send_text(first) if isinstance(first, str) else ws.send_data(first))
            await ws.receive_text()
    assert caught.value.code == 3401
    resource.assert_not_called()


@pytest.mark.settings(auth_timeout=0.02)
async def test_a_silent_client_hears_nothing_and_is_refused_at_the_deadline(
    conductor: ASGIConductor, mocker: MockerFixture
) -> None:
    resource = mocker.spy(ProbeResource, "on_websocket")
    with pytest.raises(WebSocketDisconnected) as caught:
        async with asyncio.timeout(5), conductor.simulate_ws("/probe", timeout=5) as ws:
            await ws.receive_text()
    assert caught.value.code == 3408
    resource.assert_not_called()


async def test_a_client_that_leaves_before_its_first_message_is_no_crash(
    conductor: ASGIConductor, mocker: MockerFixture
) -> None:
    resource = mocker.spy(ProbeResource, "on_websocket")
    async with conductor.simulate_ws("/probe", timeout=5):
        pass
    resource.assert_not_called()


async def test_messages_right_behind_the_token_are_handled(
    conductor: ASGIConductor, settings: Settings
) -> None:
    async with asyncio.timeout(5), conductor.simulate_ws("/probe", timeout=5) as ws:
        for message in [*first_messages(settings), '{"type": "ping"}']:
            await ws.send_text(message)
        assert json.loads(await ws.receive_text()) == {"type": "pong"}


async def test_a_path_without_websocket_is_refused_before_the_token(connect: Connect) -> None:
    assert await refused_with(connect("/readyz")) == 405


@pytest.mark.parametrize("scheme", ["", "Basic ", "Bearer", "Token ", "Bearer x"])
async def test_http_needs_a_bearer_token(
    conductor: ASGIConductor, settings: Settings, scheme: str
) -> None:
    headers = {"Authorization": f"{scheme}{token(settings)}"}
    result = await conductor.simulate_get("/probe", headers=headers)
    assert result.status_code == 401
    assert result.headers["www-authenticate"] == 'Bearer error="invalid_token"'


async def test_http_without_credentials_is_refused_on_every_path(
    conductor: ASGIConductor,
) -> None:
    assert (await conductor.simulate_get("/probe")).status_code == 401
    assert (await conductor.simulate_get("/nowhere")).status_code == 401


async def test_the_scheme_is_not_case_sensitive(
    conductor: ASGIConductor, settings: Settings
) -> None:
    headers = {"Authorization": f"bearer {token(settings)}"}
    assert (await conductor.simulate_get("/probe", headers=headers)).status_code == 200
