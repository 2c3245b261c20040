"""The documentation: what it lists is there, and what it tells to type works."""

import http.client
import itertools
import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest

from .conftest import ROOT
from .harness import gates
from .harness.enumeration import candidates, questions
from .harness.faults import Fault
from .harness.rendering import render
from .harness.template import Project
from .test_changed import CONFTEST
from .test_faults import FAULTS
from .test_service import event, run, settings, urlopen

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")

STYLES = ("message", "ticket", "cookie", "jwt", "api_key", "none")


def blocks(text: str, language: str) -> list[str]:
    """Return the code blocks of a Markdown text in that language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def table(text: str, heading: str) -> dict[str, list[str]]:
    """Return the table under a head row as first cell -> other cells."""
    _, _, rest = text.partition(heading)
    rows = re.match(r"[^\n]*\n(?:\|[^\n]*\n)+", rest)
    assert rows, heading
    cells = [[c.strip() for c in row.strip("|").split("|")] for row in rows[0].splitlines()[2:]]
    return {first: others for first, *others in cells}


@pytest.fixture(scope="module")
def readme() -> str:
    """The README of the template."""
    return (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_questions_is_complete(readme: str) -> None:
    rows = table(readme, "| question | answers |")
    listed = [key for first in rows for key in re.findall(r"`(\w+)`", first)]
    asked = [key for key, q in questions(ROOT).items() if q.get("when") is not False]
    assert listed == asked
    for first, (answers, _) in rows.items():
        question = questions(ROOT)[re.findall(r"`(\w+)`", first)[0]]
        if question["type"] != "bool":
            choices = {c if isinstance(c, str) else c[0] for c in candidates(question) if c}
            assert set(re.findall(r"`([^`]+)`", answers)) == choices


def test_the_tree_is_what_is_generated(readme: str, projects: dict[str, Project]) -> None:
    tree = projects["message-json-subprotocols-auto"].tree
    package = next((tree / "src").iterdir())
    (drawing,) = (block for block in blocks(readme, "") if "src/<package>/" in block)
    drawn = set(re.findall(r"^  (\w+\.py)", drawing, re.MULTILINE))
    assert drawn == {path.name for path in package.glob("*.py")} - {"__init__.py"}
    folders = set(re.findall(r"^  (\w+)/ ", drawing, re.MULTILINE))
    assert folders == {path.parent.name for path in package.glob("*/__init__.py")}
    mirrored = re.findall(r"(\w+)/[ ,]", drawing.partition("tests/ ")[2])
    assert set(mirrored) == {path.parent.name for path in tree.glob("tests/*/__init__.py")}
    assert all((tree / name).exists() for name in drawing.splitlines()[-1].split(", "))
    assert {path.name for path in (package / "resources").glob("*.py")} == {
        "__init__.py",
        "health.py",
        "rooms.py",
    }
    cookie, ticket = (projects[f"{style}-json-auto"].tree for style in ("cookie", "ticket"))
    assert [path.name for path in cookie.glob("src/*/resources/session.py")]
    assert [path.name for path in ticket.glob("src/*/resources/tickets.py")]


def test_the_two_commands_exist(readme: str) -> None:
    assert "make demo\nmake test\n" in blocks(readme, "sh")[0]
    for text in (readme, CONTRIBUTING):
        commands = re.findall(r"(?:^|`)make ([\w-]+)", text, re.MULTILINE)
        assert set(commands) <= targets()


def targets() -> set[str]:
    """Return what can be made."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))


def test_the_table_of_commands_is_complete() -> None:
    rows = table(CONTRIBUTING, "| command | what it does |")
    assert {cell.strip("`").split()[1] for cell in rows} == targets() - {"help"}


def test_the_paths_of_the_layout_are_there() -> None:
    rows = table(CONTRIBUTING, "| path | what is there |")
    assert all((ROOT / cell.strip("`")).exists() for cell in rows)


def test_the_example_of_a_fault_is_one() -> None:
    (example,) = tomllib.loads(blocks(CONTRIBUTING, "toml")[0])["faults"]
    assert Fault(**example) in FAULTS


def test_the_example_of_a_conftest_is_what_another_template_has() -> None:
    assert blocks(CONTRIBUTING, "python") == [CONFTEST]


def test_no_address_is_invented(readme: str) -> None:
    assert "<the address or absolute path of this repository>" in readme
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = path.read_text("utf-8")
        assert not re.search(r"git(hub|lab)\.com/[\w-]+/copier-falcon", text)
        assert not re.search(r"[\w.]+@(?!example\.)[\w-]+\.\w+", text), path.name


def test_the_guide_is_named_where_everybody_looks_first(readme: str) -> None:
    assert "(docs/guide/README.md)" in "\n".join(readme.splitlines()[:10])


def test_links_lead_somewhere() -> None:
    for path in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_changelog_knows_the_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = "Unreleased" if ".dev" in project["version"] else project["version"]
    assert re.search(rf"^## \[?{re.escape(heading)}", changelog, re.MULTILINE)


@pytest.mark.parametrize(
    "combination",
    [
        "message-json-auto",
        "ticket-json-auto",
        "cookie-json-strict",
        "jwt-json-auto",
        "api_key-json-auto",
        "none-json-strict",
        *(f"{auth}-{('msgpack', 'cbor')[n % 2]}-auto" for n, auth in enumerate(STYLES)),
        *(f"{auth}-json-subprotocols-subprotocol_required-auto" for auth in STYLES),
    ],
)
def test_a_readme_tells_how_to_connect(
    projects: dict[str, Project], tmp_path: Path, combination: str
) -> None:
    """Type what the generated README says into terminals of our own."""
    project = moved(projects[combination], tmp_path)
    package = next((project.tree / "src").iterdir()).name
    text = (project.tree / "README.md").read_text(encoding="utf-8")
    connect, _, over_http = text.partition("## Connect")[2].partition("## Run")[0].partition("### ")
    shell = [block.strip() for block in blocks(connect, "sh")]
    port = free_port()
    client = project.tree / "client.py"
    client.write_text(blocks(connect, "python")[0].replace("8000", str(port)), encoding="utf-8")

    def start(command: str) -> subprocess.Popen[str]:
        words = shlex.split(command.replace("8000", str(port)))
        # A proxy that is not there: none is to be asked.
        changes = {"http_proxy": "http://127.0.0.1:9"}
        while "=" in words[0]:
            variable, _, value = words.pop(0).partition("=")
            changes[variable] = value
        program = {"python": sys.executable, "websockets": gates._tool("websockets")}[words[0]]
        return subprocess.Popen(
            [program, *words[1:]],
            cwd=project.tree,
            env=settings(APP_PORT=str(port), **changes),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    assert f"uv run python -m {package} --dev" in text
    with start(f"python -m {package} --dev") as server:
        try:
            wait_for_port(port)
            token = ""
            if project.answers["auth_style"] != "none":
                with start(shell.pop(0)) as minting:
                    token = minting.communicate(timeout=30)[0].strip()
            with start(f"python {shlex.quote(str(client))} {token}") as process:
                read_until(process, "'text': 'hello'")
                process.kill()
            type_over_http("".join(blocks(over_http, "sh")).replace("8000", str(port)), token, port)
            if shell:
                messages = blocks(connect, "json")[0].replace("…", token)
                type_messages(start(shell[0]), messages.splitlines())
        finally:
            server.terminate()


def test_the_snippet_for_a_page_has_all_that_it_uses(projects: dict[str, Project]) -> None:
    for project in projects.values():
        text = (project.tree / "README.md").read_text(encoding="utf-8")
        pages = blocks(text, "js")
        assert bool(pages) == (
            project.answers["auth_style"] in {"message", "ticket", "cookie", "none"}
        )
        for page in pages:
            used = {name for name in ("encode", "decode") if re.search(rf"\b{name}\(", page)}
            named = re.findall(r"^import \{ (\w+), (\w+) \} from \"[\w@/-]+\";", page, re.MULTILINE)
            assert [set(names) for names in named] == ([used] if used else []), project.reproduce
            if project.answers["auth_style"] != "none":
                assert page.index("const token = ") < page.rindex("token"), project.reproduce
            assert "${location.host}/rooms/lobby" in page
            assert 'type: "publish"' in page


_DEFAULTS = """
import json
from falcon_service.settings import Settings
print(json.dumps(Settings(secret="x" * 32).model_dump(mode="json", exclude={"secret"})))
"""


def test_the_table_of_settings_is_true(template: Path, tmp_path: Path) -> None:
    tree = render(template, {}, tmp_path / "project")
    rows = table((tree / "README.md").read_text(encoding="utf-8"), "| variable | default |")
    output = subprocess.run(
        [sys.executable, "-c", _DEFAULTS],
        cwd=tree,
        env=settings(PYTHONPATH="src"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    defaults = json.loads(output)
    compared = 0
    for first, (listed, _) in rows.items():
        names = [name.lower() for name in re.findall(r"`APP_(\w+)`", first)]
        assert set(names) <= {*defaults, "secret"}
        for name, value in zip(names, re.findall(r"`([^`]+)`", listed), strict=False):
            expected = float(value) if isinstance(defaults[name], float) else value
            assert defaults[name] == expected or str(defaults[name]) == value, name
            compared += 1
    assert compared >= 15


@pytest.mark.parametrize(
    "combination", ["message-json-auto", "api_key-json-auto", "none-json-auto"]
)
def test_a_readme_tells_how_to_run_the_service(
    projects: dict[str, Project], tmp_path: Path, combination: str
) -> None:
    """Type into a shell what the generated README says for production, but stay on this machine."""
    project = moved(projects[combination], tmp_path)
    text = (project.tree / "README.md").read_text(encoding="utf-8")
    (commands,) = blocks(text.partition("## Run")[2].partition("## Deploy")[0], "sh")
    python = project.tree / "bin" / "python"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n', encoding="utf-8")
    python.chmod(0o755)
    port = free_port()
    entry = re.search(r"alice:[0-9a-f]{64}", run(project, "token", "alice").stderr)
    assert commands.count("APP_HOST=0.0.0.0 ") == 1
    commands = commands.replace("APP_HOST=0.0.0.0 ", "exec env APP_HOST=127.0.0.1 ")
    with subprocess.Popen(
        ["sh", "-e", "-c", commands.replace("alice:…", entry[0] if entry else "")],
        cwd=project.tree,
        env=settings(APP_PORT=str(port), PATH=f"{python.parent}{os.pathsep}{os.environ['PATH']}"),
    ) as process:
        try:
            wait_for_port(port)
        finally:
            process.terminate()


def test_what_is_printed_after_a_copy_can_be_typed_in_every_shell(
    template: Path, tmp_path: Path
) -> None:
    tree = tmp_path / "it's ünï dir"
    command = [sys.executable, "-m", "copier", "copy", "--defaults", str(template), str(tree)]
    result = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=True)
    _, _, message = result.stderr.partition(f"Falcon Service is in {tree}\n")
    commands = [line.strip() for line in message.splitlines() if line.startswith("  ")]
    # cmd.exe has no single quotes and no comments, the older PowerShell no &&.
    assert len(commands) == 6
    assert not [line for line in commands if re.search("['#&;$`]|^cd ", line)]
    assert commands.index("uv sync") < commands.index("git add .")
    for line in (line for line in commands[:3] if not line.startswith("uv")):
        subprocess.run(line, cwd=tree, shell=True, check=True, capture_output=True)  # noqa: S602


def moved(project: Project, folder: Path) -> Project:
    """Copy a project to a place whose name is no easy one for a shell."""
    tree = shutil.copytree(project.tree, folder / "it's ünï dir")
    return replace(project, tree=Path(tree))


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def type_over_http(commands: str, token: str, port: int) -> None:
    """Do what the two calls of curl do: listen, then publish."""
    values = {"TOKEN": token, "KEY": token}
    if "$COOKIE" in commands:
        headers = [f"Authorization: Bearer {token}", f"Origin: http://127.0.0.1:{port}"]
        with request("POST", f"http://127.0.0.1:{port}/session", headers, None) as response:
            values["COOKIE"] = response.headers["Set-Cookie"].partition(";")[0]
    calls = []
    set_before: set[str] = set()
    for command in commands.splitlines():
        assert set(re.findall(r"\$\{?([A-Z]+)", command)) <= set_before, command
        if assigned := re.match("([A-Z]+)=", command):
            set_before.add(assigned[1])
            continue
        curl, *words = shlex.split(re.sub(r"\$([A-Z]+)", lambda name: values[name[1]], command))
        assert curl == "curl"
        # Each call has a terminal of its own.
        set_before.clear()
        body = words[words.index("--json") + 1] if "--json" in words else None
        sent = [after for word, after in itertools.pairwise(words) if word == "-H"]
        sent += ["Content-Type: application/json"] if body else []
        calls.append(("POST" if body else "GET", words[-1], sent, body))
    listen, publish = calls
    with request(*listen) as events:
        assert event(events)["type"] == "joined"
        with request(*publish) as response:
            assert response.status == 204
        assert event(events)["text"] == "hello"


def request(
    method: str, url: str, headers: list[str], body: str | None
) -> http.client.HTTPResponse:
    """Send an HTTP request; return the response, to be read."""
    request = urllib.request.Request(url, body.encode() if body else None, method=method)  # noqa: S310
    for header in headers:
        request.add_header(*header.split(": ", 1))
    response: http.client.HTTPResponse = urlopen(request, timeout=30)
    return response


def type_messages(client: subprocess.Popen[str], messages: list[str]) -> None:
    """Type messages into the interactive client; the last one once the room is joined."""
    with client:
        assert client.stdin is not None
        for message in messages:
            json.loads(message)
            if "publish" in message:
                read_until(client, "joined")
            client.stdin.write(message + "\n")
            client.stdin.flush()
        read_until(client, '"text":"hello"')
        client.kill()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Read what a process writes, line by line, up to a text."""
    assert process.stdout is not None
    output = ""
    while text not in output:
        line = process.stdout.readline()
        assert line, output
        output += line
    return output


def wait_for_port(port: int) -> None:
    """Wait until somebody listens."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on {port}")
