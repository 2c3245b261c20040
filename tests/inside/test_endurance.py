"""What a service must survive; put beside the tests of a rendered project and run there."""

import asyncio
import contextlib
import time

import pytest
from pytest_mock import MockerFixture
from websockets.exceptions import ConnectionClosed

from falcon_service.realtime.broker import MemoryBroker
from falcon_service.realtime.close_codes import CloseCode

from .codec import decode, encode
from .conftest import within
from .live import LiveServer, serving

pytestmark = pytest.mark.asyncio

ROUNDS, AT_ONCE = 20, 50


async def test_a_thousand_connections_leave_no_task_and_no_subscription(
    mocker: MockerFixture,
) -> None:
    async def come_and_go(server: LiveServer, number: int) -> None:
        room = f"/rooms/{number % 7}"
        if number % 4 == 0:
            async with server.listen(room) as events:
                assert (await events.hear())["type"] == "joined"
            return
        async with server.connect(room) as ws:
            assert decode(await ws.recv())["type"] == "joined"
            if number % 4 == 1:
                # Leaves in the middle of a message to everybody.
                await ws.send(encode({"type": "publish", "text": "x" * 1000}))
                ws.transport.abort()
            elif number % 4 == 2:
                ws.transport.abort()

    subscribe = mocker.spy(MemoryBroker, "subscribe")
    with serving(keepalive_interval=0.02, send_timeout=0.5) as server:
        async with server.connect("/rooms/first") as ws:
            await ws.recv()
        loop = server.server.servers[0].get_loop()
        broker: MemoryBroker = subscribe.call_args.args[0]
        await forgotten(server, broker)
        before = len(asyncio.all_tasks(loop))
        for number in range(ROUNDS):
            clients = range(number * AT_ONCE, (number + 1) * AT_ONCE)
            async with within(60):
                await asyncio.gather(*(come_and_go(server, client) for client in clients))
        await forgotten(server, broker)
        assert subscribe.call_count == 1 + ROUNDS * AT_ONCE
        deadline = time.monotonic() + 30
        # The tasks of the server itself end a little after the connections.
        while len(asyncio.all_tasks(loop)) > before:
            assert time.monotonic() < deadline, asyncio.all_tasks(loop)
            await asyncio.sleep(0.05)


async def forgotten(server: LiveServer, broker: MemoryBroker) -> None:
    """Wait until nobody is connected and nothing is subscribed."""
    deadline = time.monotonic() + 30
    while len(server.server._registry) > 0 or broker.topics:
        assert time.monotonic() < deadline, (server.server._registry._open, broker.topics)
        await asyncio.sleep(0.02)


async def test_a_handler_that_never_does_io_ends_with_its_client() -> None:
    with serving(responder_grace=0.05) as server:
        async with server.connect("/probe?client=hanging") as hanging:
            await hanging.send(encode({"type": "hang"}))
            await hanging.ping()
            hanging.transport.abort()
            assert await server.end_of("hanging") in {1005, 1006}


async def test_a_handler_that_never_does_io_cannot_hold_the_server_up() -> None:
    with serving(responder_grace=0.05, shutdown_grace=2) as server:
        async with server.connect("/probe?client=hanging") as hanging:
            await hanging.send(encode({"type": "hang"}))
            await (await hanging.ping())
            server.stop()
            with pytest.raises(ConnectionClosed):
                await hanging.recv()
            assert hanging.close_code == CloseCode.RESTART


async def test_malformed_messages_and_broken_connections_beside_a_healthy_room() -> None:
    async def flood(server: LiveServer, number: int) -> None:
        async with server.connect("/rooms/healthy") as ws:
            with contextlib.suppress(ConnectionClosed):
                for _ in range(50):
                    await ws.send(encode([number]))
            if number % 2:
                ws.transport.abort()

    with serving() as server:
        async with (
            within(60),
            server.connect("/rooms/healthy") as alice,
            server.connect("/rooms/healthy") as bob,
        ):
            for ws in (alice, bob):
                assert decode(await ws.recv())["type"] == "joined"
            floods = [asyncio.create_task(flood(server, number)) for number in range(30)]
            for number in range(100):
                await alice.send(encode({"type": "publish", "text": str(number)}))
                for ws in (alice, bob):
                    assert decode(await ws.recv())["text"] == str(number)
            await asyncio.gather(*floods)
