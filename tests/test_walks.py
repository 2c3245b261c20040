"""The walks of CONTRIBUTING.md: what they say is done on a copy, and works."""

import ast
import gc
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import COMBINATIONS, ROOT, TEXTS
from .futures import NEXT
from .harness import gates
from .harness.enumeration import Answers, name
from .harness.guide import Block, blocks_of, take
from .harness.rendering import render, snapshot
from .harness.template import Template
from .harness.updating import ANSWERS_FILE, Project, add_version, cached, contents, git
from .test_owner import passes

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")


def walk(heading: str, until: str) -> list[Block]:
    """Return the steps of a walk: the blocks of its section that are files, or changes of files."""
    _, found, rest = CONTRIBUTING.partition(f"\n## {heading}\n")
    section, end, _ = rest.partition(f"\n## {until}\n")
    assert found
    assert end
    return [block for block in blocks_of("CONTRIBUTING.md", section) if block.title]


CHOICE = walk("Add a choice to `auth_style`", until="Add a question")
QUESTION = walk("Add a question", until="A fault")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The template in the working tree, to be changed."""
    copy = snapshot(ROOT, tmp_path / "template")
    (copy / "tests").mkdir()
    shutil.copy(ROOT / "tests" / "conftest.py", copy / "tests")
    return copy


# --- Add a choice to auth_style ------------------------------------------------------------------

BASIC: list[Answers] = [
    {"auth_style": "basic"},
    {
        "auth_style": "basic",
        "media_handlers": ["json", "cbor"],
        "subprotocols": "chat.v2, chat.v1",
        "subprotocol_required": True,
        "asyncio_mode": "strict",
    },
]


@pytest.mark.parametrize("answers", BASIC, ids=name)
def test_a_style_that_is_added_as_we_say_works(
    copy: Path, tmp_path: Path, answers: Answers
) -> None:
    for step in CHOICE:
        take(step, copy)
    tree = render(copy, answers, tmp_path / "project")
    assert not gates.hygiene(tree)
    assert not gates.dependencies([tree], gates.only_run(ROOT))
    passes(tree)
    assert 'curl --noproxy 127.0.0.1 -N --user "alice:$SECRET" http' in (
        tree / "README.md"
    ).read_text(encoding="utf-8")


# Copier leaves a folder open where it fails.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    "left_out", range(len(CHOICE)), ids=[f"{n}-{step.title}" for n, step in enumerate(CHOICE)]
)
def test_a_step_that_is_left_out_stops_the_rendering(
    copy: Path, tmp_path: Path, left_out: int
) -> None:
    for number, step in enumerate(CHOICE):
        if number != left_out:
            take(step, copy)
    missing = Path(str(CHOICE[left_out].title)).name if CHOICE[left_out].language != "diff" else ""
    with pytest.raises(Exception, match=missing or "basic"):
        render(copy, BASIC[0], tmp_path / "project")
    gc.collect()


def conditions(text: str) -> Iterator[str]:
    """Yield what a template asks about the style, in tags, in values and in names of files."""
    for tag in re.findall(r"\{[%{](.*?)[%}]\}", text, re.DOTALL):
        yield from re.findall(r"[^\n]*\bauth_style\b[^\n]*", tag)


NEGATED = re.compile(r"!=|\bnot\b")


def test_no_condition_says_which_style_it_is_not(template: Path) -> None:
    asked: list[str] = []
    for path in [template / "copier.yml", *template.rglob("*")]:
        asked += conditions(path.relative_to(template).as_posix())
        if path.is_file():
            asked += conditions(path.read_text(encoding="utf-8"))
    assert len(asked) > 50
    assert not [condition for condition in asked if NEGATED.search(condition)]


@pytest.mark.parametrize(
    "text",
    [
        "{% if auth_style != 'none' %}",
        "{% if auth_style not in ['none', 'api_key'] %}",
        "{{ 'a' if not auth_style == 'jwt' else 'b' }}",
        "tests/{% if 'none' != auth_style %}test_auth.py{% endif %}.jinja",
    ],
)
def test_a_condition_that_says_so_is_seen(text: str) -> None:
    assert [condition for condition in conditions(text) if NEGATED.search(condition)]


# --- Add a question ------------------------------------------------------------------------------


def test_a_question_that_is_added_as_we_say_changes_one_file(
    copy: Path, template: Path, tmp_path: Path
) -> None:
    for step in QUESTION:
        take(step, copy)
    before, without, with_it = (
        contents(render(source, answers, tmp_path / f"{number}"))
        for number, (source, answers) in enumerate(
            [(template, {}), (copy, {"changelog": False}), (copy, {"changelog": True})]
        )
    )
    for tree in (before, without, with_it):
        del tree[ANSWERS_FILE]
    assert without == before, "the default changes nothing"
    assert with_it.keys() - without.keys() == {"CHANGELOG.md"}
    assert {path: with_it[path] for path in without} == without
    assert not gates.hygiene(tmp_path / "2")
    assert b"- The first version of Falcon Service." in with_it["CHANGELOG.md"][0]


def test_a_question_that_touches_no_code_adds_no_combination(copy: Path) -> None:
    for step in QUESTION:
        take(step, copy)
    said = re.search(r"Template\(ROOT, (\{.*?\})", (copy / "tests/conftest.py").read_text("utf-8"))
    assert said
    assert Template(copy, ast.literal_eval(said[1]), TEXTS).enumerated() == COMBINATIONS


def test_an_update_goes_from_each_answer_to_the_other(versions: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(versions), str(clone))

    def change(clone: Path) -> None:
        for step in QUESTION:
            take(step, clone)

    add_version(clone, "9100.0.0", change, base=NEXT)
    project = Project(clone, tmp_path / "project")
    changelog = project.tree / "CHANGELOG.md"
    with cached():
        project.generate(NEXT, {})
        project.update("9100.0.0")
        assert git(project.tree, "diff", "--name-only").split() == [ANSWERS_FILE]
        for answer in (True, False):
            project.commit()
            project.update("9100.0.0", {"changelog": answer})
            assert changelog.exists() == answer
            assert not project.conflicts()
            assert git(project.tree, "diff", "--name-only", "--diff-filter=M").split() == [
                ANSWERS_FILE
            ]


# --- The imports of a service --------------------------------------------------------------------

PLANTED = {
    "realtime of the service": ("realtime/media.py", "from .. import settings"),
    "realtime of the package": ("realtime/media.py", "import falcon_service"),
    "realtime of the server": ("realtime/media.py", "from ..server.run import serve"),
    "server of security": ("server/run.py", "import falcon_service.security"),
    "security of the service": ("security/identity.py", "from ..auth import AuthMiddleware"),
    "an inner name": ("app.py", "from .server.run import create_server"),
    "an inner module": ("resources/rooms.py", "from ..realtime import close_codes"),
}


@pytest.fixture(scope="module")
def service(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default service."""
    return render(template, {}, tmp_path_factory.mktemp("imports") / "project")


@pytest.mark.parametrize("what", PLANTED)
def test_an_import_in_the_wrong_direction_fails_the_suite(service: Path, what: str) -> None:
    name, planted = PLANTED[what]
    path = service / "src/falcon_service" / name
    text = path.read_text(encoding="utf-8")
    # In a function, since at the top some of them would be circular.
    path.write_text(f"{text}\n\ndef planted() -> None:\n    {planted}\n", encoding="utf-8")
    try:
        complaints = "\n".join(gates.tests(service, "tests/test_imports.py"))
    finally:
        path.write_text(text, encoding="utf-8")
    assert f"AssertionError: {name} imports " in complaints
    assert "1 failed" in complaints
