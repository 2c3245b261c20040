"""Rendering: repeatable, safe for any free text, and what the licence changes."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jinja2
import pytest
from pytest_mock import MockerFixture

from .conftest import COMBINATIONS, LICENSES, ROOT, TWIN
from .harness import gates
from .harness.enumeration import Answers, arguments, covering, name
from .harness.rendering import render
from .harness.template import Project

NASTY = [
    "quote \" and ' and `",
    "back\\slash \\n \\",
    "{{ 7 * 7 }} {% raw %} {# x #}",
    "emoji 👩‍🚀 and \U0001f985",
    "русский العربية 日本語",
    "# : - [ ] { } & * ! | > % @",
    "'''\"\"\"",
    "$(true) `true` ${HOME}",
    "<b>&amp;</b>",
    "null",
    "1.0",
    "x" * 100,
]

MACHINERY = {"realtime", "security", "server"}
"""The folders of a package that nobody has to edit."""


def contents(tree: Path) -> dict[str, bytes]:
    """Return every file of a project."""
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in gates.files(tree)}


@pytest.mark.parametrize("answers", covering(COMBINATIONS), ids=name)
def test_the_plain_command_gives_the_same_bytes(
    template: Path, tmp_path: Path, answers: Answers
) -> None:
    data = [word for pair in arguments(answers) for word in ("--data", pair)]
    command = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet", *data]
    subprocess.run([*command, str(template), str(tmp_path / "plain")], check=True)
    ours = render(template, answers, tmp_path / "ours")
    assert contents(tmp_path / "plain") == contents(ours)


@pytest.mark.parametrize("text", NASTY)
def test_free_text_breaks_no_file(template: Path, tmp_path: Path, text: str) -> None:
    answers = {"project_name": text, "project_description": text, "user_name": text}
    tree = render(template, answers, tmp_path / "project")
    complaints = [line for line in gates.hygiene(tree) if "left-over Jinja" not in line]
    assert not complaints
    assert not gates.ruff(tree)
    assert not gates.ruff_format(tree)
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["description"] == text
    assert project["authors"] == [{"name": text}]
    assert (tree / "README.md").read_text(encoding="utf-8").startswith(f"# {text}\n\n{text}\n")
    assert text in (tree / "LICENSE").read_text(encoding="utf-8")


def plain_code(tree: Path, package: str, folder: str) -> dict[str, str]:
    """Return the code of a project without what marks its tests, and with another package name."""
    marks = r"^pytestmark = pytest\.mark\.asyncio$|^import pytest(_asyncio)?$|_asyncio(?=\.fixture)"
    return {
        path.relative_to(tree).as_posix().replace(package, "service"): re.sub(
            r"\n\n+", "\n", re.sub(marks, "", path.read_text("utf-8"), flags=re.MULTILINE)
        ).replace(package, "service")
        for path in (tree / folder).rglob("*.py")
    }


def test_strict_mode_adds_marks_and_nothing_else(projects: dict[str, Project]) -> None:
    """So that the coverage of one mode is that of the other, if the same tests pass."""
    for key, project in projects.items():
        twin = projects[name(project.answers | TWIN)]
        if twin is not project:
            for folder in ("src", "tests"):
                mine, other = (
                    plain_code(p.tree, p.identity["package_name"], folder) for p in (project, twin)
                )
                assert mine == other, key


def test_another_package_name_changes_nothing_else(
    template: Path, tmp_path: Path, projects: dict[str, Project]
) -> None:
    for key, project in projects.items():
        # The projects themselves have the longest.
        name = project.identity["package_name"]
        assert len(name) == 40
        expected = {
            path.replace(name, "a"): content.replace(name.encode(), b"a")
            for path, content in contents(project.tree).items()
        }
        answers = project.answers | project.identity | {"package_name": "a"}
        assert contents(render(template, answers, tmp_path / key)) == expected, project.reproduce
        assert len(expected) > 30
    assert not gates.ruff_format(tmp_path)
    assert not gates.ruff(tmp_path)


def test_a_suite_passes_with_a_long_name_free_text_and_settings_from_outside(
    template: Path, tmp_path: Path
) -> None:
    answers = {"package_name": "x" * 40, "project_name": NASTY[0], "project_description": NASTY[2]}
    tree = render(template, answers, tmp_path / "project")
    (tree / ".env").write_text("APP_SEND_TIMEOUT=never\n", encoding="utf-8")
    assert not gates.tests(tree, APP_DEV="maybe", APP_MAX_MESSAGE_SIZE="3")


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ({}, None),
        ({"user_name": "Ada"}, [{"name": "Ada"}]),
        ({"user_email": "a@b.c"}, [{"email": "a@b.c"}]),
        ({"user_name": "Ada", "user_email": "a@b.c"}, [{"name": "Ada", "email": "a@b.c"}]),
    ],
)
def test_authors_are_left_out_when_nobody_is_named(
    template: Path, tmp_path: Path, author: Answers, expected: list[dict[str, str]] | None
) -> None:
    tree = render(template, author, tmp_path / "project")
    project = tomllib.loads((tree / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project.get("authors") == expected


@pytest.mark.parametrize("email", ["", "ada@example.org"])
def test_a_vulnerability_is_reported_to_an_address_that_is_there(
    template: Path, tmp_path: Path, email: str
) -> None:
    tree = render(template, {"user_email": email}, tmp_path / "project")
    text = (tree / "SECURITY.md").read_text(encoding="utf-8")
    assert re.findall(r"\S+@\S+", text) == ([f"<{email}>."] if email else [])
    assert ("the private vulnerability reporting of the site" in text) == (not email)
    assert "http" not in text


def test_every_file_is_used(template: Path, tmp_path: Path, mocker: MockerFixture) -> None:
    load = mocker.spy(jinja2.FileSystemLoader, "get_source")
    licences = [{"license": license} for license in LICENSES]
    for number, answers in enumerate([*covering(COMBINATIONS), *licences]):
        render(template, answers, tmp_path / str(number))
    loaded = {call.args[2] for call in load.call_args_list}
    includes = {path for path in (template / "includes").rglob("*") if path.is_file()}
    assert {path.relative_to(template).as_posix() for path in includes} <= loaded


def test_the_licence_touches_nothing_but_itself(template: Path, tmp_path: Path) -> None:
    default = contents(render(template, {}, tmp_path / "default"))
    for license in LICENSES[1:]:
        other = contents(render(template, {"license": license}, tmp_path / license))
        differing = {path for path in default | other if default.get(path) != other.get(path)}
        assert differing == {".copier-answers.yml", "LICENSE", "pyproject.toml"}
        before = default["pyproject.toml"].decode().splitlines()
        after = other["pyproject.toml"].decode().splitlines()
        changed = [line for line in after if line not in before]
        assert all(line.startswith(("license =", "classifiers =")) for line in changed)
    assert set(LICENSES) == {path.stem for path in (ROOT / "includes/license").iterdir()}


def test_a_service_depends_only_on_what_its_answers_need(projects: dict[str, Project]) -> None:
    for project in projects.values():
        text = (project.tree / "pyproject.toml").read_text(encoding="utf-8")
        dependencies = tomllib.loads(text)["project"]["dependencies"]
        assert any(d.startswith("pyjwt") for d in dependencies) == (
            project.answers["auth_style"] not in {"none", "api_key"}
        )


def test_the_template_installs_what_its_services_need(projects: dict[str, Project]) -> None:
    ours = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    group = set(ours["dependency-groups"]["dev"])
    for project in projects.values():
        theirs = tomllib.loads((project.tree / "pyproject.toml").read_text(encoding="utf-8"))
        needed = {*theirs["project"]["dependencies"], *theirs["dependency-groups"]["dev"]}
        assert needed <= group, project.reproduce


def test_a_service_stays_a_skeleton(projects: dict[str, Project]) -> None:
    # The reasons for the limits stand in docs/decisions.md.
    for key, project in projects.items():
        (package,) = (project.tree / "src").iterdir()
        sizes = {
            path.relative_to(package): len(path.read_text("utf-8").splitlines())
            for path in package.rglob("*.py")
        }
        assert not {path: size for path, size in sizes.items() if size > 200}, project.reproduce
        if key == "message-json-auto":
            yours = {path: size for path, size in sizes.items() if path.parts[0] not in MACHINERY}
            assert {"app.py", "resources/rooms.py"} <= {path.as_posix() for path in yours}
            assert sum(yours.values()) <= 600


def test_a_project_builds_and_names_its_licence(template: Path, tmp_path: Path) -> None:
    answers = {"user_name": NASTY[0], "user_email": "a@b.c", "project_description": NASTY[3]}
    tree = render(template, answers, tmp_path / "project")
    target = tmp_path / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*command, str(target), str(tree)], check=True)
    (metadata,) = target.glob("falcon_service-*.dist-info/METADATA")
    text = metadata.read_text(encoding="utf-8")
    assert f"Summary: {NASTY[3]}\n" in text
    assert "License-Expression: MIT\n" in text
    assert (target / "falcon_service" / "app.py").exists()


def test_no_json_escapes_reach_a_file(template: Path, tmp_path: Path) -> None:
    tree = render(template, {"project_description": "ü\U0001f985<&>"}, tmp_path / "project")
    text = (tree / "pyproject.toml").read_text(encoding="utf-8")
    assert 'description = "ü\U0001f985<&>"\n' in text
