"""What a client of each auth style sends to get in."""

import http.client
import json
import subprocess
from contextlib import closing
from dataclasses import dataclass, field

from . import wire
from .serving import Server
from .targets import API_KEY


@dataclass(frozen=True)
class Credential:
    """What goes into a handshake, and what into the first message."""

    headers: dict[str, str] = field(default_factory=dict)
    queries: tuple[str, ...] = ("",)
    first: bytes = b""

    def handshakes(self, path: str) -> bytes:
        """Return the handshakes that a client may send, each with a zero byte behind it."""
        return b"".join(
            wire.handshake(path + query, self.headers) + b"\0" for query in self.queries
        )


def obtain(server: Server, visits: int = 1) -> Credential:
    """Return the credential for that many connections to a server."""
    if server.target.style == "none":
        return Credential()
    if server.target.style == "api_key":
        return Credential({"X-API-Key": f"alice.{API_KEY}"})
    token = _mint(server)
    bearer = {"Authorization": f"Bearer {token}"}
    if server.target.style == "jwt":
        return Credential(bearer)
    if server.target.style == "message":
        return Credential(first=wire.frame(wire.message("auth", token=token)))
    origin = {"Origin": f"http://{wire.HOST}:{server.port}"}
    with closing(http.client.HTTPConnection(wire.HOST, server.port)) as connection:
        if server.target.style == "cookie":
            cookie, _ = _post(connection, "/session", bearer | origin)
            return Credential({"Cookie": cookie.partition(";")[0]} | origin)
        tickets = [_post(connection, "/tickets", bearer)[1]["ticket"] for _ in range(visits)]
        return Credential(queries=tuple(f"?ticket={ticket}" for ticket in tickets))


def _mint(server: Server) -> str:
    command = [server.target.python, "-m", server.target.package, "token", "alice"]
    output = subprocess.check_output(command, env=server.target.env(), text=True)
    return output.strip()


def _post(
    connection: http.client.HTTPConnection, path: str, headers: dict[str, str]
) -> tuple[str, dict[str, str]]:
    connection.request("POST", path, headers=headers)
    response = connection.getresponse()
    return response.headers.get("Set-Cookie", ""), json.loads(response.read())
