"""The guide to testing WebSockets: its pages, the project that its blocks make, and what is shown.

How a block is executed stands behind its language:

    ```python title="tests/test_echo.py"                a file of the project
    ```python title="mistakes/x.py" fails="TypeError"   a file with which pytest fails so
    ```text                                             what pytest says of the mistake above
    ```sh                                               commands that succeed when all is written
    ```diff                                             the change from strict mode to auto mode

There are no others, and no title comes twice.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement

_BLOCK = re.compile(
    r"^(?P<fence>`{3,})(?P<info>[^`\n]*)\n(?P<code>.*?)^(?P=fence)$", re.MULTILINE | re.DOTALL
)
_OPTION = re.compile(r'(\w+)="([^"]*)"')
_MAPPING = re.compile(r"^- `([\w/]+\.py::\w+)`", re.MULTILINE)
_TEST = re.compile(r"^(?:async )?def (test_\w+)", re.MULTILINE)

CLOSING = "## In a generated service"
"""The heading of the last section of a page: where the generated suite does the same."""


@dataclass(frozen=True)
class Block:
    """A code block of a page."""

    page: str
    language: str
    code: str
    options: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str | None:
        """The path of the file that it is."""
        return self.options.get("title")

    @property
    def fails(self) -> str | None:
        """The exception that pytest reports when the file is run: it shows a mistake."""
        return self.options.get("fails")


@dataclass(frozen=True)
class Mistake:
    """A file that shows a mistake, and what the page says that pytest says of it."""

    title: str
    fails: str
    said: tuple[str, ...]
    needs: Requirement | None
    """The versions with which it fails so, if not with all that the guide allows."""


def pages(folder: Path) -> list[Path]:
    """Return the pages in their order."""
    return sorted(folder.glob("[0-9][0-9]-*.md"))


def blocks(page: Path) -> list[Block]:
    """Return the blocks of a page in their order."""
    return blocks_of(page.name, page.read_text(encoding="utf-8"))


def blocks_of(page: str, text: str) -> list[Block]:
    """Return the blocks of a text; a longer fence may have shorter ones within."""
    return [
        Block(
            page,
            match["info"].partition(" ")[0],
            match["code"],
            dict(_OPTION.findall(match["info"])),
        )
        for match in _BLOCK.finditer(text)
    ]


def every_block(folder: Path) -> list[Block]:
    """Return the blocks of all pages."""
    return [block for page in pages(folder) for block in blocks(page)]


def write(folder: Path, project: Path) -> None:
    """Write the files that the blocks of all pages are."""
    for block in every_block(folder):
        if block.title is not None:
            path = project / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.code, encoding="utf-8")


def take(step: Block, folder: Path) -> None:
    """Write the file that a block is, or make the change that it shows, which fits in one place."""
    path = folder / str(step.title)
    if step.language != "diff":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(step.code, encoding="utf-8")
        return
    lines = step.code.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] != "+")
    after = "".join(line[1:] for line in lines if line[0] != "-")
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{step.title} has changed:\n{step.code}"
    path.write_text(text.replace(before, after), encoding="utf-8")


def mistakes(folder: Path) -> Iterator[Mistake]:
    """Return each block that shows a mistake, with the output that stands below it."""
    for page in pages(folder):
        found = blocks(page)
        for block, below in zip(found, [*found, None][1:], strict=True):
            if block.title is not None and block.fails is not None:
                shown = below is not None and below.language == "text"
                lines = below.code.splitlines() if below is not None and shown else []
                needs = block.options.get("needs")
                requirement = Requirement(needs) if needs is not None else None
                yield Mistake(block.title, block.fails, tuple(lines), requirement)


def tests(folder: Path) -> list[str]:
    """Return the tests of the project in the order of the pages, as path::name."""
    return [
        f"{block.title}::{name}"
        for block in every_block(folder)
        if block.title is not None and block.fails is None
        for name in _TEST.findall(block.code)
    ]


def mapping(page: Path) -> list[str]:
    """Return the tests of a generated service that a page names at its end, as path::name."""
    _, _, end = page.read_text(encoding="utf-8").partition(f"\n{CLOSING}\n")
    return _MAPPING.findall(end)
