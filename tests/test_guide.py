"""The guide to testing WebSockets: every block is executed, and what it says is so."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement

from .conftest import ROOT
from .harness import gates, guide
from .harness.forkserver import ForkServer, Outcome
from .harness.template import Project

GUIDE = ROOT / "docs" / "guide"
PAGES = guide.pages(GUIDE)
BLOCKS = guide.every_block(GUIDE)
MISTAKES = {mistake.title: mistake for mistake in guide.mistakes(GUIDE)}
SHELL = {
    f"{block.page}: {block.code.splitlines()[0]}": block
    for block in BLOCKS
    if block.language == "sh"
}
TABLE = GUIDE / "23-what-you-may-have-read.md"

PARTS = [
    "introduction",
    "set-up",
    "testing-tools",
    "conductor-fixture",
    "simulate-ws",
    "acceptance-and-refusal",
    "echo-and-push",
    "payloads-and-media",
    "closing",
    "disconnects-and-cleanup",
    "error-codes",
    "malformed-input",
    "authentication",
    "middleware",
    "subprotocols",
    "many-clients",
    "structure",
    "mocking",
    "data-and-isolation",
    "deadlines",
    "real-server",
    "pitfalls",
    "what-you-may-have-read",
]

PLAIN_FIXTURES = {"conductor", "credentials", "probe", "settings", "mocker", "name"}

WORDS_IN_FIVE_MINUTES = 1000
"""At 200 words a minute, code included."""

LINT = "ASYNC,B,E,F,I,N,PT,RUF,SIM,UP,W"
UNLIKE_PROSE = "ASYNC110,PT012,SIM117"


class Fault(NamedTuple):
    """A fault in the guide's application, and a test of the guide that must notice it."""

    name: str
    file: str
    before: str
    after: str
    noticed_by: str


FAULTS = [
    Fault(
        "nobody is greeted by name",
        "chat/greeter.py",
        "Hello, {name}!",
        "Hello!",
        "tests/test_introduction.py::test_the_client_sees_a_connection_from_start_to_end",
    ),
    Fault(
        "a line instead of a row",
        "chat/csv_media.py",
        "csv.writer(row).writerow(media)",
        'row.write(",".join(map(str, media)))',
        "tests/test_csv_media.py::test_rows_are_read_and_written",
    ),
    Fault(
        "nothing is started",
        "chat/archive.py",
        "self.is_open = True",
        "pass",
        "tests/test_lifespan.py::test_the_fixture_has_started_the_application",
    ),
    Fault(
        "accept is forgotten",
        "chat/club.py",
        'await ws.accept(headers={"X-Club": "welcome"})',
        "return",
        "tests/test_acceptance.py::test_a_handshake_is_accepted",
    ),
    Fault(
        "everybody is let in",
        "chat/club.py",
        '!= "swordfish"',
        "is None",
        "tests/test_acceptance.py::test_a_handshake_is_refused",
    ),
    Fault(
        "refused with another status",
        "chat/club.py",
        "HTTPForbidden(",
        "HTTPNotFound(",
        "tests/test_acceptance.py::test_a_handshake_is_refused",
    ),
    Fault(
        "a wrong echo",
        "chat/echo.py",
        "await ws.receive_text()",
        "(await ws.receive_text()).strip()",
        "tests/test_payloads.py::test_any_text_comes_back",
    ),
    Fault(
        "an echo of the first message alone",
        "chat/echo.py",
        "while True:",
        "if True:",
        "tests/test_echo.py::test_messages_are_answered_in_order",
    ),
    Fault(
        "a push that does not wait",
        "chat/ticker.py",
        "asyncio.sleep(self._interval)",
        "asyncio.sleep(0)",
        "tests/test_deadlines.py::test_the_next_number_is_not_due_yet",
    ),
    Fault(
        "a push that never ends",
        "chat/ticker.py",
        "ticking.cancel()",
        "pass",
        "tests/test_ticker.py::test_the_ticking_ends_with_the_connection",
    ),
    Fault(
        "always TEXT",
        "chat/formats.py",
        '{"got": media}, answer',
        '{"got": media}',
        "tests/test_formats.py::test_the_server_chooses_the_type_of_its_answer",
    ),
    Fault(
        "text for bytes",
        "chat/formats.py",
        "await ws.send_data(data[::-1])",
        "await ws.send_text(data[::-1].hex())",
        "tests/test_formats.py::test_binary_comes_back",
    ),
    Fault(
        "another close code",
        "chat/counter.py",
        "ENOUGH = 4000",
        "ENOUGH = 4001",
        "tests/test_closing.py::test_the_server_closes",
    ),
    Fault(
        "no reason",
        "chat/counter.py",
        ', f"{text} was the third."',
        "",
        "tests/test_closing.py::test_the_server_closes",
    ),
    Fault(
        "whoever leaves stays",
        "chat/presence.py",
        "self.online.discard(name)",
        "pass",
        "tests/test_presence.py::test_an_abrupt_disconnect_is_noticed",
    ),
    Fault(
        "malformed input is a crash",
        "chat/shout.py",
        "except ValueError:",
        "except KeyError:",
        "tests/test_shout.py::test_a_malformed_message_is_answered",
    ),
    Fault(
        "a wrong shape is a crash",
        "chat/shout.py",
        '{"text": str(text)}',
        '{"text": text}',
        "tests/test_shout.py::test_a_wrong_shape_is_answered",
    ),
    Fault(
        "the codes of bad payloads swapped",
        "chat/errors.py",
        "1003 if",
        "1007 if",
        "tests/test_error_handler.py::test_the_wrong_type_closes_with_1003",
    ),
    Fault(
        "authentication is skipped",
        "chat/accounts.py",
        'NAMES.get(find_token(req) or "")',
        'NAMES.get(find_token(req) or "", "Ada")',
        "tests/test_accounts.py::test_a_wrong_credential_is_refused",
    ),
    Fault(
        "any scheme will do",
        "chat/accounts.py",
        'if scheme == "Bearer":',
        "if token:",
        "tests/test_accounts.py::test_a_wrong_credential_is_refused",
    ),
    Fault(
        "a deadline that is not told as one",
        "chat/accounts.py",
        "HTTPError(408)",
        "HTTPError(400)",
        "tests/test_accounts.py::test_a_silent_client_is_closed_at_the_deadline",
    ),
    Fault(
        "middleware that closes and goes on",
        "chat/middleware.py",
        'raise falcon.HTTPForbidden(description="This page may not connect.")',
        "await ws.close()",
        "tests/test_middleware.py::test_middleware_refuses_before_the_resource",
    ),
    Fault(
        "the client's order decides",
        "chat/versions.py",
        "(name for name in SPOKEN if name in ws.subprotocols)",
        "(name for name in ws.subprotocols if name in SPOKEN)",
        "tests/test_versions.py::test_a_subprotocol_is_agreed_on",
    ),
    Fault(
        "a subprotocol that is not told",
        "chat/versions.py",
        "ws.accept(subprotocol=agreed)",
        "ws.accept()",
        "tests/test_versions.py::test_a_subprotocol_is_agreed_on",
    ),
    Fault(
        "one listener is enough",
        "chat/rooms.py",
        "queue.put_nowait(text)",
        "queue.put_nowait(text)\n                break",
        "tests/test_rooms.py::test_everybody_hears_a_broadcast",
    ),
    Fault(
        "a listener for ever",
        "chat/rooms.py",
        "self._queues.discard(queue)",
        "pass",
        "tests/test_rooms.py::test_who_leaves_is_forgotten",
    ),
    Fault(
        "the middleware is left out",
        "chat/app.py",
        "[archive, OriginMiddleware(*origins)]",
        "[archive]",
        "tests/test_app.py::test_every_route_refuses_other_pages",
    ),
    Fault(
        "saved without waiting",
        "chat/minutes.py",
        "await self._archive.save(text)",
        "self._archive.save(text).close()",
        "tests/test_minutes.py::test_a_message_is_saved",
    ),
    Fault(
        "a failure that nobody catches",
        "chat/minutes.py",
        "except ConnectionError:",
        "except KeyError:",
        "tests/test_minutes.py::test_a_dependency_that_fails_is_survived",
    ),
]


WARMUP = """
import falcon.testing, msgpack, pytest_asyncio, uvicorn, websockets.asyncio.client
from falcon.asgi import App


def test_what_every_run_imports_is_there():
    assert App()
"""

QUIETLY = ("-q", "-p", "no:cacheprovider")
ALONE = " ".join(f"-p no:{plugin}" for plugin in ("anyio", "hypothesispytest", "pytest_cov"))
"""The plugins of this environment that the guide does not ask for."""


class Run(NamedTuple):
    """How a command ended; of a good end of pytest the output is not kept."""

    succeeded: bool
    output: str


def environment() -> dict[str, str]:
    """Return the environment of someone who follows the guide."""
    env = gates.environment(PYTEST_ADDOPTS=ALONE, COLUMNS="200", PYTHONDONTWRITEBYTECODE="1")
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])
    env.pop("PYTHONPATH", None)
    return env


def run(*command: str, cwd: Path) -> Run:
    """Run a command in the guide's project, with the tools of this environment."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Run(result.returncode == 0, result.stdout)


def run_suite(project: Path) -> Run:
    """Run all tests of the project, as its reader would."""
    return run(sys.executable, "-m", "pytest", *QUIETLY, "-vv", cwd=project)


def in_auto_mode(project: Path, place: Path) -> Path:
    """Make the change that the page on modes describes to a copy."""
    shutil.copytree(project, place)
    (diff,) = (block.code for block in BLOCKS if block.language == "diff")
    before, after = (
        "".join(line[1:] + "\n" for line in diff.splitlines() if line[0] == sign) for sign in "-+"
    )
    path = place / "pyproject.toml"
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, after), encoding="utf-8")
    return place


def with_fault(project: Path, fault: Fault, place: Path) -> Path:
    """Put a fault into a copy of what its test needs."""
    test = fault.noticed_by.partition("::")[0]
    shutil.copytree(project / "chat", place / "chat")
    (place / "tests").mkdir()
    for name in ("conftest.py", "pyproject.toml", test):
        shutil.copy(project / name, place / name)
    path = place / fault.file
    text = path.read_text(encoding="utf-8")
    assert fault.before in text, fault.name
    path.write_text(text.replace(fault.before, fault.after), encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project that the blocks of all pages make."""
    written = tmp_path_factory.mktemp("guide") / "project"
    written.mkdir()
    guide.write(GUIDE, written)
    return written


@pytest.fixture(scope="module")
def plain_runs(written: Path) -> Iterator[dict[str, Future[Run]]]:
    """The suite in both modes and the shell commands, one after the other."""
    auto = in_auto_mode(written, written.with_name("auto"))
    typed = Path(shutil.copytree(written, written.with_name("typed")))
    with ThreadPoolExecutor(1) as pool:
        yield {
            "strict": pool.submit(run_suite, written),
            "auto": pool.submit(run_suite, auto),
            **{
                name: pool.submit(run, "sh", "-ec", block.code, cwd=typed)
                for name, block in SHELL.items()
            },
        }
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def forked_runs(written: Path) -> Iterator[dict[str, Future[Outcome]]]:
    """The mistakes and the faults, side by side."""
    with ForkServer(2, warmup=WARMUP, arguments=QUIETLY, environment=environment()) as server:
        runs = {}
        for mistake in MISTAKES.values():
            arguments = ["-o", "faulthandler_timeout=1", mistake.title]
            if mistake.title.endswith(".ini"):
                arguments = ["-c", mistake.title, "--rootdir=.", "tests"]
            runs[mistake.title] = server.submit(written, *arguments)
        for fault in FAULTS:
            place = written.with_name(fault.name.replace(" ", "-"))
            runs[fault.name] = server.submit(with_fault(written, fault, place), fault.noticed_by)
        yield runs


def verdict(run: Run, name: str) -> set[str]:
    """Return how each case of a test ended, of a verbose or a failed run."""
    return set(re.findall(rf"{re.escape(name)}(?:\[.*\])? (PASSED|FAILED|ERROR)", run.output))


def test_there_is_a_page_for_each_part_and_the_contents_name_it() -> None:
    numbered = [f"{number:02}-{part}.md" for number, part in enumerate(PARTS, 1)]
    assert [page.name for page in PAGES] == numbered
    contents = (GUIDE / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[\d+\. [^\]]+\]\(([^)]+)\)", contents, re.MULTILINE) == numbered


@pytest.mark.parametrize("page", PAGES[:-1], ids=lambda page: page.stem)
def test_a_page_is_read_in_five_minutes(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    code = sum(len(block.code.split()) for block in guide.blocks(page))
    assert len(prose.split()) + code < WORDS_IN_FIVE_MINUTES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_ends_with_where_the_generated_suite_does_the_same(
    page: Path, generated: dict[str, set[str]]
) -> None:
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"^## .*", text, re.MULTILINE)[-1] == guide.CLOSING
    named = guide.mapping(page)
    assert named
    assert len(named) == len(re.findall(r"^- ", text.partition(guide.CLOSING)[2], re.MULTILINE))
    missing = []
    for test in named:
        path, name = test.split("::")
        if name not in generated.get(path, ()):
            elsewhere = sorted(path for path, names in generated.items() if name in names)
            where = f"is in {' and '.join(elsewhere)}" if elsewhere else "is gone"
            missing.append(f"{page.name}: `{test}` {where}")
    assert not missing, "\n".join(missing)


def test_the_pages_name_tests_for_every_scenario() -> None:
    named = [test for page in PAGES for test in guide.mapping(page)]
    assert len(set(named)) > 60
    assert {Path(test.partition("::")[0]).name for test in named} >= {
        "test_guide.py",
        "test_live.py",
    }


def test_the_guide_of_a_service_has_the_names_and_the_order_of_the_pages(
    projects: dict[str, Project],
) -> None:
    order = [test.partition("::")[2] for test in guide.tests(GUIDE)]
    found: set[str] = set()
    for key, project in projects.items():
        source = (project.tree / "tests" / "test_guide.py").read_text(encoding="utf-8")
        module = [node for node in ast.parse(source).body if isinstance(node, ast.AsyncFunctionDef)]
        names = [node.name for node in module]
        assert 10 <= len(names) <= 15, key
        assert [order.count(name) for name in names] == [1] * len(names), key
        assert names == sorted(names, key=order.index), key
        for node in module:
            assert ast.get_docstring(node), f"{key}: {node.name} says not what to learn"
            arguments = {argument.arg for argument in node.args.args}
            assert arguments <= PLAIN_FIXTURES, f"{key}: {node.name}"
        found.update(names)
    assert len(found) == 16
    for page in PAGES:
        here = {name for b in guide.blocks(page) for name in re.findall(r"\btest_\w+", b.code)}
        named = {test.partition("::")[2] for test in guide.mapping(page) if "test_guide.py" in test}
        assert named == here & found, page.name


@pytest.fixture(scope="module")
def generated(projects: dict[str, Project]) -> dict[str, set[str]]:
    """The tests of all generated services: the path below `tests` -> the names."""
    found: dict[str, set[str]] = {}
    for project in projects.values():
        tests = project.tree / "tests"
        for path in tests.rglob("test_*.py"):
            names = re.findall(r"^(?:async )?def (test_\w+)", path.read_text("utf-8"), re.MULTILINE)
            found.setdefault(path.relative_to(tests).as_posix(), set()).update(names)
    return found


def test_each_block_is_executed_somehow() -> None:
    titles = [block.title for block in BLOCKS if block.title is not None]
    assert len(titles) == len(set(titles)), "each file appears once"
    for page in PAGES:
        before = None
        for block in guide.blocks(page):
            match block.language:
                case "python" | "toml" | "ini":
                    assert block.title, block
                    assert (block.title.startswith("mistakes/")) == (block.fails is not None)
                case "text":
                    assert before is not None, block
                    assert before.fails is not None, block
                case "sh" | "diff":
                    pass
                case "":
                    assert "tests/" in block.code, "a drawing of the tree"
                case other:
                    raise AssertionError(f"{page.name}: nobody executes {other}")
            before = block


def test_no_page_needs_a_later_one() -> None:
    known = {"conftest.py": False}
    modules: set[str] = set()
    for page in PAGES[1:]:
        known["conftest.py"] |= any(b.title == "conftest.py" for b in guide.blocks(page))
        files = [block for block in guide.blocks(page) if (block.title or "").endswith(".py")]
        modules |= {str(block.title) for block in [*guide.blocks(PAGES[0]), *files]}
        for block in files:
            for module in re.findall(r"^from (chat\.\w+|serving) import", block.code, re.MULTILINE):
                name = (
                    "tests/serving.py" if module == "serving" else f"{module.replace('.', '/')}.py"
                )
                assert name in modules, f"{block.title} needs {module}"
            if re.search(r"^async def test_\w+\((\w+, )*conductor\b", block.code, re.MULTILINE):
                assert known["conftest.py"], f"{block.title} needs the conductor"


def lowest(requirements: list[str]) -> set[tuple[str, str]]:
    """Return each package with its lowest version."""
    parsed = map(Requirement, requirements)
    return {(r.name, s.version) for r in parsed for s in r.specifier if s.operator == ">="}


def test_the_versions_are_those_of_a_generated_service(
    written: Path, projects: dict[str, Project]
) -> None:
    tree = projects["message-json-auto"].tree
    theirs, ours = (
        tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8"))
        for path in (written, tree)
    )
    needed = lowest(theirs["dependency-groups"]["dev"])
    assert len(needed) == len(theirs["dependency-groups"]["dev"])
    allowed = lowest([*ours["project"]["dependencies"], *ours["dependency-groups"]["dev"]])
    assert {name for name, _ in needed - allowed} == {"msgpack"}
    assert theirs["project"]["requires-python"] == ours["project"]["requires-python"]
    for settings in (theirs["tool"]["pytest"], ours["tool"]["pytest"]):
        # Before pytest 9.2 a number without quotes is an error, and 9.0 is allowed.
        assert {type(value) for value in settings.values()} == {str, bool, list}


def test_the_code_is_linted_and_formatted(written: Path) -> None:
    ruff = (str(Path(sys.executable).with_name("ruff")),)
    length = "--line-length=100"
    check = run(
        *ruff,
        "check",
        "--isolated",
        length,
        f"--select={LINT}",
        f"--ignore={UNLIKE_PROSE}",
        cwd=written,
    )
    assert check.succeeded, check.output
    formatted = run(*ruff, "format", "--isolated", length, "--check", cwd=written)
    assert formatted.succeeded, formatted.output


@pytest.mark.parametrize("mode", ["strict", "auto"])
def test_the_project_is_green(plain_runs: dict[str, Future[Run]], mode: str) -> None:
    found = plain_runs[mode].result()
    assert found.succeeded, found.output
    assert f"mode=Mode.{mode.upper()}" in found.output
    for test in guide.tests(GUIDE):
        assert verdict(found, test) == {"PASSED"}, test


@pytest.mark.parametrize("name", SHELL)
def test_a_command_succeeds(plain_runs: dict[str, Future[Run]], name: str) -> None:
    found = plain_runs[name].result()
    assert found.succeeded, found.output


@pytest.mark.parametrize("title", MISTAKES)
def test_a_mistake_fails_as_the_page_says(
    forked_runs: dict[str, Future[Outcome]], title: str
) -> None:
    mistake = MISTAKES[title]
    if mistake.needs and version(mistake.needs.name) not in mistake.needs.specifier:
        pytest.skip(f"needs {mistake.needs}")
    said = " ".join(" ".join(forked_runs[title].result().complaints).split())
    assert mistake.fails in said
    assert mistake.said, "the page does not show what pytest says"
    for line in mistake.said:
        assert " ".join(line.split()) in said


@pytest.mark.parametrize("name", [fault.name for fault in FAULTS])
def test_a_fault_of_the_application_is_noticed(
    forked_runs: dict[str, Future[Outcome]], name: str
) -> None:
    (fault,) = (fault for fault in FAULTS if fault.name == name)
    said = "\n".join(forked_runs[name].result().complaints)
    assert re.search(rf"^(FAILED|ERROR) {re.escape(fault.noticed_by)}\b", said, re.MULTILINE), said


def test_every_module_of_the_application_has_a_fault() -> None:
    modules = {b.title for b in BLOCKS if b.title and b.title.startswith("chat/")}
    assert {fault.file for fault in FAULTS} == modules


def test_each_row_of_what_is_true_names_what_shows_it() -> None:
    text = TABLE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?!what you|---)(.*) \| (.*) \| (.*) \|$", text, re.MULTILINE)
    assert len(rows) > 40
    shows = {*guide.tests(GUIDE), *MISTAKES}
    for said, _, shown in rows:
        names = re.findall(r"`([^`]+)`", shown)
        assert names, said
        assert set(names) <= shows, f"{said}: {set(names) - shows}"
