"""Lifespan: the parts of the service start and stop with it."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any


class Lifespan:
    """Middleware that starts the parts with the service and stops them in reverse order."""

    def __init__(self, *parts: Any) -> None:
        """Take the parts: asynchronous context managers."""
        self._parts = parts
        self._stack = AsyncExitStack()

    async def process_startup(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Start each part; if one fails, stop those before it."""
        async with AsyncExitStack() as stack:
            for part in self._parts:
                await stack.enter_async_context(part)
            self._stack = stack.pop_all()

    async def process_shutdown(self, scope: Mapping[str, Any], event: Mapping[str, Any]) -> None:
        """Stop each part."""
        await self._stack.aclose()
