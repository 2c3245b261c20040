"""What the load generator sends, as bytes: requests and masked frames."""

import json

HOST = "127.0.0.1"
TEXT = "the quick brown fox jumps over the lazy dog"

_MASK = bytes((0x37, 0xFA, 0x21, 0x3D))
_UPGRADE = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


def request(method: str, target: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    """Return an HTTP/1.1 request (RFC 9112)."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {HOST}"]
    if body:
        headers |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def handshake(target: str, headers: dict[str, str] | None = None) -> bytes:
    """Return an opening handshake (RFC 6455 section 4.1)."""
    return request("GET", target, _UPGRADE | (headers or {}))


def message(type_: str, **fields: str) -> bytes:
    """Return a message of the service as JSON."""
    return json.dumps({"type": type_} | fields, separators=(",", ":")).encode()


def frame(payload: bytes) -> bytes:
    """Return a masked TEXT frame (RFC 6455 section 5.2)."""
    size = len(payload)
    if size >= 1 << 16:
        raise ValueError("a payload of 64 KiB or more")
    length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2)
    masked = bytes(byte ^ _MASK[i % 4] for i, byte in enumerate(payload))
    return b"\x81" + length + _MASK + masked
