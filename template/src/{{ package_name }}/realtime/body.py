"""The bodies of HTTP: JSON both ways through msgspec, as Falcon's media, and within bounds."""

import io

import msgspec
from falcon import (
    HTTP_REQUEST_TIMEOUT,
    MEDIA_JSON,
    MEDIA_MULTIPART,
    MEDIA_URLENCODED,
    HTTPBadRequest,
    HTTPContentTooLarge,
    HTTPError,
    HTTPUnsupportedMediaType,
    MediaMalformedError,
    MediaNotFoundError,
)
from falcon.asgi import App, Request, Response
from falcon.media import BaseHandler, MultipartFormHandler, URLEncodedFormHandler
from falcon.typing import AsyncReadableIO, ReadableIO

from .deadline import in_time
from .decoding import decode_json
from .limits import Limits
from .messages import M, MessageError, TypeForm, convert

# There is no next request where the body of this one has no end.
_CLOSE = {"Connection": "close"}


def add_media_handlers(app: App[Request, Response], limits: Limits) -> None:
    """Have `req.get_media()` and `resp.media` go through msgspec, the former within `limits`.

    Falcon's own handlers would read a body of any size. Only the parts of a multipart form come one
    by one, however many bytes there are in all; each of them has the same bound.
    """
    json, form = JSONBody(), MultipartFormHandler()
    bounded: dict[str, BaseHandler] = {
        MEDIA_JSON: BoundedHandler(json, limits),
        MEDIA_URLENCODED: BoundedHandler(URLEncodedFormHandler(), limits),
    }
    form.parse_options.media_handlers.update(bounded)
    form.parse_options.max_body_part_buffer_size = limits.max_message_size
    app.req_options.media_handlers.update(bounded | {MEDIA_MULTIPART: form})
    app.resp_options.media_handlers[MEDIA_JSON] = json


async def receive(req: Request, expected: TypeForm[M]) -> M:
    """Return the body, which must be JSON, as `expected`: a struct, or what else msgspec converts.

    Raises an HTTPError with status 400, 408, 413 or 415, or MessageError, which becomes a 422.
    """
    if (req.content_type or "").partition(";")[0].strip().lower() != MEDIA_JSON:
        raise HTTPUnsupportedMediaType(description=f"The body must be {MEDIA_JSON}.")
    # To Falcon a media type has a case, unlike in RFC 9110 section 8.3.1.
    req.content_type = MEDIA_JSON
    return convert(await req.get_media(), expected)


class JSONBody(BaseHandler):
    """JSON: structs, dataclasses, dicts, dates and so on out; what JSON has by itself in."""

    def serialize(self, media: object, content_type: str | None = None) -> bytes:
        """Return `media` as JSON."""
        return msgspec.json.encode(media)

    def deserialize(
        self, stream: ReadableIO, content_type: str | None, content_length: int | None
    ) -> object:
        """Return the decoded body; raise the errors that Falcon has for it, with status 400."""
        body = stream.read()
        if not body:
            raise MediaNotFoundError("JSON")
        try:
            return decode_json(body)
        except MessageError as error:
            raise MediaMalformedError("JSON") from ValueError(error.answer.detail)


class BoundedHandler(BaseHandler):
    """Reads a body within bounds of size and time, for another handler to parse."""

    def __init__(self, handler: BaseHandler, limits: Limits) -> None:
        """Have `handler` parse what is within `limits`."""
        self._handler = handler
        self._limits = limits

    async def deserialize_async(
        self, stream: AsyncReadableIO, content_type: str | None, content_length: int | None
    ) -> object:
        """Return the parsed body; raise an HTTPError with status 400, 408 or 413."""
        body = await self._read(stream, content_length or 0)
        return self._handler.deserialize(io.BytesIO(body), content_type, len(body))

    async def _read(self, stream: AsyncReadableIO, announced: int) -> bytes:
        max_size = self._limits.max_message_size
        if announced > max_size:
            raise _too_large(max_size)
        try:
            body = await in_time(stream.read(max_size + 1), self._limits.body_timeout)
        except TimeoutError:
            raise HTTPError(HTTP_REQUEST_TIMEOUT, headers=_CLOSE) from None
        if len(body) > max_size:
            raise _too_large(max_size)
        if len(body) < announced:
            # The client has left, which Falcon takes for the end of the body.
            raise HTTPBadRequest(description="The body was truncated.")
        return body


def _too_large(max_size: int) -> HTTPError:
    description = f"The body must not exceed {max_size} bytes."
    # The connection stays open: closed on a client that still sends, it would be reset, and the
    # answer lost (RFC 9112 section 9.6).
    return HTTPContentTooLarge(description=description)
