"""The interface: what a release had stays, or UPGRADING.md says what became of it."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import Version

from .conftest import COMBINATIONS, ROOT
from .futures import NEXT, hard
from .harness.enumeration import Answers, candidates, covering, name
from .harness.updating import ANSWERS_FILE, add_version, cached, contents, fresh, git, releases

UPGRADING = (ROOT / "UPGRADING.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module", autouse=True)
def _cached(_isolated: None) -> Iterator[None]:
    with cached():
        yield


def questions(clone: Path, version: str) -> dict[str, dict[str, Any]]:
    """Return the questions of a version."""
    config = yaml.safe_load(git(clone, "show", f"{version}:copier.yml"))
    return {key: value for key, value in config.items() if not key.startswith("_")}


def values(question: dict[str, Any]) -> list[str]:
    """Return the values of the choices of a question."""
    choices = question.get("choices", [])
    return list(choices.values() if isinstance(choices, dict) else choices)


def promised(clone: Path, version: str) -> set[str]:
    """Return the keys of a version and the values of its choices."""
    return {
        item
        for key, question in questions(clone, version).items()
        for item in (key, *(f"{key}: {value}" for value in values(question)))
    }


def known(clone: Path, version: str, combinations: Iterable[Answers]) -> list[Answers]:
    """Return the combinations as far as a version can have them."""
    asked = questions(clone, version)
    found = [
        {key: value for key, value in answers.items() if key in asked}
        for answers in combinations
        if all(
            set(value if isinstance(value, list) else [value]) <= set(values(asked[key]))
            for key, value in answers.items()
            if key in asked and values(asked[key])
        )
    ]
    return [answers for number, answers in enumerate(found) if answers not in found[:number]]


def entries(upgrading: str, release: str) -> str:
    """Return what UPGRADING.md says about the versions after a release."""
    sections = re.split(r"^## ", upgrading, flags=re.MULTILINE)[1:]
    newer = [
        section
        for section in sections
        if (heading := section.split()[0]) == "Unreleased"
        or (re.match(r"\d", heading) and Version(heading) > Version(release))
    ]
    return "\n".join(newer)


def broken(
    clone: Path, old: str, new: str, combinations: Iterable[Answers], upgrading: str, scratch: Path
) -> set[str]:
    """Return what a release had, the new version has not, and UPGRADING.md does not name."""
    gone = promised(clone, old) - promised(clone, new)
    for number, answers in enumerate(known(clone, old, combinations)):
        before = fresh(clone, old, answers, scratch / f"{number}-before")
        after = fresh(clone, new, answers, scratch / f"{number}-after")
        missing = contents(before).keys() - contents(after).keys()
        gone |= {path.replace("/falcon_service/", "/<package>/") for path in missing}
    named = entries(upgrading, old) if Version(old) < Version("1.0.0") else ""
    return {item for item in gone if f"`{item}`" not in named}


def changed_by_new_questions(
    clone: Path, old: str, new: str, answers: Answers, upgrading: str, scratch: Path
) -> set[str]:
    """Return the new questions whose default does not give what the release gave.

    A question answers for the files that differ with its answer.
    """
    before = contents(fresh(clone, old, answers, scratch / "before"))
    after = contents(fresh(clone, new, answers, scratch / "after"))
    found = set()
    for key in questions(clone, new).keys() - questions(clone, old).keys():
        question = questions(clone, new)[key]
        if question.get("when") is False:
            continue  # it is computed, and nobody can answer it
        for number, answer in enumerate(candidates(question) or [f"{question['default']}x"]):
            try:
                tree = fresh(clone, new, answers | {key: answer}, scratch / f"{key}-{number}")
            except ValueError:
                continue  # no answer beside these
            other = contents(tree)
            differing = {p for p in after.keys() | other.keys() if after.get(p) != other.get(p)}
            if any(before.get(p) != after.get(p) for p in differing - {ANSWERS_FILE}):
                found.add(key)
    return {key for key in found if f"`{key}`" not in entries(upgrading, old)}


@pytest.mark.parametrize("release", releases(ROOT))
def test_nothing_is_removed_without_a_word(versions: Path, tmp_path: Path, release: str) -> None:
    combinations = covering(COMBINATIONS)
    assert not broken(versions, release, NEXT, combinations, UPGRADING, tmp_path)


@pytest.mark.updates
@pytest.mark.parametrize("release", releases(ROOT))
def test_nothing_is_removed_in_any_combination(
    versions: Path, tmp_path: Path, release: str
) -> None:
    assert not broken(versions, release, NEXT, COMBINATIONS, UPGRADING, tmp_path)


@pytest.mark.parametrize("release", releases(ROOT))
@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(answers, id=name(answers), marks=[pytest.mark.updates] if number else [])
        for number, answers in enumerate(covering(COMBINATIONS))
    ],
)
def test_a_new_question_changes_nothing_by_itself(
    versions: Path, tmp_path: Path, release: str, answers: Answers
) -> None:
    for old in known(versions, release, [answers]):
        assert not changed_by_new_questions(versions, release, NEXT, old, UPGRADING, tmp_path)


# --- The watchers see what they are there for ----------------------------------------------------


@pytest.fixture
def scratch(versions: Path, tmp_path: Path) -> Path:
    """A clone to add versions to; the one of the working tree counts as release 0.9.0 there."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", str(versions), str(clone))
    for version in ("0.9.0", "1.0.0"):
        git(clone, "tag", version, NEXT)
    return clone


def replacing(before: str, after: str, name: str = "copier.yml") -> Callable[[Path], object]:
    def change(clone: Path) -> None:
        path = clone / name
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    return change


@pytest.mark.parametrize(
    ("change", "gone"),
    [
        (replacing('"MIT", ', ""), {"license: MIT"}),
        (replacing('"strict"', '"tough"'), {"asyncio_mode: strict"}),
        (replacing("user_email", "email"), {"user_email"}),
        (hard, {"src/<package>/realtime/outbox.py", "src/<package>/realtime/close_codes.py"}),
    ],
)
def test_a_removal_needs_an_entry(
    scratch: Path, tmp_path: Path, change: Callable[[Path], object], gone: set[str]
) -> None:
    add_version(scratch, "9100.0.0", change, base=NEXT)
    combinations = COMBINATIONS[:1] if change is hard else []

    def found(release: str, upgrading: str) -> set[str]:
        folder = tmp_path / f"{release}-{len(upgrading)}"
        return broken(scratch, release, "9100.0.0", combinations, upgrading, folder)

    named = " ".join(f"`{item}`" for item in gone)
    assert found("0.9.0", "") == gone
    assert not found("0.9.0", f"## Unreleased\n\n{named}\n")
    assert not found("0.9.0", f"## 0.10.0 - 2030-01-01\n\n{named}\n")
    assert found("0.9.0", f"## 0.9.0 - 2030-01-01\n\n {named}\n") == gone, "an old entry"
    assert found("1.0.0", f"## Unreleased\n\n{named}\n") == gone, "never again"


QUESTION = """
badge:
  type: bool
  help: A badge in README?
  default: {default}
"""


@pytest.mark.parametrize("default", ["true", "false"])
def test_a_default_that_changes_what_was_there_is_seen(
    scratch: Path, tmp_path: Path, default: str
) -> None:
    def change(clone: Path) -> None:
        config, readme = clone / "copier.yml", clone / "template/README.md.jinja"
        text = config.read_text(encoding="utf-8")
        config.write_text(text + QUESTION.format(default=default), encoding="utf-8")
        text = readme.read_text(encoding="utf-8")
        readme.write_text(f"{text}{{% if badge %}}\nBadge!\n{{% endif %}}\n", encoding="utf-8")

    add_version(scratch, "9100.0.0", change, base=NEXT)
    answers = COMBINATIONS[0]

    def found(upgrading: str) -> set[str]:
        folder = tmp_path / str(len(upgrading))
        return changed_by_new_questions(scratch, "0.9.0", "9100.0.0", answers, upgrading, folder)

    assert found("") == ({"badge"} if default == "true" else set())
    assert not found("## Unreleased\n\n`badge`\n")
