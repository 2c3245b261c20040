"""A pytest plugin for mutation testing: uvicorn gets the app as a plain function.

uvicorn calls what it gets without arguments, and takes it for a factory where that is no TypeError.
mutmut's wrapper of a coroutine method takes any arguments, and fails only when it is awaited.
"""

from typing import Any

import uvicorn

_init = uvicorn.Config.__init__


def _init_with_plain_app(self: uvicorn.Config, app: Any, *rest: Any, **options: Any) -> None:
    async def plain(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    _init(self, plain, *rest, **options)


uvicorn.Config.__init__ = _init_with_plain_app  # type: ignore[method-assign]
