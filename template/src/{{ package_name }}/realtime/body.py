"""The body of an HTTP request: one message, always as JSON."""

from falcon import (
    HTTP_REQUEST_TIMEOUT,
    MEDIA_JSON,
    HTTPContentTooLarge,
    HTTPError,
    HTTPUnsupportedMediaType,
)
from falcon.asgi import Request

from .deadline import in_time
from .decoding import decode_json
from .limits import Limits
from .messages import M, MessageError, TypeForm, parse

# There is no next request where the body of this one has no end.
_CLOSE = {"Connection": "close"}


async def receive(req: Request, expected: TypeForm[M], limits: Limits) -> M:
    """Return the body as one of the `expected` messages, within the limits of `limits`.

    Raises an HTTPError with status 408, 413 or 415, or MessageError, which becomes a 400.
    """
    if (req.content_type or "").partition(";")[0].strip().lower() != MEDIA_JSON:
        raise HTTPUnsupportedMediaType(description=f"The body must be {MEDIA_JSON}.")
    max_size = limits.max_message_size
    try:
        # Falcon's own `get_media` would read a body of any size.
        body = await in_time(req.stream.read(max_size + 1), limits.body_timeout)
    except TimeoutError:
        raise HTTPError(HTTP_REQUEST_TIMEOUT, headers=_CLOSE) from None
    if len(body) > max_size:
        description = f"The body must not exceed {max_size} bytes."
        raise HTTPContentTooLarge(description=description, headers=_CLOSE)
    if len(body) < (req.content_length or 0):
        # The client has left, which Falcon takes for the end of the body.
        raise MessageError("malformed", "Input data was truncated")
    return parse(decode_json(body), expected)
