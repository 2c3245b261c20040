"""The generated service: all that the benchmark knows of its inside.

It is rendered from the template as it is in the working tree, gets an echo as its owner would add
it, and is served by `python -m <package>`. This module also is a launcher that takes one bound out
before it does just that: `python -m benchmarks.service.generated PACKAGE VARIANT [OPTIONS]`.
"""

import importlib
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

STYLES = ("none", "api_key", "jwt", "cookie", "ticket", "message")

_ECHO = '''\
"""An echo, with the loop that the README shows."""

from typing import Annotated

from falcon.asgi import Request, WebSocket
from msgspec import Meta

from ..realtime import ClientMessage, Registry, ServerMessage


class Echo(ClientMessage):
    """Asks for the same text."""

    text: Annotated[str, Meta(min_length=1, max_length=4096)]


class Echoed(ServerMessage):
    """The same text."""

    text: str


class EchoResource:
    """`/echo`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def on_websocket(self, req: Request, ws: WebSocket) -> None:
        """Echo."""
        async with self._registry.open(req, ws, Echo) as connection:
            async for message in connection:
                connection.send(Echoed(message.text))
'''
_IMPORT = "from .resources.health import"
_RETURN = "    return app\n"


def render_service(template: Path, style: str, destination: Path) -> str:
    """Render the service of an auth style, add the echo, return the name of the package."""
    # What serves needs no Copier.
    from tests.harness.rendering import render

    package = f"bench_{style}"
    render(template, {"auth_style": style, "package_name": package}, destination)
    source = destination / "src" / package
    (source / "resources" / "echo.py").write_text(_ECHO, encoding="utf-8")
    app = source / "app.py"
    text = app.read_text(encoding="utf-8")
    for anchor, added in (
        (_IMPORT, "from .resources.echo import EchoResource\n"),
        (_RETURN, '    app.add_route("/echo", EchoResource(app.registry))\n'),
    ):
        if text.count(anchor) != 1:
            raise LookupError(f"app.py does not have {anchor!r} once: adapt {__file__}")
        text = text.replace(anchor, added + anchor)
    app.write_text(text, encoding="utf-8")
    return package


class Package:
    """The package, in which something is replaced before it serves."""

    def __init__(self, name: str) -> None:
        self._name = name

    def module(self, name: str) -> Any:
        """Import a module of the package."""
        return importlib.import_module(f"{self._name}.{name}")

    def replace(self, owner: Any, name: str, value: object) -> None:
        """Replace a name; stop if it is not there, since then nothing would be measured."""
        if not hasattr(owner, name):
            sys.exit(f"{owner.__name__} has no {name}: adapt {__file__}")
        setattr(owner, name, value)


def _no_send_deadline(package: Package) -> None:
    package.replace(package.module("server.asgi"), "SendDeadline", lambda app, seconds: app)


def _no_denials(package: Package) -> None:
    package.replace(package.module("server.asgi"), "DenialResponses", lambda app: app)


def _no_hardened_protocols(package: Package) -> None:
    def plain(module: str, name: str) -> Callable[..., Any]:
        protocol = getattr(importlib.import_module(f"uvicorn.protocols.{module}"), name)
        known = inspect.signature(protocol).parameters

        def make(*args: Any, **options: Any) -> Any:
            # Without the options that only the hardened one has.
            return protocol(*args, **{key: options[key] for key in options if key in known})

        return make

    http = plain("http.httptools_impl", "HttpToolsProtocol")
    package.replace(package.module("server.http_wire"), "WiredHttpProtocol", http)
    ws = plain("websockets.websockets_sansio_impl", "WebSocketsSansIOProtocol")
    package.replace(package.module("server.ws_wire"), "WiredProtocol", ws)


def _no_outbox_bound(package: Package) -> None:
    def put(self: Any, payload: Any, size: int) -> bool:
        self._size += size
        self._payloads.append((payload, size))
        return True

    package.replace(package.module("realtime.backlog").Backlog, "put", put)


def _no_inbox_bound(package: Package) -> None:
    def put(self: Any, message: Any) -> None:
        self._messages.append(message)
        self._wake()

    package.replace(package.module("realtime.inbox").Inbox, "put", put)


def _no_validation(package: Package) -> None:
    def parse(media: Any, expected: Any) -> Any:
        first = (get_args(expected) or (expected,))[0]
        return first(media["text"])

    package.replace(package.module("realtime.connection"), "parse", parse)


def _nothing(package: Package) -> None:
    for variant in VARIANTS.values():
        if variant is not _nothing:
            variant(package)


VARIANTS: dict[str, Callable[[Package], None]] = {
    "send-deadline": _no_send_deadline,
    "denials": _no_denials,
    "hardened-protocols": _no_hardened_protocols,
    "outbox-bound": _no_outbox_bound,
    "inbox-bound": _no_inbox_bound,
    "validation": _no_validation,
    "all-of-these": _nothing,
}


def main(name: str, variant: str, *options: str) -> None:
    """Take a bound out, then serve."""
    package = Package(name)
    VARIANTS[variant](package)
    package.module("__main__").main(options)


if __name__ == "__main__":
    main(*sys.argv[1:])
