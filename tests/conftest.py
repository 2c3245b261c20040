"""What the harness has to be told of this template; `tests/harness` has everything else."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

from . import futures
from .harness.enumeration import Answers, Representative
from .harness.template import Template

pytest_plugins = ["tests.harness.plugin", "tests.skipping"]

ROOT = Path(__file__).parents[1]

LICENSES = ("MIT", "Apache-2.0", "BSD-3-Clause", "Proprietary")


def no_subprotocols(answers: Answers) -> str:
    """Speak none."""
    return ""


def two_subprotocols(answers: Answers) -> str:
    """Speak two, one of which names the last media handler by its suffix."""
    *others, last = answers.get("media_handlers") or ["json"]
    # The tests' client offers the last one: with two formats, the one that is not the default.
    return f"chat.v1, chat.v2.{last}" if others else f"chat.v2.{last}, chat.v1"


def identity(number: str) -> Answers:
    """Return a package name as long as can be, which must not show in the format, and a licence."""
    license = LICENSES[int(number, 16) % len(LICENSES)]
    return {"package_name": f"service_{number}", "license": license}


TEXTS: dict[str, list[Representative]] = {"subprotocols": [no_subprotocols, two_subprotocols]}
"""The representatives of free text that changes code."""

TWIN = {"asyncio_mode": "auto"}
"""What only adds marks to tests, as a test holds."""

WARMUP = """
from hypothesis import given, settings, strategies


@settings(database=None, max_examples=10)
@given(strategies.text())
def test_the_tables_of_unicode_are_there(text):
    pass
"""

TEMPLATE = Template(ROOT, {"license", "ci", "container"}, TEXTS, identity, TWIN, WARMUP)

COMBINATIONS = TEMPLATE.combinations
"""All but what touches no code; each combination takes the next licence."""


def pytest_harness_template() -> Template:
    """Tell the harness of this template."""
    return TEMPLATE


# The tables of Unicode: once for all projects, and for all runs.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / ".work" / "hypothesis"))

# For the template's own tests.
settings.register_profile(
    "default", derandomize=True, database=None, deadline=None, max_examples=30
)
settings.register_profile("fuzz", database=None, deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


@pytest.fixture(scope="session")
def versions(_isolated: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template in a repository: every release, the working tree, and what may come."""
    return futures.versions(ROOT, tmp_path_factory.mktemp("versions") / "clone")
