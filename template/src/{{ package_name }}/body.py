"""The body of an HTTP request: one message, always as JSON."""

from typing import TYPE_CHECKING, TypeVar

import msgspec
from falcon import MEDIA_JSON, HTTPContentTooLarge, HTTPUnsupportedMediaType
from falcon.asgi import Request

from .messages import MessageError, parse

if TYPE_CHECKING:
    from typing_extensions import TypeForm

M = TypeVar("M")


async def receive(req: Request, expected: "TypeForm[M]", max_size: int) -> M:
    """Return the body, at most `max_size` bytes, as one of the `expected` messages.

    Raises HTTPUnsupportedMediaType, HTTPContentTooLarge, or MessageError, which becomes a 400.
    """
    if (req.content_type or "").partition(";")[0].strip().lower() != MEDIA_JSON:
        raise HTTPUnsupportedMediaType(description=f"The body must be {MEDIA_JSON}.")
    # Falcon's own `get_media` would read a body of any size.
    body = await req.stream.read(max_size + 1)
    if len(body) > max_size:
        raise HTTPContentTooLarge(description=f"The body may have {max_size} bytes.")
    try:
        media = msgspec.json.decode(body)
    except (ValueError, RecursionError) as error:
        raise MessageError("malformed", str(error)) from None
    return parse(media, expected)
