"""Free text: whatever the rules allow ends up in files that are fine, and nothing else is allowed.

`HYPOTHESIS_PROFILE=fuzz python -m pytest tests/test_texts.py` tries many more texts.
"""

import importlib.util
import keyword
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from .harness import gates
from .harness.enumeration import Answers
from .harness.rendering import render
from .test_questions import LONGEST, TEXTS, refusal

# design: one line, no blanks at either end, none of these; otherwise anything.
FORBIDDEN = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, 0xFFFE, 0xFFFF]))
BLANKS = "\u0020\u00a0\u1680\u2000\u2003\u200a\u202f\u205f\u3000"
characters = st.characters(exclude_categories=["Cs"], exclude_characters=FORBIDDEN)
# What means something in one of the formats where texts end up.
_SYNTAX = r'''
    " """ \ \n {{ }} {% %} {# # [ ] < > & ` | --- ... = %s $(x) ${X}
    null yes 1e3 !!python/x
'''
_UNICODE = "\u200d \u202e \ufeff \U0010ffff 🦅 é ß İ"
tokens = st.sampled_from([*_SYNTAX.split(), "'", *_UNICODE.split(" "), ": ", " #", "- ", "\u2003"])
names = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)*", fullmatch=True)
identifiers = st.from_regex(r"[a-z][a-z0-9_]*", fullmatch=True)
emails = st.from_regex(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", fullmatch=True
)


def texts(longest: int, shortest: int = 0) -> st.SearchStrategy[str]:
    """Return lines of free text as the rules want them."""
    pieces = st.lists(characters | tokens, max_size=longest).map("".join)
    return (
        pieces.map(lambda text: text[:longest].strip())
        .filter(lambda text: len(text) >= shortest)
        .filter(lambda text: not set(text) & set(FORBIDDEN))
    )


def is_free(name: str) -> bool:
    """Tell whether neither Python nor anything installed here has this name."""
    package = name.replace("-", "_")
    taken = keyword.iskeyword(package) or package in sys.stdlib_module_names
    return len(name) <= 40 and not taken and importlib.util.find_spec(package) is None


# Three of four services keep the names that follow from the first one.
answers = st.fixed_dictionaries(
    {
        "project_name": texts(LONGEST["project_name"], shortest=1),
        "project_description": texts(LONGEST["project_description"]),
        "user_name": texts(LONGEST["user_name"]),
        "user_email": st.just("") | emails.filter(lambda email: len(email) <= 100),
    },
    optional={
        "project_slug": names.filter(is_free),
        "package_name": identifiers.filter(is_free),
    },
)

_IMPORT_ALL = """
import importlib, pkgutil, sys
for folder in sys.argv[1:]:
    sys.path.insert(0, folder)
    names = {module.name for module in pkgutil.walk_packages([folder])}
    for name in names:
        importlib.import_module(name)
    for name in names:
        del sys.modules[name]
    sys.path.remove(folder)
"""


def test_what_the_rules_allow_is_safe(template: Path, tmp_path: Path) -> None:
    trees: list[Path] = []

    @given(answers)
    def renders(answers: Answers) -> None:
        tree = render(template, answers, tmp_path / "trees" / str(len(trees)))
        trees.append(tree)
        # A text may look like left-over Jinja: for other texts that is checked elsewhere.
        assert not [line for line in gates.hygiene(tree) if "left-over Jinja" not in line]
        recorded = yaml.safe_load((tree / ".copier-answers.yml").read_text(encoding="utf-8"))
        assert recorded | answers == recorded
        text = (tree / "pyproject.toml").read_text(encoding="utf-8")
        project = tomllib.loads(text)["project"]
        assert project["name"] == recorded["project_slug"]
        assert project["description"] == answers["project_description"]
        author = {"name": answers["user_name"], "email": answers["user_email"]}
        given_ones = {key: value for key, value in author.items() if value}
        assert project.get("authors", [{}]) == [given_ones]
        readme = (tree / "README.md").read_text(encoding="utf-8")
        assert readme.startswith(f"# {answers['project_name']}\n")
        assert answers["project_description"] in readme
        assert answers["user_name"] in (tree / "LICENSE").read_text(encoding="utf-8")
        assert (tree / "src" / recorded["package_name"] / "app.py").exists()

    renders()
    assert len(trees) >= 10
    # One process for all of them; a complaint names the tree, and that its answers.
    assert not gates.ruff(tmp_path / "trees")
    assert not gates.ruff_format(tmp_path / "trees")
    folders = [str(tree / "src") for tree in trees]
    subprocess.run([sys.executable, "-c", _IMPORT_ALL, *folders], check=True)


def inserted(text: str, position: int, character: str) -> str:
    """Return the text with the character at that position, or at its end."""
    return text[:position] + character + text[position:]


def spoiled(
    texts: st.SearchStrategy[str], longest: int, characters: st.SearchStrategy[str]
) -> st.SearchStrategy[str]:
    """Return texts that have one more character somewhere, and are not too long with it."""
    with_room = texts.filter(lambda text: len(text) < longest)
    return st.builds(inserted, with_room, st.integers(0, longest), characters)


def but(allowed: str) -> st.SearchStrategy[str]:
    """Return the characters that this pattern does not match."""
    return characters.filter(lambda character: not re.match(allowed, character))


def line(shortest: int = 0) -> st.SearchStrategy[str]:
    """Return a text that has room for one more character everywhere."""
    return texts(LONGEST["user_name"] - 1, shortest)


# Each breaks one rule of one question.
BROKEN: dict[str, tuple[list[str], st.SearchStrategy[str], str]] = {
    "a control character": (
        TEXTS,
        spoiled(texts(LONGEST["user_name"]), LONGEST["user_name"], st.sampled_from(FORBIDDEN)),
        "Use one line without control characters.",
    ),
    "a blank before": (
        TEXTS,
        st.builds(str.__add__, st.sampled_from(BLANKS), line(shortest=1)),
        "Remove the blanks at the beginning and at the end.",
    ),
    "a blank behind": (
        TEXTS,
        st.builds(str.__add__, line(shortest=1), st.sampled_from(BLANKS)),
        "Remove the blanks at the beginning and at the end.",
    ),
    "too long": (
        TEXTS,
        st.text("aä🦅", min_size=201, max_size=250),
        "Use at most ",
    ),
    "a character that no slug has": (
        ["project_slug"],
        spoiled(names.filter(is_free), 40, but("[a-z0-9-]")),
        "(at most 40): falcon-service",
    ),
    "hyphens that no slug has": (
        ["project_slug"],
        st.builds("{}{}".format, names.filter(is_free), st.sampled_from(["-", "--x"]))
        | names.filter(is_free).map("-{}".format),
        "(at most 40): falcon-service",
    ),
    "a slug that is too long": (
        ["project_slug"],
        st.from_regex("[a-z0-9]{41,60}", fullmatch=True),
        "(at most 40): falcon-service",
    ),
    "a character that no package has": (
        ["package_name"],
        spoiled(identifiers.filter(is_free), 40, but("[a-z0-9_]")),
        "(at most 40): falcon_service",
    ),
    "a package that does not begin with a letter": (
        ["package_name"],
        st.from_regex("[0-9_][a-z0-9_]{0,39}", fullmatch=True),
        "(at most 40): falcon_service",
    ),
    "a package that is taken": (
        ["package_name"],
        st.sampled_from(sorted(sys.stdlib_module_names)).filter(
            lambda name: re.fullmatch("[a-z][a-z0-9_]*", name)
        ),
        "Take a name that is free, such as ",
    ),
    "no address": (
        ["user_email"],
        spoiled(emails, 100, st.sampled_from('@ "(),:;<>[\\]ä\n')),
        "Use an address such as ada@example.org, or leave it empty.",
    ),
}


@pytest.mark.parametrize(("keys", "broken", "message"), BROKEN.values(), ids=BROKEN)
def test_what_breaks_one_rule_is_refused(
    template: Path, tmp_path: Path, keys: list[str], broken: st.SearchStrategy[str], message: str
) -> None:
    @given(st.sampled_from(keys), broken)
    def refuses(key: str, text: str) -> None:
        assert message in refusal(template, tmp_path, **{key: text})

    refuses()
