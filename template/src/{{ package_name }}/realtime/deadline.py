"""A deadline that costs nothing where there is nothing to wait for."""

import asyncio
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def in_time(begun: Coroutine[Any, Any, T], seconds: float) -> T:
    """Run the coroutine in this task; raise TimeoutError if it takes longer than `seconds`.

    `asyncio.timeout` sets a timer each time. Here its first step is taken by hand: most sends are
    over with it, and only one that really waits needs the timer.
    """
    try:
        waits_for = begun.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(seconds):
        return await _rest(begun, waits_for)


@coroutine
def _rest(begun: Coroutine[Any, Any, T], waits_for: Any) -> Generator[Any, Any, T]:
    # What `await begun` does (PEP 380), but for the step that has been taken.
    while True:
        try:
            try:
                sent = yield waits_for
            except BaseException as error:
                waits_for = begun.throw(error)
            else:
                waits_for = begun.send(sent)
        except StopIteration as done:
            result: T = done.value
            return result
