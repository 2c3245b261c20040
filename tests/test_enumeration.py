"""The enumeration: neither more nor less than what a person can answer, for any template."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from copier import run_copy
from copier.errors import CopierAnswersInterrupt
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput

from .conftest import COMBINATIONS, ROOT, no_subprotocols, two_subprotocols
from .harness.enumeration import (
    Answers,
    Representative,
    accepts,
    candidates,
    combinations,
    covering,
    name,
    questions,
)
from .harness.rendering import snapshot

ANSWERS_FILE = "{{ _copier_conf.answers_file }}.jinja"
ABSENT = object()
DOWN, ENTER, CLEAR, INTERRUPT = "\x1b[B", "\r", "\x15", "\x03"
IDENTITY = {
    "project_name": "Chat",
    "project_slug": "chat",
    "package_name": "chat",
    "project_description": "",
    "user_name": "",
    "user_email": "",
    "license": "MIT",
    "ci": "none",
    "container": False,
}
AUTH_STYLES = ["none", "api_key", "jwt", "cookie", "ticket", "message"]
MEDIA_HANDLERS = [
    [],
    ["json"],
    ["msgpack"],
    ["cbor"],
    ["json", "msgpack"],
    ["json", "cbor"],
    ["msgpack", "cbor"],
    ["json", "msgpack", "cbor"],
]
BEHAVIOUR = ["auth_style", "media_handlers", "subprotocols", "subprotocol_required", "asyncio_mode"]


@pytest.fixture(scope="module")
def only_questions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template's questions, and of its files none but the one that records the answers."""
    template = snapshot(ROOT, tmp_path_factory.mktemp("questions") / "template")
    for path in sorted((template / "template").rglob("*"), reverse=True):
        if path.name != ANSWERS_FILE:
            path.unlink() if path.is_file() else path.rmdir()
    return template


def recorded(template: Path, data: Answers, destination: Path) -> Answers | None:
    """Return the answers that Copier, as anybody runs it, makes of these; None if it refuses."""
    try:
        run_copy(str(template), destination, data=data, defaults=True, quiet=True)
    except ValueError:
        return None
    text = (destination / ".copier-answers.yml").read_text(encoding="utf-8")
    answers: Answers = yaml.safe_load(text)
    return answers


def behaviour(answers: Answers) -> Answers:
    """Return the answers that the combinations are made of, in the order of the questions."""
    return {key: answers[key] for key in BEHAVIOUR if key in answers}


def product(**options: Sequence[Any]) -> Iterator[Answers]:
    """Yield every choice of one option for each key; a key whose option is ABSENT is left out."""
    for values in itertools.product(*options.values()):
        yield {k: v for k, v in zip(options, values, strict=True) if v is not ABSENT}


def test_the_combinations_are_all_answers_that_copier_takes_and_records(
    only_questions: Path, tmp_path: Path
) -> None:
    taken = []
    every = product(
        auth_style=AUTH_STYLES,
        media_handlers=MEDIA_HANDLERS,
        subprotocols=[no_subprotocols, two_subprotocols],
        subprotocol_required=[ABSENT, False, True],
        asyncio_mode=["auto", "strict"],
    )
    for number, answers in enumerate(every):
        answers["subprotocols"] = answers["subprotocols"](answers)
        # What `--data` says of a hidden question is not recorded: no person could say it.
        found = recorded(only_questions, answers, tmp_path / str(number))
        if found is not None and behaviour(found) == answers:
            taken.append(answers)
    assert number + 1 == 6 * 8 * 2 * 3 * 2
    assert sorted(taken, key=str) == sorted(COMBINATIONS, key=str)


def test_copier_refuses_what_is_no_combination(only_questions: Path) -> None:
    assert accepts(only_questions, COMBINATIONS[0])
    assert not accepts(only_questions, COMBINATIONS[0] | {"media_handlers": []})
    assert not accepts(only_questions, COMBINATIONS[0] | {"auth_style": "unknown"})


def keys(question: Mapping[str, Any], answer: Any) -> str:
    """Return what a person types to give that answer."""
    choices = question.get("choices", [])
    values = list(choices.values() if isinstance(choices, dict) else choices)
    default = question["default"]
    if question.get("multiselect"):
        toggles = [" " if (value in answer) != (value in default) else "" for value in values]
        return DOWN.join(toggles) + ENTER
    if values:
        return DOWN * ((values.index(answer) - values.index(default)) % len(values)) + ENTER
    if question["type"] == "bool":
        return "y" if answer else "n"
    return f"{CLEAR}{answer}{ENTER}"


def converse(
    template: Path, given: Answers, data: Answers, destination: Path
) -> tuple[str | None, Answers]:
    """Type these answers at Copier's prompts, and then Ctrl+C.

    Return the question where that ended, which is one of those given if its answer was refused;
    or None and the recorded answers if there was nothing left to ask.
    """
    asked = questions(template)
    typed = "".join(keys(asked[key], answer) for key, answer in given.items())
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        pipe.send_text(typed + INTERRUPT)
        try:
            run_copy(str(template), destination, data=data, quiet=True)
        except CopierAnswersInterrupt as interrupt:
            return interrupt.last_question.var_name, {}
    text = (destination / ".copier-answers.yml").read_text(encoding="utf-8")
    return None, yaml.safe_load(text)


class Person:
    """Tries every answer at every prompt."""

    def __init__(
        self,
        template: Path,
        scratch: Path,
        texts: Mapping[str, Sequence[Representative]],
        data: Answers,
    ) -> None:
        self._template = template
        self._scratch = scratch
        self._texts = texts
        self._data = data
        self._number = 0

    def reach(self, given: Answers) -> Iterator[Answers]:
        """Yield every way to go on from these answers to the end."""
        self._number += 1
        destination = self._scratch / str(self._number)
        pending, answers = converse(self._template, given, self._data, destination)
        if pending is None:
            assert {key: answers[key] for key in given} == given
            yield given
        elif pending not in given:
            for answer in self._answers(pending, given):
                yield from self.reach(given | {pending: answer})

    def _answers(self, key: str, given: Answers) -> list[Any]:
        if key in self._texts:
            return [make(self._data | given) for make in self._texts[key]]
        return candidates(questions(self._template)[key])


def test_a_person_reaches_the_combinations_and_no_others(
    only_questions: Path, tmp_path: Path
) -> None:
    # The two answers that nothing depends on are given; they have their turn in the next test.
    given = {"auth_style": "jwt", "asyncio_mode": "strict"}
    texts = {"subprotocols": [no_subprotocols, two_subprotocols]}
    person = Person(only_questions, tmp_path, texts, IDENTITY | given)
    reached = [behaviour(answers | given) for answers in person.reach({})]
    expected = [answers for answers in COMBINATIONS if given.items() <= answers.items()]
    assert sorted(map(str, reached)) == sorted(map(str, expected))
    assert len(reached) == 15


@pytest.mark.parametrize("answers", covering(COMBINATIONS), ids=name)
def test_a_person_answers_what_is_asked_and_gets_it(
    only_questions: Path, tmp_path: Path, answers: Answers
) -> None:
    pending, found = converse(only_questions, answers, IDENTITY, tmp_path / "project")
    assert pending is None
    assert behaviour(found) == answers


# Two templates that the harness has never seen, and what can be answered to them, by hand.
PLUGINS = """\
size: {type: int, choices: [1, 2], default: 1}
fast: {type: bool, default: false}
plugins:
  type: str
  multiselect: true
  choices: {Alpha: a, Beta: b}
  default: []
  validator: "{% if plugins | length > size %}Choose at most {{ size }}{% endif %}"
level: {type: str, choices: [low, high], default: low, when: "{{ fast and 'a' in plugins }}"}
sure: {type: bool, default: true, when: "{{ level == 'high' }}"}
constant: {type: str, choices: [x, y], default: x, when: false}
"""
PLUGIN_ANSWERS = [
    (1, False, "", None, None),
    (1, False, "a", None, None),
    (1, False, "b", None, None),
    (1, True, "", None, None),
    (1, True, "a", "low", None),
    (1, True, "a", "high", False),
    (1, True, "a", "high", True),
    (1, True, "b", None, None),
    (2, False, "", None, None),
    (2, False, "a", None, None),
    (2, False, "b", None, None),
    (2, False, "ab", None, None),
    (2, True, "", None, None),
    (2, True, "a", "low", None),
    (2, True, "a", "high", False),
    (2, True, "a", "high", True),
    (2, True, "b", None, None),
    (2, True, "ab", "low", None),
    (2, True, "ab", "high", False),
    (2, True, "ab", "high", True),
]
TITLE = """\
kind: {type: str, choices: [plain, grand], default: plain}
title:
  type: str
  default: "{{ '' if kind == 'plain' else 'untitled' }}"
  validator: "{% if kind == 'grand' and not title %}What is grand has a title{% endif %}"
aloud: {type: bool, default: false, when: "{{ title != '' }}"}
"""
TITLE_ANSWERS = [
    {"kind": "plain", "title": ""},
    {"kind": "plain", "title": "the plain one", "aloud": False},
    {"kind": "plain", "title": "the plain one", "aloud": True},
    {"kind": "grand", "title": "the grand one", "aloud": False},
    {"kind": "grand", "title": "the grand one", "aloud": True},
]
TITLES: dict[str, list[Representative]] = {
    "title": [lambda answers: "", lambda answers: f"the {answers['kind']} one"]
}


def plugin_answers() -> list[Answers]:
    """Return the table above as answers."""
    rows = [
        {"size": size, "fast": fast, "plugins": list(letters), "level": level, "sure": sure}
        for size, fast, letters, level, sure in PLUGIN_ANSWERS
    ]
    return [{key: value for key, value in row.items() if value is not None} for row in rows]


@pytest.mark.parametrize(
    ("config", "texts", "expected"),
    [(PLUGINS, {}, plugin_answers()), (TITLE, TITLES, TITLE_ANSWERS)],
    ids=["plugins", "title"],
)
def test_another_template_is_enumerated_as_well(
    tmp_path: Path,
    config: str,
    texts: dict[str, list[Representative]],
    expected: list[Answers],
) -> None:
    template = tmp_path / "template"
    template.mkdir()
    (template / "copier.yml").write_text(config, encoding="utf-8")
    (template / ANSWERS_FILE).write_text("{{ _copier_answers | to_nice_yaml }}", encoding="utf-8")
    found = list(combinations(template, texts=texts))
    assert sorted(map(str, found)) == sorted(map(str, expected))
    reached = list(Person(template, tmp_path, texts, {}).reach({}))
    assert sorted(map(str, reached)) == sorted(map(str, expected))
    assert all(accepts(template, answers) for answers in expected)


def test_what_a_person_cannot_say_is_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "copier.yml").write_text(PLUGINS, encoding="utf-8")
    options: dict[str, Sequence[Any]] = {
        "size": [1, 2],
        "fast": [False, True],
        "plugins": [[], *(list(letters) for letters in ("a", "b", "ab"))],
        "level": [ABSENT, "low", "high"],
        "sure": [ABSENT, False, True],
    }
    expected = plugin_answers()
    # To leave a question that is asked to its default is fine, to answer a hidden one is not.
    for answers in product(**options):
        complete = [whole for whole in expected if answers.items() <= whole.items()]
        assert accepts(tmp_path, answers) == bool(defaulted(complete, answers)), answers
    assert not accepts(tmp_path, {"constant": "y"})


def defaulted(complete: list[Answers], answers: Answers) -> list[Answers]:
    """Return those that only add defaults to the answers."""
    defaults = {"level": "low", "sure": True}
    return [
        whole
        for whole in complete
        if all(whole[key] == defaults.get(key) for key in set(whole) - set(answers))
    ]
