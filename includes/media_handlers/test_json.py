"""The media handlers: JSON in TEXT frames and nothing in BINARY frames."""

import contextlib

import pytest
from falcon import PayloadTypeError, WebSocketPayloadType
from hypothesis import given
from hypothesis import strategies as st

from {{ package_name }}.close_codes import CloseCode
from {{ package_name }}.media import (
    BINARY,
    DEFAULT_PAYLOAD_TYPE,
    TEXT,
    Encoded,
)
from {{ package_name }}.messages import Error, MessageError

from .conftest import Connect, closed_with
{% if asyncio_mode == 'strict' %}

pytestmark = pytest.mark.asyncio
{% endif %}

MALFORMED = {
    "nothing": "",
    "no JSON": "pong",
    "truncated": '{"type": "ping"',
    "trailing": '{"type": "ping"} {}',
    "NaN": "NaN",
    "infinity": "-Infinity",
    "a number without end": "9" * 5000,
    "a number out of range": "1e999",
    "deep": "[" * 10_000,
    "deep and closed": "[" * 10_000 + "]" * 10_000,
    "half a surrogate": '"\\ud800"',
    "a control character": '"\x01"',
}


async def test_json_comes_back_as_it_went() -> None:
    media = {"text": "ü 😀 \u2028", "numbers": [1, 1.5, -(2**63)], "nothing": None}
    assert TEXT.deserialize(TEXT.serialize(media)) == media


async def test_json_leaves_as_str() -> None:
    # An ASGI server takes no bytes in a TEXT frame; the simulated client would.
    assert isinstance(TEXT.serialize({}), str)


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_json_is_an_error(payload: str) -> None:
    with pytest.raises(MessageError) as caught:
        TEXT.deserialize(payload)
    assert caught.value.answer.code == "malformed"


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED.keys())
async def test_malformed_json_is_answered_and_the_connection_goes_on(
    connect: Connect, payload: str
) -> None:
    async with connect("/probe") as ws:
        await ws.send_text(payload)
        answer = await ws.receive_json()
        assert (answer["type"], answer["code"]) == ("error", "malformed")
        await ws.send_json({"type": "ping"})
        assert await ws.receive_json() == {"type": "pong"}


@given(payload=st.text(st.characters(exclude_categories=())))
async def test_no_text_breaks_the_handler(payload: str) -> None:
    with contextlib.suppress(MessageError):
        TEXT.deserialize(payload)


async def test_binary_frames_are_refused() -> None:
    with pytest.raises(PayloadTypeError):
        BINARY.deserialize(b"{}")
    with pytest.raises(PayloadTypeError):
        BINARY.serialize({})


async def test_a_binary_frame_closes_with_1003(connect: Connect) -> None:
    async with connect("/probe") as ws:
        await ws.send_data(b'{"type": "ping"}')
        assert await closed_with(ws) == CloseCode.WRONG_FRAME_TYPE


async def test_a_message_for_many_is_encoded_once() -> None:
    encoded = Encoded(Error("code", "detail"))
    payload = encoded.payload(DEFAULT_PAYLOAD_TYPE)
    assert payload == '{"type":"error","code":"code","detail":"detail"}'
    assert encoded.payload(WebSocketPayloadType.TEXT) is payload
