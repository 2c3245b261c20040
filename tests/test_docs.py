"""The documentation: what it lists is there, and what it tells to type works."""

import http.client
import itertools
import json
import re
import shlex
import socket
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest

from .conftest import ROOT, Project
from .harness import gates
from .harness.enumeration import candidates, questions
from .test_service import settings

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
    assert listed == list(questions(ROOT))
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
    assert {path.name for path in (package / "resources").glob("*.py")} == {
        "__init__.py",
        "health.py",
        "rooms.py",
    }
    cookie, ticket = (projects[f"{style}-json-auto"].tree for style in ("cookie", "ticket"))
    assert [path.name for path in cookie.glob("src/*/resources/session.py")]
    assert [path.name for path in ticket.glob("src/*/resources/tickets.py")]


def test_the_two_commands_exist(readme: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert "make demo\nmake test\n" in blocks(readme, "sh")[0]
    commands = re.findall(r"(?:^|`)make ([\w-]+)", readme, re.MULTILINE)
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    assert set(commands) <= targets


def test_no_address_is_invented(readme: str) -> None:
    assert "<the address or path of this repository>" in readme
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        assert not re.search(r"git(hub|lab)\.com/[\w-]+/copier-falcon", path.read_text("utf-8"))


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
    project = projects[combination]
    package = next((project.tree / "src").iterdir()).name
    text = (project.tree / "README.md").read_text(encoding="utf-8")
    connect, _, over_http = text.partition("## Connect")[2].partition("## Run")[0].partition("### ")
    shell = [block.strip() for block in blocks(connect, "sh")]
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    client = tmp_path / "client.py"
    client.write_text(blocks(connect, "python")[0].replace("8000", str(port)), encoding="utf-8")

    def start(command: str) -> subprocess.Popen[str]:
        words = command.replace("8000", str(port)).split()
        program = {"python": sys.executable, "websockets": gates._tool("websockets")}[words[0]]
        return subprocess.Popen(
            [program, *words[1:]],
            cwd=project.tree,
            env=settings(APP_PORT=str(port)),
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
            with start(f"python {client} {token}") as process:
                read_until(process, "'text': 'hello'")
                process.kill()
            type_over_http(blocks(over_http, "sh")[0].replace("8000", str(port)), token, port)
            if shell:
                messages = blocks(connect, "json")[0].replace("…", token)
                type_messages(start(shell[0]), messages.splitlines())
        finally:
            server.terminate()


def type_over_http(commands: str, token: str, port: int) -> None:
    """Do what the two calls of curl do: listen, then publish."""
    cookie = ""
    if "$COOKIE" in commands:
        headers = [f"Authorization: Bearer {token}", f"Origin: http://127.0.0.1:{port}"]
        with request("POST", f"http://127.0.0.1:{port}/session", headers, None) as response:
            cookie = response.headers["Set-Cookie"].partition(";")[0]
    calls = []
    for command in commands.replace("$TOKEN", token).replace("$COOKIE", cookie).splitlines():
        curl, *words = shlex.split(command)
        assert curl == "curl"
        body = words[words.index("--json") + 1] if "--json" in words else None
        sent = [after for word, after in itertools.pairwise(words) if word == "-H"]
        sent += ["Content-Type: application/json"] if body else []
        calls.append(("POST" if body else "GET", words[-1], sent, body))
    listen, publish = calls
    with request(*listen) as events:
        assert events.readline() == b'data: {"type":"joined"}\n'
        with request(*publish) as response:
            assert response.status == 204
        assert events.readline() == b"\n"
        assert b'"text":"hello"' in events.readline()


def request(
    method: str, url: str, headers: list[str], body: str | None
) -> http.client.HTTPResponse:
    """Send an HTTP request; return the response, to be read."""
    request = urllib.request.Request(url, body.encode() if body else None, method=method)  # noqa: S310
    for header in headers:
        request.add_header(*header.split(": ", 1))
    response: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=30)  # noqa: S310
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
