"""Every combination of answers: rendered, clean, linted, typed, and green by its own suite."""

import re
import shlex
import tomllib
from concurrent.futures import Future
from pathlib import Path

import pytest
import yaml

from .conftest import COMBINATIONS, ROOT, Project
from .harness import gates
from .harness.enumeration import accepts, name, questions


@pytest.fixture(scope="module")
def trees(projects: dict[str, Project]) -> Path:
    """The folder above all projects."""
    return next(iter(projects.values())).tree.parent


def explain(complaints: list[str], projects: dict[str, Project]) -> str:
    """Return the complaints, and for each combination they name the command that reproduces it."""
    text = "\n".join(complaints)
    named = [p.reproduce for p in projects.values() if f"{p.tree.name}/" in text]
    return "\n".join([text, *named])


def test_a_combination_is_clean(project: Project) -> None:
    complaints = gates.hygiene(project.tree)
    assert not complaints, "\n".join([*complaints, project.reproduce])


def test_a_combination_records_its_answers(project: Project) -> None:
    recorded = yaml.safe_load((project.tree / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert recorded | project.answers == recorded, project.reproduce


def test_a_combination_passes_its_own_suite_with_full_coverage(
    project: Project, suites: dict[str, Future[list[str]]]
) -> None:
    complaints = suites[name(project.answers)].result()
    assert not complaints, "\n".join([*complaints, project.reproduce])


def test_all_combinations_pass_ruff(projects: dict[str, Project], trees: Path) -> None:
    assert not (complaints := gates.ruff(trees)), explain(complaints, projects)


def test_all_combinations_are_formatted(projects: dict[str, Project], trees: Path) -> None:
    assert not (complaints := gates.ruff_format(trees)), explain(complaints, projects)


def test_all_combinations_pass_mypy(projects: dict[str, Project], trees: Path) -> None:
    complaints = gates.mypy(trees, [project.tree for project in projects.values()])
    assert not complaints, explain(complaints, projects)


def test_all_combinations_use_what_they_depend_on(projects: dict[str, Project]) -> None:
    trees = [project.tree for project in projects.values()]
    complaints = gates.dependencies(trees, gates.only_run(ROOT))
    assert not complaints, explain(complaints, projects)


def test_every_tool_that_is_only_run_is_there(projects: dict[str, Project]) -> None:
    for project in projects.values():
        text = (project.tree / "pyproject.toml").read_text(encoding="utf-8")
        group = {
            re.split(r"\W*>=", word)[0] for word in tomllib.loads(text)["dependency-groups"]["dev"]
        }
        assert set(gates.only_run(ROOT)) <= group, project.reproduce


def test_the_command_that_reproduces_a_combination_gives_its_answers(
    projects: dict[str, Project],
) -> None:
    for project in projects.values():
        variable = shlex.split(project.reproduce.partition("make combo ")[2])[0]
        words = shlex.split(variable.removeprefix("ANSWERS="))
        given = {key: yaml.safe_load(value) for key, _, value in (w.partition("=") for w in words)}
        expected = {key: value or None for key, value in project.answers.items() if value != []}
        assert {key: value or None for key, value in given.items()} == expected


def test_every_choice_is_in_some_combination() -> None:
    for key, question in questions(ROOT).items():
        choices = question.get("choices", {})
        for value in choices.values() if isinstance(choices, dict) else []:
            assert any(
                value == answers.get(key) or value in answers.get(key, [])
                for answers in COMBINATIONS
            ), f"{key}={value}"


def test_only_what_copier_accepts_is_a_combination(template: Path) -> None:
    assert all(accepts(template, answers) for answers in COMBINATIONS)
    assert not accepts(template, COMBINATIONS[0] | {"media_handlers": []})
    assert not accepts(template, COMBINATIONS[0] | {"auth_style": "unknown"})
