"""What is too slow for each generated suite: endurance, and thousands of made-up messages."""

import shutil
from pathlib import Path

import pytest

from .conftest import COMBINATIONS
from .harness import gates
from .harness.enumeration import Answers, name
from .harness.rendering import render
from .harness.template import Project
from .test_owner import SETS

INSIDE = Path(__file__).parent / "inside"

MEDIA = {str(answers["media_handlers"]): answers for answers in COMBINATIONS}
"""One combination for each set of media handlers."""


# A single test takes longer here than any should in a project.
PATIENCE = ("-o", "faulthandler_timeout=600")


@pytest.mark.parametrize("answers", SETS, ids=name)
def test_a_service_endures(template: Path, tmp_path: Path, answers: Answers) -> None:
    tree = render(template, answers, tmp_path / "project")
    shutil.copy(INSIDE / "test_endurance.py", tree / "tests")
    assert not gates.ruff(tree)
    assert not gates.ruff_format(tree)
    assert not gates.mypy(tree, [tree])
    assert not gates.tests(tree, "tests/test_endurance.py")


@pytest.mark.parametrize("answers", MEDIA.values(), ids=MEDIA.keys())
def test_no_made_up_message_breaks_a_service(
    projects: dict[str, Project], answers: Answers
) -> None:
    project = projects[name(answers)]
    complaints = gates.tests(project.tree, "-m", "hypothesis", *PATIENCE, HYPOTHESIS_PROFILE="fuzz")
    assert not complaints, "\n".join([*complaints, project.reproduce])
