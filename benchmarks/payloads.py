"""What the worst payload of each format costs, beside a plain one of the same size, in one run.

The formats' usual decoders get the same payloads, to show which of them need a guard. Message and
error are made as the service makes them: decode, then convert to one of the types that it expects.
"""

import argparse
import contextlib
import importlib
import json
import re
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cbor2
import msgspec

from tests.conftest import ROOT
from tests.harness.rendering import isolated, render, snapshot, sped_up

Payloads = dict[str, bytes]
Decode = Callable[[bytes], Any]


def filled(size: int, item: str, brackets: str = "[]") -> bytes:
    """Return JSON of that size that repeats one item."""
    return (brackets[0] + ",".join([item] * (size // (len(item) + 1))) + brackets[1]).encode()


def json_payloads(size: int) -> Payloads:
    """Return payloads that take long in JSON, the plain one first."""
    return {
        "plain": json.dumps({"type": "publish", "text": "x" * (size - 40)}).encode(),
        "small numbers": filled(size, "1"),
        "numbers near the largest": filled(size, "9e307"),
        "numbers near zero": filled(size, "5e-324"),
        "long numbers": filled(size, "9" * 4300),
        "a fraction without end": b"0." + b"1" * (size - 2),
        "objects": filled(size, "{}"),
        "lists": filled(size, "[]"),
        "deep lists": filled(size, "[" * 300 + "]" * 300),
        "escapes": filled(size, r'"\u0041\ud83d\ude00"'),
        "a key again and again": filled(size, '"a":1', "{}"),
        "a long type": json.dumps({"type": "x" * (size - 20)}).encode(),
    }


def colliding(count: int) -> Iterator[int]:
    """Yield integers that meet in a dict of CPython's, whose hash of an integer is no secret.

    Half of them form a chain of slots, the others go through occupied ones to its first part.
    """
    mask = (1 << max(3, (count * 3 // 2).bit_length())) - 1
    chain, slot = [], 0
    for _ in range(count // 2):
        chain.append(slot)
        slot = (5 * slot + 1) & mask
    yield from chain
    place = {slot: number for number, slot in enumerate(chain)}
    width = mask.bit_length()

    def extend(key: int, known: int, slot: int, probe: int) -> Iterator[int]:
        """Choose the next bits of a key such that its next probe meets another key."""
        if known >= 60:
            while key >> 5 * probe and slot in place:
                slot = (5 * slot + (key >> 5 * probe) + 1) & mask
                probe += 1
            if place.get(slot, count) < count // 8:
                yield key
            return
        more = min(5 * probe + width, 60) - known
        for bits in range(1 << more):
            longer = key | bits << known
            after = (5 * slot + (longer >> 5 * probe) + 1) & mask
            if after in place:
                yield from extend(longer, known + more, after, probe + 1)

    left = count - count // 2
    for slot in chain:
        for key in extend(slot, width, slot, 1):
            yield key
            left -= 1
            if not left:
                return


def binary(size: int, many: bytes, table: bytes, number: bytes, text: bytes) -> Payloads:
    """Return what MessagePack and CBOR have in common, but for the bytes that announce it."""

    def of(head: bytes, item: bytes, count: int) -> bytes:
        return head + struct.pack(">I", count) + item * count

    keys = [number + struct.pack(">Q", key) + b"\x00" for key in colliding(size // 10)]
    return {
        "small numbers": of(many, b"\x01", size),
        "maps": of(many, {b"\xdd": b"\x80", b"\x9a": b"\xa0"}[many], size),
        "lists": of(many, {b"\xdd": b"\x90", b"\x9a": b"\x80"}[many], size),
        "lists that end too early": (many + b"\x00\x00\xff\xff") * 300,
        "keys that collide": table + struct.pack(">I", len(keys)) + b"".join(keys),
        "a text that ends too early": text + b"\x7f\xff\xff\xff",
    }


def msgpack_payloads(size: int) -> Payloads:
    """Return payloads that take long in MessagePack, the plain one first."""
    return {
        "plain": msgspec.msgpack.encode({"type": "publish", "text": "x" * (size - 40)}),
        **binary(size, b"\xdd", b"\xdf", b"\xcf", b"\xdb"),
        "times": b"\xdd" + struct.pack(">I", size // 6) + b"\xd6\xff\x00\x00\x00\x00" * (size // 6),
        "deep maps": b"\x81\xa0" * 900 + b"\x80",
    }


def cbor_payloads(size: int) -> Payloads:
    """Return payloads that take long in CBOR, the plain one first."""
    pattern = cbor2.dumps("(?i)" + "[\0-\uffff]" * 30)
    return {
        "plain": cbor2.dumps({"type": "publish", "text": "x" * (size - 40)}),
        **binary(size, b"\x9a", b"\xba", b"\x1b", b"\x7a"),
        "a pattern (a hundredth of what fits)": b"\xd8\x23" + pattern,
        "simple values": b"\x9a" + struct.pack(">I", size // 2) + b"\xf8\xff" * (size // 2),
        "a text in pieces": b"\x7f" + b"\x61a" * (size // 2) + b"\xff",
        "a large number": b"\xc2\x5a" + struct.pack(">I", size) + b"\xff" * size,
    }


def took(decode: Decode, payload: bytes, times: int) -> float:
    """Return the least time that it took in milliseconds, also where the payload is refused."""
    least = float("inf")
    for _ in range(times):
        re.purge()  # a compiled pattern would be found again
        begin = time.perf_counter()
        with contextlib.suppress(ValueError, RecursionError, cbor2.CBORError):
            decode(payload)
        least = min(least, time.perf_counter() - begin)
    return least * 1000


def service(template: Path, scratch: Path, format: str) -> dict[str, Decode]:
    """Render a service with that format; return how it reads messages."""
    package = f"bench_{format}"
    tree = render(
        template, {"media_handlers": ["json", format], "package_name": package}, scratch / format
    )
    sys.path.insert(0, str(tree / "src"))
    decoding = importlib.import_module(f"{package}.decoding")
    messages = importlib.import_module(f"{package}.messages")
    rooms = importlib.import_module(f"{package}.resources.rooms")

    def reading(decode: Decode) -> Decode:
        return lambda payload: messages.parse(decode(payload), rooms.Publish | messages.Ping)

    return {name: reading(getattr(decoding, f"decode_{name}")) for name in ("json", format)}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.payloads", description=__doc__)
    parser.add_argument("--size", type=int, default=65_536, help="bytes of a payload: %(default)s")
    parser.add_argument("--times", type=int, default=3, help="the best of: %(default)s")
    args = parser.parse_args()
    usual: dict[str, Decode] = {
        "json": msgspec.json.decode,
        "msgpack": msgspec.msgpack.decode,
        "cbor": cbor2.loads,
    }
    payloads = {"json": json_payloads, "msgpack": msgpack_payloads, "cbor": cbor_payloads}
    with tempfile.TemporaryDirectory() as name, isolated(Path(name)), sped_up():
        template = snapshot(ROOT, Path(name) / "template")
        ours = service(template, Path(name), "msgpack") | service(template, Path(name), "cbor")
        print(f"{'milliseconds':<48}{'bytes':>8}{'service':>10}{'x plain':>9}{'usual':>10}")
        for format, decode in ours.items():
            found = payloads[format](args.size)
            times = {title: took(decode, payload, args.times) for title, payload in found.items()}
            worst = max(times, key=lambda title: times[title])
            for title, payload in found.items():
                mark = " <- the worst" if title == worst else ""
                ratio = times[title] / times["plain"]
                print(f"{format + ': ' + title:<48}{len(payload):>8}{times[title]:>10.3f}", end="")
                print(f"{ratio:>9.0f}{took(usual[format], payload, args.times):>10.3f}{mark}")


if __name__ == "__main__":
    main()
