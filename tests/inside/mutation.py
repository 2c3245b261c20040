"""A pytest plugin for mutation testing: what mutmut needs to run a generated suite, and fast."""

from typing import Any

import pytest
import uvicorn

_init = uvicorn.Config.__init__


def _init_with_plain_app(self: uvicorn.Config, app: Any, *rest: Any, **options: Any) -> None:
    """Give uvicorn the app as a plain function.

    uvicorn calls what it gets without arguments, and takes it for a factory unless that is a
    TypeError. mutmut's wrapper of a coroutine method takes any arguments until it is awaited.
    """

    async def plain(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    _init(self, plain, *rest, **options)


uvicorn.Config.__init__ = _init_with_plain_app  # type: ignore[method-assign]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests with a real server last: a test in memory notices most mutants sooner."""
    items.sort(key=lambda item: "live_server" in getattr(item, "fixturenames", ()))
