"""docs/deploy.md: each configuration does, in the real program, what the page says."""

import asyncio
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.exceptions import InvalidStatus

from .conftest import ROOT
from .harness.guide import blocks_of
from .harness.rendering import render
from .harness.template import Project
from .test_docs import free_port, wait_for_port
from .test_service import SECRET, Service, serving, settings, urlopen
from .tools import complaints, installed, tool

TEXT = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
FILES = {str(block.title): block.code for block in blocks_of("deploy.md", TEXT) if block.title}
HOST = "chat.example.org"
CADDYFILE = FILES["/etc/caddy/Caddyfile"]
UNIT = FILES["/etc/systemd/system/chat.service"]
MANIFESTS = FILES["chat.yaml"]


def replaced(text: str, *changes: tuple[str, str]) -> str:
    """Replace texts, each of which must be there."""
    for before, after in changes:
        assert before in text, before
        text = text.replace(before, after)
    return text


# --- Proxies, for real ---------------------------------------------------------------------------


class Files(NamedTuple):
    """Where a proxy and its files are, and where it sends everything."""

    folder: Path
    port: int
    service: int

    def write(self, name: str, text: str) -> str:
        """Write a file of the proxy's; return its path."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)


def certificate(files: Files) -> tuple[str, str]:
    """Make a certificate of the host; return its file, and that of its key."""
    paths = str(files.folder / "chat.pem"), str(files.folder / "chat.key")
    command = [installed("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"]
    options = ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={HOST}"]
    where = ["-out", paths[0], "-keyout", paths[1]]
    subprocess.run([*command, *options, *where], check=True, capture_output=True)
    return paths


def nginx_command(path: str) -> list[str]:
    """Return what starts nginx, once it has found nothing wrong with the file."""
    command = [installed("nginx"), "-c", path, "-e", "stderr"]
    # Else the workers could not read what only this user may.
    user = "user root; " if os.geteuid() == 0 else ""
    assert not complaints([*command, "-t", "-g", user])
    return [*command, "-g", f"{user}daemon off;"]


def composed(files: Files) -> list[str]:
    """Return nginx as the compose file has it."""
    text = (ROOT / "template/{% if container %}deploy{% endif %}/nginx.conf").read_text("utf-8")
    changes = (
        ("listen 8080;", f"listen 127.0.0.1:{files.port};"),
        ("http://service:8000", f"http://127.0.0.1:{files.service}"),
        ("/tmp/", f"{files.folder}/"),  # noqa: S108
        ("worker_processes auto;", "worker_processes 1;"),
        ("/dev/stdout", f"{files.folder}/access.log"),
    )
    return nginx_command(files.write("nginx.conf", replaced(text, *changes)))


def nginx(files: Files) -> list[str]:
    """Return nginx as the page has it, in a file of Debian's."""
    pem, key = certificate(files)
    changes = (
        ("listen 443 ssl;", f"listen 127.0.0.1:{files.port} ssl;"),
        ("127.0.0.1:8000", f"127.0.0.1:{files.service}"),
        ("/etc/ssl/chat.example.org.pem", pem),
        ("/etc/ssl/chat.example.org.key", key),
        ("/var/log/nginx/chat.log", f"{files.folder}/access.log"),
    )
    site = files.write("chat.conf", replaced(FILES["/etc/nginx/conf.d/chat.conf"], *changes))
    temp = "".join(
        f"{what}_temp_path {files.folder}/{what};"
        for what in ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
    )
    main = f"pid {files.folder}/pid;\nevents {{}}\nhttp {{ {temp} include {site}; }}\n"
    return nginx_command(files.write("nginx.conf", main))


def caddy(files: Files) -> list[str]:
    """Return Caddy, without a certificate, which it would fetch."""
    changes = (
        (f"{HOST} {{", f"http://{HOST}:{files.port} {{"),
        ("127.0.0.1:8000", f"127.0.0.1:{files.service}"),
    )
    text = "{\n\tadmin off\n}\n" + replaced(CADDYFILE, *changes)
    path = files.write("Caddyfile", text)
    return [tool("caddy"), "run", "--adapter", "caddyfile", "--config", path]


def traefik(files: Files) -> list[str]:
    """Return Traefik, with the certificate that it makes itself."""
    changes = (("127.0.0.1:8000", f"127.0.0.1:{files.service}"), ("interval: 5s", "interval: 1s"))
    dynamic = files.write("chat.yml", replaced(FILES["/etc/traefik/chat.yml"], *changes))
    static = replaced(
        FILES["/etc/traefik/traefik.yml"],
        ('":443"', f'"127.0.0.1:{files.port}"'),
        ("/etc/traefik/chat.yml", dynamic),
    )
    return [tool("traefik"), f"--configfile={files.write('traefik.yml', static)}"]


@contextmanager
def proxied(
    project: Project, tmp_path: Path, proxy: Callable[[Files], list[str]], **changes: str
) -> Iterator[tuple[Service, "Proxy"]]:
    """Run the service behind a proxy until the block ends."""
    with ExitStack() as stack:
        service = stack.enter_context(
            serving(
                project,
                tmp_path,
                APP_ALLOW_HOSTS=HOST,
                APP_ALLOW_ORIGINS=f"https://{HOST}",
                APP_TRUSTED_PROXIES="127.0.0.1",
                **changes,
            )
        )
        files = Files(tmp_path, free_port(), service.port)
        command = proxy(files)
        log = stack.enter_context((tmp_path / "proxy.log").open("w"))
        environment = {**os.environ, "XDG_DATA_HOME": str(tmp_path), "HOME": str(tmp_path)}
        process = stack.enter_context(
            subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path, env=environment)
        )
        # What it has started ends with it.
        stack.callback(process.wait, 10)
        stack.callback(process.terminate)
        wait_for_port(files.port)
        yield service, Proxy(files.port, secure=proxy in {nginx, traefik}, token=service.token)


class Proxy(NamedTuple):
    """How a client reaches the service."""

    port: int
    secure: bool
    token: str | None

    @property
    def context(self) -> ssl.SSLContext | None:
        """What believes any certificate, where there is one."""
        if not self.secure:
            return None
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context

    def headers(self) -> dict[str, str]:
        """Return the credential."""
        return {"Authorization": f"Bearer {self.token}"}

    def connect(self, path: str, headers: Mapping[str, str] | None = None) -> connect:
        """Connect a WebSocket, by default with the credential."""
        return connect(
            f"{'wss' if self.secure else 'ws'}://{HOST}:{self.port}{path}",
            host="127.0.0.1",
            port=self.port,
            additional_headers=self.headers() if headers is None else headers,
            ssl=self.context,
            open_timeout=10,
            proxy=None,
        )

    async def denial(self, path: str, headers: Mapping[str, str]) -> tuple[int, Headers, str]:
        """Return the status, the headers and the body with which a handshake is denied."""
        with pytest.raises(InvalidStatus) as caught:
            await self.connect(path, headers)
        response = caught.value.response
        return response.status_code, response.headers, bytes(response.body).decode()

    @contextmanager
    def open(
        self, method: str, path: str, body: str | None = None
    ) -> Iterator[http.client.HTTPResponse]:
        """Send an HTTP request; yield the response, to be read."""
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        with contextlib.closing(http.client.HTTPConnection(HOST, self.port)) as connection:
            # The name in the handshake decides who answers.
            wrap = self.context.wrap_socket if self.context else None
            connection.sock = wrap(plain, server_hostname=HOST) if wrap else plain
            headers = {"Content-Type": "application/json"} | self.headers()
            connection.request(method, path, body, headers)
            with connection.getresponse() as response:
                yield response

    async def request(self, method: str, path: str, body: str | None = None) -> tuple[int, bytes]:
        """Send an HTTP request; return the status and the body of the response."""

        def send() -> tuple[int, bytes]:
            with self.open(method, path, body) as response:
                return response.status, response.read()

        return await asyncio.to_thread(send)


@pytest.fixture(scope="module")
def jwt(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A service whose denials have every status: the credential is in a header."""
    answers = {"auth_style": "jwt"}
    tree = render(template, answers, tmp_path_factory.mktemp("deployed") / "project")
    return Project(answers, {}, tree)


PROXIES = [composed, nginx, caddy, traefik]


@pytest.mark.parametrize("proxy", PROXIES)
async def test_everything_gets_through_a_proxy(
    jwt: Project, tmp_path: Path, proxy: Callable[[Files], list[str]]
) -> None:
    async with asyncio.timeout(60):
        with proxied(jwt, tmp_path, proxy) as (service, through):
            await ready(through)
            async with through.connect("/rooms/lobby?secret=hunter2") as ws:
                assert json.loads(await ws.recv())["type"] == "joined"
                await ws.send('{"type": "publish", "text": "over a socket"}')
                assert json.loads(await ws.recv())["text"] == "over a socket"
                await denials_have_their_status(through)
                with through.open("GET", "/rooms/lobby?secret=hunter2") as events:
                    await events_come_at_once(through, events)
                    service.process.send_signal(signal.SIGTERM)
                    await ws.wait_closed()
                    assert ws.close_code == 1012
                    assert await asyncio.to_thread(events.read) == b"\n", "it ends in order"
            service.process.wait(15)
            assert (await through.denial("/rooms/lobby", through.headers()))[0] in {502, 503}
    assert "hunter2" not in logged(tmp_path)


def logged(folder: Path) -> str:
    """Return what a proxy has logged; not its errors, in which nginx quotes what failed."""
    text = "".join(
        path.read_text(encoding="utf-8")
        for path in folder.glob("*.log")
        if "service" not in path.name
    )
    return re.sub(r"(?m)^.*\[error\].*$", "", text)


async def ready(through: Proxy) -> None:
    """Wait until the proxy has found the service."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        # A proxy may listen before it has read what to do.
        with contextlib.suppress(OSError):
            if (await through.request("GET", "/livez"))[0] == 200:
                return
        await asyncio.sleep(0.1)
    raise TimeoutError


async def events_come_at_once(through: Proxy, events: http.client.HTTPResponse) -> None:
    """Listen, publish over HTTP, and hear it."""
    assert (await heard(events))["type"] == "joined"
    body = '{"type": "publish", "text": "over HTTP"}'
    assert await through.request("POST", "/rooms/lobby", body) == (204, b"")
    # The next comment would come after five seconds.
    async with asyncio.timeout(3):
        assert (await heard(events))["text"] == "over HTTP"


async def heard(events: http.client.HTTPResponse) -> dict[str, Any]:
    """Return the next message of an event stream."""
    line = b":"
    while line and not line.startswith(b"data: "):
        line = await asyncio.to_thread(events.readline)
    message: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
    return message


async def denials_have_their_status(through: Proxy) -> None:
    """Try what the service denies: its status, its headers and its body get through."""
    status, body = await through.request("POST", "/rooms/lobby", "x" * 100_000)
    assert (status, bool(json.loads(body)["title"])) == (413, True)
    status, headers, text = await through.denial("/rooms/lobby", {})
    assert (status, bool(json.loads(text)["title"])) == (401, True)
    assert headers["WWW-Authenticate"]
    stranger = through.headers() | {"Origin": "https://elsewhere.example"}
    assert (await through.denial("/rooms/lobby", stranger))[0] == 403
    assert (await through.denial("/nowhere", through.headers()))[0] == 404


def test_both_files_of_nginx_tell_it_the_same() -> None:
    ours = (ROOT / "template/{% if container %}deploy{% endif %}/nginx.conf").read_text("utf-8")
    page = FILES["/etc/nginx/conf.d/chat.conf"]

    def directives(text: str) -> set[str]:
        found = set(
            re.findall(r"^ *((?:proxy_(?!pass|temp)|log_format|client_max)\w*.*)$", text, re.M)
        )
        assert len(found) >= 10
        return found

    assert directives(ours) == directives(page)


def test_caddy_accepts_what_the_page_says(tmp_path: Path) -> None:
    (snippet,) = [
        b.code for b in blocks_of("deploy.md", TEXT) if b.language == "caddy" and not b.title
    ]
    text = CADDYFILE.rstrip().removesuffix("}") + snippet + "}\n"
    path = tmp_path / "Caddyfile"
    for name, content in (("page", CADDYFILE), ("log", text)):
        path.write_text(content, encoding="utf-8")
        command = [tool("caddy"), "validate", "--adapter", "caddyfile", "--config", str(path)]
        assert not complaints(command), name
    path.write_text(CADDYFILE.replace("stream_close_delay", "stream_close"), encoding="utf-8")
    assert "stream_close" in "\n".join(complaints(command))


# --- Kubernetes ----------------------------------------------------------------------------------


def test_the_manifests_are_what_kubernetes_takes(tmp_path: Path) -> None:
    path = tmp_path / "chat.yaml"
    for text, well in (
        (MANIFESTS, True),
        (replaced(MANIFESTS, ("replicas: 1", 'replicas: "1"')), False),
        (replaced(MANIFESTS, ("readinessProbe", "readynessProbe")), False),
    ):
        path.write_text(text, encoding="utf-8")
        command = [tool("kubernetes-validate"), "--strict", "--quiet", str(path)]
        assert (not complaints(command)) == well


def test_the_manifests_fit_the_service(jwt: Project) -> None:
    deployment, service = yaml.safe_load_all(MANIFESTS)
    pod = deployment["spec"]["template"]
    (container,) = pod["spec"]["containers"]
    example = (jwt.tree / ".env.example").read_text(encoding="utf-8")
    defaults = dict(re.findall("^(?:# )?(APP_[A-Z_]+)=(.*)$", example, re.MULTILINE))
    assert {variable["name"] for variable in container["env"]} <= defaults.keys()
    given = defaults | {each["name"]: each.get("value", "") for each in container["env"]}
    grace = int(given["APP_SHUTDOWN_GRACE"])
    assert grace > float(given["APP_SHUTDOWN_DELAY"]) + float(given["APP_DRAIN_WINDOW"])
    assert pod["spec"]["terminationGracePeriodSeconds"] > grace
    assert container["ports"][0]["containerPort"] == int(defaults["APP_PORT"])
    assert service["spec"]["selector"] == pod["metadata"]["labels"]
    assert pod["metadata"]["labels"] == deployment["spec"]["selector"]["matchLabels"]
    for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": container["ports"][0]["name"]}


# --- systemd -------------------------------------------------------------------------------------


def units(folder: Path, *changes: tuple[str, str]) -> list[str]:
    """Write the units, changed, with a program that is there; return their paths."""
    python = ("/opt/chat/.venv/bin/python", sys.executable)
    paths = []
    for title in ("chat.service", "chat.socket"):
        path = folder / title
        text = FILES[f"/etc/systemd/system/{title}"]
        text = replaced(text, python, *changes) if title == "chat.service" else text
        path.write_text(text, encoding="utf-8")
        paths.append(str(path))
    return paths


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    analyze = installed("systemd-analyze")
    assert not verified(analyze, units(tmp_path))
    wrong = units(tmp_path, ("ProtectClock=yes", "ProtectClocks=yes"))
    assert "ProtectClocks" in verified(analyze, wrong)
    # Of 100, the less exposed the better; a unit without any hardening has 96.
    command = [analyze, "security", "--offline=true", "--threshold=15"]
    service, _ = units(tmp_path)
    assert not complaints([*command, service])
    service, _ = units(tmp_path, ("DynamicUser=yes", ""))
    assert complaints([*command, service])


def verified(analyze: str, paths: list[str]) -> str:
    """Return what systemd says of units; it warns of what it does not know, and succeeds."""
    result = subprocess.run(
        [analyze, "verify", *paths], capture_output=True, text=True, check=False
    )
    names = [Path(path).name for path in paths]
    return "\n".join(line for line in result.stderr.splitlines() if any(n in line for n in names))


def test_the_unit_gives_the_service_time_to_end() -> None:
    assert "Type=notify\n" in UNIT
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    assert int(stop) > 10


def test_the_service_takes_over_a_socket_and_says_when_it_is_ready(
    jwt: Project, tmp_path: Path
) -> None:
    activate, port = installed("systemd-socket-activate"), free_port()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        environment = settings(
            APP_SECRET=SECRET,
            APP_PORT="1",  # which nobody may bind, and nobody tries
            NOTIFY_SOCKET=str(tmp_path / "notify"),
        )
        passed = [f"--setenv={key}={value}" for key, value in environment.items()]
        listen = [activate, f"--listen=127.0.0.1:{port}", *passed]
        with subprocess.Popen(
            [*listen, sys.executable, "-m", "falcon_service"], cwd=jwt.tree, env=environment
        ) as process:
            try:
                wait_for_port(port)  # the first connection starts the service
                with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=20) as response:
                    assert response.status == 200
                assert manager.recv(100) == b"READY=1"
                process.terminate()
                assert manager.recv(100) == b"STOPPING=1"
                process.wait(15)
            finally:
                process.kill()
