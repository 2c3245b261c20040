"""What the owner of a generated project does first: make room, and add a message."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from .harness import gates
from .harness.enumeration import Answers, name
from .harness.guide import blocks_of, take
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
def test_a_resource_is_added_as_the_readme_says(
    template: Path, tmp_path: Path, answers: Answers
) -> None:
    tree = render(template, answers, tmp_path / "project")
    readme = (tree / "README.md").read_text(encoding="utf-8")
    steps = [block for block in blocks_of("README.md", readme) if block.title is not None]
    changed = [step for step in steps if step.language == "diff"]
    for step in steps:
        assert step in changed or not (tree / str(step.title)).exists(), "a new file"
        take(step, tree)
    lines = [line for step in changed for line in step.code.splitlines() if line[0] in "+-"]
    assert len(lines) == 5, "outside new files"
    passes(tree)


RULE = """
from falcon_service.access import is_allowed
from falcon_service.realtime import Action, Principal


async def test_the_rule():
    writer = Principal("alice", claims={"roles": ["writer"]})
    staff = Principal("bob", claims={"roles": ["staff"]})
    allowed = {
        (principal.name, action.value, room)
        for principal in (writer, staff, Principal("carol"))
        for action in (Action.JOIN, Action.PUBLISH)
        for room in ("lobby", "staff-1")
        if await is_allowed(principal, action, room)
    }
    assert allowed == {
        ("alice", "publish", "lobby"),
        ("alice", "publish", "staff-1"),
        ("alice", "join", "lobby"),
        ("bob", "join", "lobby"),
        ("bob", "join", "staff-1"),
        ("carol", "join", "lobby"),
    }
"""


def test_the_rule_that_access_shows_by_example_is_one(template: Path, tmp_path: Path) -> None:
    tree = render(template, SETS[0], tmp_path / "project")
    access = tree / "src/falcon_service/access.py"
    example = re.findall(r"^        .*\n", access.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(example) == 4
    edit(access, ("    return True\n", "".join(line[4:] for line in example)))
    (tree / "tests/test_access.py").write_text(RULE, encoding="utf-8")
    subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/test_access.py"],
        cwd=tree,
        env=gates.environment(PYTHONPATH="src"),
        check=True,
        timeout=60,
    )


@pytest.mark.parametrize("answers", SETS, ids=name)
def test_a_message_type_is_added_as_the_readme_says(
    template: Path, tmp_path: Path, answers: Answers
) -> None:
    tree = render(template, answers, tmp_path / "project")
    add_message_type(tree)
    passes(tree)
