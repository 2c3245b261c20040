"""Every combination of answers: rendered, clean, linted, typed, and green by its own suite."""

import re
import shlex
import tomllib
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import yaml

from .harness import gates
from .harness.enumeration import accepts, name, questions
from .harness.forkserver import Outcome
from .harness.template import Project, Template


def about(complaints: list[str], project: Project, projects: dict[str, Project]) -> list[str]:
    """Return the complaints that name a project, or all of them if they name none at all."""
    text = "\n".join(complaints)
    if not any(f"{other.tree.name}/" in text for other in projects.values()):
        return complaints
    return [line for line in complaints if f"{project.tree.name}/" in line]


def test_a_combination_is_clean(project: Project) -> None:
    complaints = gates.hygiene(project.tree)
    assert not complaints, "\n".join([*complaints, project.reproduce])


def test_a_combination_records_its_answers(project: Project) -> None:
    recorded = yaml.safe_load((project.tree / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert recorded | project.answers == recorded, project.reproduce


def test_a_combination_passes_its_own_suite_with_full_coverage(
    project: Project, outcome: Callable[[str], Outcome]
) -> None:
    complaints = outcome(name(project.answers)).complaints
    assert not complaints, "\n".join([*complaints, project.reproduce])


def test_a_combination_passes_the_gates_that_take_all_projects_in_one_call(
    project: Project, projects: dict[str, Project], overall: dict[str, Future[list[str]]]
) -> None:
    for gate, result in overall.items():
        complaints = about(result.result(), project, projects)
        assert not complaints, "\n".join([f"{gate}:", *complaints, project.reproduce])


def test_every_tool_that_is_only_run_is_there(
    projects: dict[str, Project], subject: Template
) -> None:
    for project in projects.values():
        text = (project.tree / "pyproject.toml").read_text(encoding="utf-8")
        group = {
            re.split(r"\W*>=", word)[0] for word in tomllib.loads(text)["dependency-groups"]["dev"]
        }
        assert set(gates.only_run(subject.root)) <= group, project.reproduce


def test_the_command_that_reproduces_a_combination_gives_its_answers(
    projects: dict[str, Project],
) -> None:
    for project in projects.values():
        variable = shlex.split(project.reproduce.partition("make combo ")[2])[0]
        words = shlex.split(variable.removeprefix("ANSWERS="))
        given = {key: yaml.safe_load(value) for key, _, value in (w.partition("=") for w in words)}
        expected = {key: value or None for key, value in project.answers.items() if value != []}
        assert {key: value or None for key, value in given.items()} == expected


def test_every_choice_is_in_some_combination(subject: Template) -> None:
    for key, question in questions(subject.root).items():
        choices = {} if key in subject.apart else question.get("choices", {})
        for value in choices.values() if isinstance(choices, dict) else []:
            assert any(
                value == answers.get(key) or value in answers.get(key, [])
                for answers in subject.combinations
            ), f"{key}={value}"


def test_only_what_copier_accepts_is_a_combination(template: Path, subject: Template) -> None:
    assert all(accepts(template, answers) for answers in subject.combinations)
