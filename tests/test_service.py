"""The generated service as a process of its own, with real clients: its life, its end, its limits.

What the generated suite proves in one process is not repeated here.
"""

import asyncio
import http.client
import itertools
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from .harness.template import Project

SECRET = "a secret of the tests, long enough for HS256"  # noqa: S105


urlopen = urllib.request.build_opener(urllib.request.ProxyHandler({})).open
"""Opens what is on this machine, whatever proxy the environment names."""


@dataclass
class Service:
    """A running service."""

    process: subprocess.Popen[str]
    port: int
    log: Path
    token: str | None

    @property
    def url(self) -> str:
        """Where its rooms are."""
        return f"ws://127.0.0.1:{self.port}/rooms"

    @asynccontextmanager
    async def join(self, room: str = "lobby") -> AsyncIterator[ClientConnection]:
        """Join a room, as a client that buffers whatever it is sent."""
        async with connect(f"{self.url}/{room}", open_timeout=30, max_queue=None, proxy=None) as ws:
            if self.token is not None:
                await ws.send(json.dumps({"type": "auth", "token": self.token}))
            assert json.loads(await ws.recv())["type"] == "joined"
            yield ws

    def stop(self, timeout: float) -> None:
        """Send SIGTERM; fail if the process is not gone in time."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout)

    def complaints(self) -> list[str]:
        """Return what in the log speaks of an error."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if re.search("ERROR|CRITICAL|Traceback|never awaited", line)]


def run(project: Project, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the service's command line."""
    package = next((project.tree / "src").iterdir()).name
    return subprocess.run(
        [sys.executable, "-m", package, *arguments],
        cwd=project.tree,
        env=settings(**environment),
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def settings(**changes: str) -> dict[str, str]:
    """Return the environment of a service."""
    inherited = {
        key: value for key, value in os.environ.items() if not key.upper().startswith("APP_")
    }
    return inherited | {"PYTHONPATH": "src", "PYTHONUNBUFFERED": "1"} | changes


def event(stream: http.client.HTTPResponse) -> Any:
    """Return the message in the next Server-Sent Event."""
    lines = list(iter(stream.readline, b"\n"))
    assert [line.partition(b": ")[0] for line in lines] == [b"id", b"data"]
    return json.loads(lines[1].removeprefix(b"data: "))


@contextmanager
def serving(project: Project, tmp_path: Path, **changes: str) -> Iterator[Service]:
    """Serve until the block ends."""
    package = next((project.tree / "src").iterdir()).name
    soon = {"APP_SHUTDOWN_DELAY": "0", "APP_DRAIN_WINDOW": "0"}
    environment = settings(**({"APP_SECRET": SECRET, "APP_PORT": "0"} | soon | changes))
    token = None
    if project.answers["auth_style"] != "none":
        token = run(project, "token", "alice", APP_SECRET=SECRET).stdout.strip()
    log = tmp_path / "service.log"
    with ExitStack() as stack:
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", package],
                cwd=project.tree,
                env=environment,
                stdout=stack.enter_context(log.open("w")),
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        stack.callback(process.kill)
        until = time.monotonic() + 30
        while not (match := re.search(r"running on http://127.0.0.1:(\d+)", log.read_text())):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.02)
        yield Service(process, int(match[1]), log, token)


@pytest.fixture(params=["message-json-auto", "none-json-strict"])
def served(request: pytest.FixtureRequest, projects: dict[str, Project]) -> Project:
    """A combination with and one without credentials."""
    return projects[request.param]


async def test_rooms_carry_messages_and_health_checks_answer(
    served: Project, tmp_path: Path
) -> None:
    with serving(served, tmp_path) as service:
        async with service.join() as alice, service.join() as bob, service.join("other") as carol:
            await alice.send(json.dumps({"type": "publish", "text": "hi"}))
            for ws in (alice, bob):
                message = json.loads(await ws.recv())
                assert (message["type"], message["room"], message["text"]) == (
                    "message",
                    "lobby",
                    "hi",
                )
            await carol.send(json.dumps({"type": "ping"}))
            assert json.loads(await carol.recv()) == {"type": "pong"}
        for path in ("livez", "readyz"):
            url = f"http://127.0.0.1:{service.port}/{path}"
            with await asyncio.to_thread(urlopen, url) as response:
                assert response.status == 200
        service.stop(10)
        assert not service.complaints()


async def test_an_unknown_path_is_refused(served: Project, tmp_path: Path) -> None:
    with serving(served, tmp_path) as service:
        with pytest.raises(InvalidStatus) as denied:
            async with connect(f"ws://127.0.0.1:{service.port}/nowhere", proxy=None):
                pass
        assert denied.value.response.status_code == 404
        service.stop(10)
        assert not service.complaints()


def test_rooms_are_open_over_http_and_end_with_the_service(served: Project, tmp_path: Path) -> None:
    with serving(served, tmp_path) as service:
        url = f"http://127.0.0.1:{service.port}/rooms/lobby"
        headers = {"Content-Type": "application/json"}
        if service.token is not None:
            for data in (None, b"{}"):
                with pytest.raises(urllib.error.HTTPError) as refused:
                    urlopen(urllib.request.Request(url, data, headers))
                with refused.value as response:
                    assert response.code == 401
            headers["Authorization"] = f"Bearer {service.token}"
        listening = urllib.request.Request(url, headers=headers)
        with urlopen(listening, timeout=30) as events:
            assert event(events)["type"] == "joined"
            body = json.dumps({"type": "publish", "text": "hi"}).encode()
            with urlopen(urllib.request.Request(url, body, headers)) as response:
                assert response.status == 204
            assert event(events)["text"] == "hi"
            service.process.send_signal(signal.SIGTERM)
            # The end, in order: a connection that is cut raises IncompleteRead.
            assert events.read() == b""
        service.process.wait(10)
        assert not service.complaints()


@pytest.mark.parametrize("variable", ["PYTHONASYNCIODEBUG", "PYTHONDEVMODE"])
def test_listeners_come_and_go_in_the_debug_mode_of_asyncio(
    projects: dict[str, Project], tmp_path: Path, variable: str
) -> None:
    # On Python 3.13 a generator that was left to the garbage collector crashed the process.
    changes = {variable: "1", "APP_KEEPALIVE_INTERVAL": "0.01"}
    with serving(projects["none-json-auto"], tmp_path, **changes) as service:
        url = f"http://127.0.0.1:{service.port}/rooms/lobby"
        for _ in range(50):
            with urlopen(url, timeout=30) as events:
                assert event(events)["type"] == "joined"
        service.stop(10)
        assert service.process.returncode == 0, "not by a crash"
        assert not service.complaints()


async def test_sigterm_tells_everybody_1012_while_messages_flow(
    served: Project, tmp_path: Path
) -> None:
    async def talk(number: int) -> int | None:
        async with service.join(str(number % 10)) as ws:
            everybody.release()
            try:
                while True:
                    text = f"{number} ".ljust(100, "x")
                    await ws.send(json.dumps({"type": "publish", "text": text}))
                    # The server is faster than these clients: each waits for its own message.
                    while json.loads(await ws.recv())["text"] != text:
                        pass
            except ConnectionClosed:
                return ws.close_code

    everybody = asyncio.Semaphore(0)
    # On a busy machine the clients, all in this one process, read more slowly than they should.
    changes = {"APP_OUTBOX_SIZE": str(10**9), "APP_OUTBOX_MESSAGES": "100000"}
    with serving(served, tmp_path, **changes) as service:
        clients = [asyncio.create_task(talk(number)) for number in range(200)]
        for _ in clients:
            await everybody.acquire()
        await asyncio.to_thread(service.stop, 10)
        assert await asyncio.gather(*clients) == [1012] * 200
        assert not service.complaints()


@dataclass
class ClosedBy:
    """How clients were closed."""

    everybody: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    codes: list[int | None] = field(default_factory=list)


async def come_back(service: Service, closed: ClosedBy) -> None:
    """Be in a room until the service ends, then come back, by the rule of the README."""
    async with service.join() as ws:
        closed.everybody.release()
        await ws.wait_closed()
        closed.codes.append(ws.close_code)
    for failures in itertools.count():
        await asyncio.sleep(random.uniform(0, min(30, 2**failures)))  # noqa: S311
        # As a proxy would answer, or nobody, where the service is not there yet.
        with suppress(OSError, InvalidHandshake):
            async with service.join():
                return


async def test_after_a_restart_five_hundred_clients_are_back(
    projects: dict[str, Project], tmp_path: Path
) -> None:
    served, closed = projects["message-json-auto"], ClosedBy()
    changes = {"APP_SHUTDOWN_DELAY": "0.5", "APP_DRAIN_WINDOW": "1.5"}
    with serving(served, tmp_path, **changes) as service:
        clients = [asyncio.create_task(come_back(service, closed)) for _ in range(500)]
        for _ in clients:
            await closed.everybody.acquire()
        service.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(service.process.wait, 10) == 0
        assert not service.complaints()
    with serving(served, tmp_path, APP_PORT=str(service.port)) as successor:
        async with asyncio.timeout(60):
            await asyncio.gather(*clients)
        assert closed.codes == [1012] * 500
        await asyncio.to_thread(successor.stop, 10)
        assert not successor.complaints()


async def denied(service: Service) -> int:
    """Join until the handshake is denied; return the status."""
    try:
        while True:
            # Who was about to send the first message is denied afterwards, with 3503.
            with suppress(ConnectionClosed):
                async with service.join():
                    pass
    except InvalidStatus as error:
        return error.response.status_code


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_newcomers_are_denied_before_the_end_and_a_second_signal_hurries(
    served: Project, tmp_path: Path, second: signal.Signals
) -> None:
    changes = {
        "APP_SHUTDOWN_DELAY": "1000",
        "APP_DRAIN_WINDOW": "1000",
        "APP_SHUTDOWN_GRACE": "2010",
    }
    with serving(served, tmp_path, **changes) as service:
        async with asyncio.timeout(30), service.join() as ws:
            service.process.send_signal(signal.SIGTERM)
            assert await denied(service) == 503
            with pytest.raises(urllib.error.HTTPError) as unready:
                await asyncio.to_thread(urlopen, f"http://127.0.0.1:{service.port}/readyz")
            with unready.value as response:
                assert response.code == 503
            await ws.send('{"type": "ping"}')
            assert json.loads(await ws.recv()) == {"type": "pong"}
            service.process.send_signal(second)
            await ws.wait_closed()
            assert ws.close_code == 1012
            assert await asyncio.to_thread(service.process.wait, 10) == 0
        assert not service.complaints()


def test_a_grace_that_is_too_short_refuses_to_start(projects: dict[str, Project]) -> None:
    refused = run(projects["none-json-auto"], APP_SHUTDOWN_GRACE="5")
    assert refused.returncode == 2
    assert refused.stderr == (
        "error: APP_SHUTDOWN_GRACE must be larger than APP_SHUTDOWN_DELAY and APP_DRAIN_WINDOW "
        "together, which are 5: raise it, and the time after which the service is killed, or lower "
        "those two\n"
    )


async def publish_much(ws: ClientConnection) -> None:
    """Publish more than a connection that nobody reads can hold; hear all of it."""
    for number in range(4000):
        text = f"{number} ".ljust(4000, "x")
        await ws.send(json.dumps({"type": "publish", "text": text}))
        assert json.loads(await ws.recv())["text"] == text


async def test_a_client_that_does_not_read_cannot_hold_up_sigterm(
    served: Project, tmp_path: Path
) -> None:
    changes = {"APP_OUTBOX_SIZE": str(10**9), "APP_OUTBOX_MESSAGES": "100000"}
    with serving(served, tmp_path, APP_SHUTDOWN_GRACE="3", **changes) as service:
        async with service.join() as stalled, service.join() as other:
            stalled.transport.pause_reading()
            await publish_much(other)
            await asyncio.to_thread(service.stop, 5)
            stalled.transport.abort()


async def test_a_stalled_reader_is_closed_and_delays_nobody(
    served: Project, tmp_path: Path
) -> None:
    with serving(served, tmp_path, APP_SEND_TIMEOUT="0.5") as service:
        async with service.join() as stalled, service.join() as other:
            stalled.transport.pause_reading()
            await publish_much(other)
            deadline = time.monotonic() + 20
            while "connection closed" not in service.log.read_text(encoding="utf-8"):
                assert time.monotonic() < deadline
                await asyncio.sleep(0.05)
            stalled.transport.abort()
        service.stop(10)
        assert not service.complaints()


async def test_thousands_of_malformed_messages_disturb_nobody(
    served: Project, tmp_path: Path
) -> None:
    async def flood(number: int) -> int | None:
        garbage = ["", "{", "[]", "[" * 2000, '{"type": "nope"}', '"\\ud800"', "NaN", "9" * 2000]
        async with service.join(f"flood-{number % 3}") as ws:
            try:
                for count in range(1000):
                    await ws.send(garbage[(number + count) % len(garbage)])
                await ws.wait_closed()
            except ConnectionClosed:
                pass
        return ws.close_code

    with serving(served, tmp_path) as service:
        async with service.join("calm") as alice, service.join("calm") as bob:
            floods = [asyncio.create_task(flood(number)) for number in range(20)]
            for number in range(200):
                await alice.send(json.dumps({"type": "publish", "text": str(number)}))
                assert json.loads(await bob.recv())["text"] == str(number)
            assert set(await asyncio.gather(*floods)) == {1007}
        service.stop(10)
        assert not service.complaints()


def test_a_missing_secret_refuses_to_start_and_names_the_command(
    projects: dict[str, Project],
) -> None:
    project = projects["message-json-auto"]
    for arguments in ([], ["token", "alice"], ["--host", "0.0.0.0"]):  # noqa: S104
        result = run(project, *arguments, APP_ALLOW_HOSTS="*")
        assert result.returncode == 2
        assert "APP_SECRET must be a random secret of at least 32 bytes" in result.stderr
        command = re.search(r"`python (-c .*?)`", result.stderr)
        assert command is not None
        words = [sys.executable, "-c", command[1].removeprefix("-c '").removesuffix("'")]
        secret = subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
        assert run(project, "token", "alice", APP_SECRET=secret).returncode == 0


def test_development_mode_serves_this_machine_only(served: Project) -> None:
    result = run(served, "--dev", "--host", "0.0.0.0")  # noqa: S104
    assert result.returncode == 2
    assert "--dev (APP_DEV) serves this machine only" in result.stderr


def test_a_port_that_is_taken_is_a_clear_error(served: Project, tmp_path: Path) -> None:
    with serving(served, tmp_path) as service:
        result = run(served, "--dev", "--port", str(service.port))
        assert result.returncode == 3
        assert "Address already in use" in result.stderr
        assert "Traceback" not in result.stderr
