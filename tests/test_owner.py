"""What the owner of a generated project does first: make room, and add a message."""

import re
from pathlib import Path

import pytest

from .harness import gates
from .harness.enumeration import Answers, name
from .harness.rendering import render

SETS: list[Answers] = [
    {"auth_style": "message"},
    {
        "auth_style": "cookie",
        "media_handlers": ["json", "cbor"],
        "subprotocols": "chat.v1",
        "subprotocol_required": True,
        "asyncio_mode": "strict",
    },
]


def edit(path: Path, *changes: tuple[str, str]) -> None:
    """Replace texts, each of which must be there once."""
    text = path.read_text(encoding="utf-8")
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


def passes(tree: Path) -> None:
    """Check what `make check` checks."""
    assert not gates.ruff(tree)
    assert not gates.ruff_format(tree)
    assert not gates.mypy(tree, [tree])
    assert not gates.suite(tree)


def test_deleting_the_rooms_leaves_a_green_project(template: Path, tmp_path: Path) -> None:
    tree = render(template, SETS[1], tmp_path / "project")
    package = tree / "src/falcon_service"
    (package / "resources/rooms.py").unlink()
    (tree / "tests/test_rooms.py").unlink()
    lines = (package / "app.py").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [line for line in lines if "rooms" not in line]
    assert len(lines) - len(kept) == 2, "an import and a route"
    (package / "app.py").write_text("".join(kept), encoding="utf-8")
    passes(tree)


def add_message_type(tree: Path) -> None:
    """Add the type of message that the README takes for an example, and a test of it."""
    readme = (tree / "README.md").read_text(encoding="utf-8")
    # The README of 0.1.0 says it in other words.
    change = re.split(r"To add a (?:message type|type of message)", readme)[1]
    example = re.findall(r"```python\n(.*?)```", change, re.DOTALL)[0]
    shout, _, case = example.partition("\n\n# in the match:\n")
    indented = re.sub("^", " " * 20, case.rstrip(), flags=re.MULTILINE)
    edit(
        tree / "src/falcon_service/resources/rooms.py",
        ("\n\nclass Message", f"\n\n{shout.strip()}\n\n\nclass Message"),
        ("Publish | Ping", "Publish | Shout | Ping"),
        ("                    case Ping():", f"{indented}\n                    case Ping():"),
    )
    rooms = tree / "tests/test_rooms.py"
    test = """

async def test_a_shout_is_loud(connect: Connect) -> None:
    async with connect("/rooms/a") as ws:
        await joined(ws)
        await send(ws, {"type": "shout", "text": "hello"})
        assert (await receive(ws))["text"] == "HELLO"
"""
    rooms.write_text(rooms.read_text(encoding="utf-8") + test, encoding="utf-8")


@pytest.mark.parametrize("answers", SETS, ids=name)
def test_a_message_type_is_added_as_the_readme_says(
    template: Path, tmp_path: Path, answers: Answers
) -> None:
    tree = render(template, answers, tmp_path / "project")
    add_message_type(tree)
    passes(tree)
