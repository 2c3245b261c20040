"""The open connections of this process."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from falcon.asgi import Request, WebSocket

from .connection import Connection
from .identity import principal_of
from .settings import Settings

if TYPE_CHECKING:
    from typing_extensions import TypeForm

M = TypeVar("M")


class Connections:
    """Opens connections and keeps the open ones."""
