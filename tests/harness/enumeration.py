"""Every combination of answers that a person can reach."""

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from copier._main import Worker

Answers = dict[str, Any]
Representative = Callable[[Answers], str]
"""Makes an answer to a question with free text, of the answers before it."""


def questions(template: Path) -> dict[str, dict[str, Any]]:
    """Return the questions of `copier.yml` in the order in which they are asked."""
    config = yaml.safe_load((template / "copier.yml").read_text(encoding="utf-8"))
    return {key: value for key, value in config.items() if not key.startswith("_")}


def candidates(question: Mapping[str, Any]) -> list[Any]:
    """Return every answer that the form of a question allows; none for free text."""
    choices = question.get("choices", [])
    values = list(choices.values() if isinstance(choices, dict) else choices)
    if question.get("multiselect"):
        sizes = range(len(values) + 1)
        return [list(subset) for size in sizes for subset in itertools.combinations(values, size)]
    if question.get("type") == "bool":
        return [False, True]
    return values


def hidden(template: Path, answers: Answers) -> set[str] | None:
    """Return the questions that Copier would not ask beside these answers; None if it refuses them.

    What counts is Copier's own word: nothing of its rules is repeated here.
    """
    worker = Worker(src_path=str(template), data=dict(answers), defaults=True, quiet=True)
    try:
        worker._ask()
    except ValueError:
        return None
    return worker.answers.hidden


def accepts(template: Path, answers: Answers) -> bool:
    """Tell whether a person can give these answers.

    `--data` would get the value of a hidden question in, which no person can.
    """
    return (unasked := hidden(template, answers)) is not None and not unasked & set(answers)


def combinations(
    template: Path, apart: Collection[str] = (), texts: Mapping[str, Sequence[Representative]] = {}
) -> Iterator[Answers]:
    """Yield every reachable combination of all questions with choices, but for those `apart`.

    Free text gets its default, or each of its representatives in `texts`; the questions set apart
    get their defaults. A question that is hidden is not in the combination.
    """
    options = {
        key: texts.get(key) or candidates(question)
        for key, question in questions(template).items()
        if key not in apart and (key in texts or candidates(question))
    }
    # A question that `when` can hide may have to be left out: Copier says when.
    absent = object()
    conditional = {key for key in options if questions(template)[key].get("when", True) is not True}
    axes = [
        [(key, value) for value in ([*values, absent] if key in conditional else values)]
        for key, values in options.items()
    ]
    for pairs in itertools.product(*axes):
        answers: Answers = {}
        for key, value in pairs:
            if value is not absent:
                answers[key] = value(answers) if key in texts else value
        unasked = hidden(template, answers)
        if unasked is not None and unasked & set(options) == set(options) - set(answers):
            yield answers


def covering(combinations: Sequence[Answers]) -> list[Answers]:
    """Return some combinations that have every answer among them, for what is too slow for all."""
    missing = {pair for answers in combinations for pair in _pairs(answers)}
    chosen = []
    while missing:
        best = max(combinations, key=lambda answers: len(missing & _pairs(answers)))
        chosen.append(best)
        missing -= _pairs(best)
    return chosen


def _pairs(answers: Answers) -> set[tuple[str, str]]:
    return {(key, str(value)) for key, value in answers.items()}


def name(answers: Answers) -> str:
    """Return a short name for a combination: its values, or keys for free texts and switches."""
    parts = []
    for key, value in answers.items():
        if isinstance(value, list):
            parts.append("+".join(value))
        elif isinstance(value, str) and value.isidentifier():
            parts.append(value)
        elif value:
            parts.append(key)
    return "-".join(parts)


def arguments(answers: Answers) -> list[str]:
    """Return a combination as KEY=VALUE words, as the command line takes them."""
    return [
        f"{key}=[{','.join(value)}]" if isinstance(value, list) else f"{key}={value}"
        for key, value in answers.items()
    ]
