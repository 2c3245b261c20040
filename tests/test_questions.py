"""The questions: what is a good answer, what is refused and how, and what the defaults are."""

import keyword
import os
import pty
import re
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import COMBINATIONS, ROOT
from .harness import gates
from .harness.enumeration import accepts, questions
from .harness.rendering import render

TEXTS = ["project_name", "project_description", "user_name"]
LONGEST = {"project_name": 100, "project_description": 200, "user_name": 100}


def refusal(template: Path, tmp_path: Path, **answers: Any) -> str:
    """Return the message with which an answer is refused."""
    with pytest.raises(ValueError, match="Validation error") as caught:
        render(template, answers, tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    # A terminal of 80 columns shows one line, and adds its own words.
    message = str(caught.value).partition(": ")[2]
    assert len(message) <= 60
    return message


def test_the_source_has_nothing_that_copier_passes_over(template: Path) -> None:
    assert not gates.source(template)


@pytest.mark.parametrize(
    "key", [k for k, q in questions(ROOT).items() if q.get("when") is not False]
)
def test_each_question_explains_itself(key: str) -> None:
    question = questions(ROOT)[key]
    assert question["type"] in {"str", "bool"}
    assert question["help"].endswith((".", "?"))
    assert all(20 < len(line) <= 60 for line in question["help"].splitlines())
    assert all(len(label) <= 60 for label in question.get("choices", []))
    assert re.search(r"later|update", question["help"]), "can it be changed later?"


@pytest.mark.parametrize(
    "text", ["Ünï - 👩‍🚀", 'say "hi"', r"back\slash", "{{ x }}", "{% x %}", "'"]
)
@pytest.mark.parametrize("key", TEXTS)
def test_free_text_may_be_almost_anything(template: Path, key: str, text: str) -> None:
    assert accepts(template, {key: text})


@pytest.mark.parametrize("text", ["a\nb", "a\tb", "\x00", "a\x7f", "a\x85b", "a\u2028b", "\uffff"])
@pytest.mark.parametrize("key", TEXTS)
def test_control_characters_are_refused(
    template: Path, tmp_path: Path, key: str, text: str
) -> None:
    assert "control characters" in refusal(template, tmp_path, **{key: text})


@pytest.mark.parametrize("text", [" a", "a ", "\u3000a"])
@pytest.mark.parametrize("key", TEXTS)
def test_blanks_around_a_text_are_refused(
    template: Path, tmp_path: Path, key: str, text: str
) -> None:
    assert "Remove the blanks" in refusal(template, tmp_path, **{key: text})


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_has_a_longest_length(template: Path, tmp_path: Path, key: str) -> None:
    longest = LONGEST[key]
    assert accepts(template, {key: "x" * longest})
    message = refusal(template, tmp_path, **{key: "x" * (longest + 1)})
    assert f"at most {longest} characters; these are {longest + 1}" in message


def test_a_service_needs_a_name_and_nothing_else(template: Path, tmp_path: Path) -> None:
    assert "for example: Falcon Service" in refusal(template, tmp_path, project_name="")
    assert accepts(template, {"project_description": "", "user_name": "", "user_email": ""})


@pytest.mark.parametrize("slug", ["a", "0", "a-b-c", "x" * 40, "service-2"])
def test_a_good_slug(template: Path, slug: str) -> None:
    assert accepts(template, {"project_slug": slug})


@pytest.mark.parametrize(
    "slug", ["", "A", "a_b", "a--b", "-a", "a-", "a.b", "ä", "a b", "x" * 41, "a\n", "../a"]
)
def test_a_slug_that_is_not_pep_503(template: Path, tmp_path: Path, slug: str) -> None:
    assert "(at most 40): falcon-service" in refusal(template, tmp_path, project_slug=slug)


@pytest.mark.parametrize("slug", ["falcon", "pydantic-settings", "msgspec", "asyncio", "tests"])
def test_a_slug_that_is_taken(template: Path, tmp_path: Path, slug: str) -> None:
    message = refusal(template, tmp_path, project_slug=slug, package_name="fine")
    assert f"free, such as {slug}-service" in message


@pytest.mark.parametrize("package", ["a", "a1", "a_b", "x" * 40])
def test_a_good_package_name(template: Path, package: str) -> None:
    assert accepts(template, {"package_name": package})


@pytest.mark.parametrize(
    "package", ["", "A", "1a", "_a", "a-b", "a.b", "ä", "x" * 41, "a\n", "../a", "a/b"]
)
def test_a_package_name_that_is_no_identifier(template: Path, tmp_path: Path, package: str) -> None:
    message = refusal(template, tmp_path, package_name=package)
    assert "(at most 40): falcon_service" in message


@pytest.mark.parametrize(
    "package", ["falcon", "tests", "asgi", "msgspec", "redis", "jwt", "json", "class", "async"]
)
def test_a_package_name_that_is_taken(template: Path, tmp_path: Path, package: str) -> None:
    message = refusal(template, tmp_path, package_name=package)
    assert f"free, such as {package}_service" in message


def test_every_module_and_keyword_is_taken(template: Path) -> None:
    names = {*sys.stdlib_module_names, *keyword.kwlist}
    public = {name for name in names if re.fullmatch("[a-z][a-z0-9_]*", name)}
    assert not [name for name in sorted(public) if accepts(template, {"package_name": name})]


@pytest.mark.parametrize("email", ["", "ada@example.org", "a+b.c@sub.example.org"])
def test_a_good_address(template: Path, email: str) -> None:
    assert accepts(template, {"user_email": email})


@pytest.mark.parametrize(
    "email", ["ada", "@", "a@", "@b", "a b@c", "Ada <a@b.c>", "a@b\n", "ä@b.c", "a@b" + "c" * 100]
)
def test_an_address_that_is_none(template: Path, tmp_path: Path, email: str) -> None:
    assert "such as ada@example.org" in refusal(template, tmp_path, user_email=email)


def test_no_media_handler_is_not_enough(template: Path, tmp_path: Path) -> None:
    assert "at least one" in refusal(template, tmp_path, media_handlers=[])


@pytest.mark.parametrize("text", ["a", "chat.v2, chat.v1", "a,b", "x.json", "!#$%&'*+-.^_`|~9Az"])
def test_good_subprotocols(template: Path, text: str) -> None:
    assert accepts(template, {"subprotocols": text})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",", "as in: chat.v2, chat.v1"),
        ("a b", "as in: chat.v2, chat.v1"),
        ('a"', "as in: chat.v2, chat.v1"),
        ("a/b", "as in: chat.v2, chat.v1"),
        ("{x}", "as in: chat.v2, chat.v1"),
        ("ä", "as in: chat.v2, chat.v1"),
        ("a, b, a", "subprotocol once: a"),
        ("a.msgpack", "Choose msgpack in media_handlers, or change .msgpack"),
        (f"{'x' * 49},{'x' * 49}", f"subprotocol once: {'x' * 29}…"),
        ("x" * 101, "at most 100 characters"),
        ("a,\nb", "one line"),
    ],
)
def test_bad_subprotocols(template: Path, tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(template, tmp_path, subprotocols=text)


def test_a_hidden_question_changes_nothing(template: Path, tmp_path: Path) -> None:
    # `--data` gets the answer in, which no person could give.
    hidden = render(template, {"subprotocol_required": True}, tmp_path / "hidden")
    plain = render(template, {}, tmp_path / "plain")
    a, b = (
        {p.relative_to(tree): p.read_bytes() for p in tree.rglob("*") if p.is_file()}
        for tree in (hidden, plain)
    )
    assert a == b
    assert not accepts(template, {"subprotocol_required": True})


def test_two_formats_of_one_frame_type_are_too_many(template: Path, tmp_path: Path) -> None:
    message = refusal(template, tmp_path, media_handlers=["msgpack", "cbor"])
    assert "Choose msgpack or cbor: BINARY" in message


@pytest.mark.parametrize(
    ("project_name", "slug", "package"),
    [
        ("Falcon Service", "falcon-service", "falcon_service"),
        ("Chat 2.0!", "chat-2-0", "chat_2_0"),
        ("  Ünï", None, None),
        ("Приложение 👩‍🚀", "falcon-service", "falcon_service"),
        ("Falcon", "falcon-service", "falcon_service"),
        ("Json", "json-service", "json_service"),
        ("Class", "class-service", "class_service"),
        ("3 Rooms", "3-rooms", "service_3_rooms"),
        ("x" * 100, "x" * 40, "x" * 40),
        ("a" * 39 + " b", "a" * 39, "a" * 39),
        ("1" * 100, "1" * 40, "service_" + "1" * 32),
    ],
)
def test_names_follow_from_the_name_of_the_service(
    template: Path, tmp_path: Path, project_name: str, slug: str | None, package: str | None
) -> None:
    if slug is None:
        refusal(template, tmp_path, project_name=project_name)
        return
    tree = render(template, {"project_name": project_name}, tmp_path / "project")
    answers = yaml.safe_load((tree / ".copier-answers.yml").read_text(encoding="utf-8"))
    assert (answers["project_slug"], answers["package_name"]) == (slug, package)


def test_a_persons_own_settings_fill_in_the_author(
    template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "settings.yml"
    settings.write_text("defaults: {user_name: Ada, user_email: ada@example.org}\n")
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))
    tree = render(template, {}, tmp_path / "project")
    assert 'authors = [{ name = "Ada", email = "ada@example.org" }]' in (
        tree / "pyproject.toml"
    ).read_text(encoding="utf-8")


def converse(command: list[str], keys: list[bytes]) -> str:
    """Run a command in a terminal; press the next key each time it has nothing more to say."""
    process, terminal = pty.fork()
    if process == 0:
        os.execv(command[0], command)  # noqa: S606
    output, answered = b"", 0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        ready, _, _ = select.select([terminal], [], [], 0.3)
        if ready:
            try:
                output += os.read(terminal, 65536)
            except OSError:
                break
            if b"\x1b[6n" in output[-16:]:
                os.write(terminal, b"\x1b[1;1R")
        elif keys and len(output) > answered:
            # Silence before the next question has come is only a slow machine.
            answered = len(output)
            os.write(terminal, keys.pop(0))
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, output.decode()
    return output.decode()


def test_a_person_answers_at_the_terminal(template: Path, tmp_path: Path) -> None:
    down, enter = b"\x1b[B", b"\r"
    keys = [b"\x15Chat\r", enter, enter, enter, b"Ada\r", enter, down + enter, down + enter]
    output = converse(
        [sys.executable, "-m", "copier", "copy", str(template), str(tmp_path / "chat")],
        [*keys, down + b" " + enter, b"a.v1\r", b"y", down + enter, down + enter, b"n"],
    )
    answers = yaml.safe_load((tmp_path / "chat/.copier-answers.yml").read_text(encoding="utf-8"))
    assert answers["project_name"] == "Chat"
    assert answers["package_name"] == "chat"
    assert answers["user_name"] == "Ada"
    assert answers["license"] == "Apache-2.0"
    assert answers["auth_style"] == "ticket"
    assert answers["media_handlers"] == ["json", "msgpack"]
    assert answers["subprotocols"] == "a.v1"
    assert answers["subprotocol_required"] is True
    assert answers["asyncio_mode"] == "strict"
    assert answers["ci"] == "gitlab"
    assert answers["container"] is False
    assert "Enter takes the default" in output


def test_the_command_says_what_to_do_next_in_eight_lines(template: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "copier", "copy", "--defaults"]
    result = subprocess.run(
        [*command, str(template), str(tmp_path / "My Service")],
        capture_output=True,
        text=True,
        check=True,
    )
    _, _, after = result.stderr.partition("Falcon Service is in")
    lines = after.strip().splitlines()
    assert len(lines) <= 8
    assert str(tmp_path / "My Service") in lines[0]
    # An untracked `uv.lock` would make the first `copier update` refuse.
    assert after.index("uv sync") < after.index("git add .")
    assert "uv run python -m falcon_service --dev" in after


def test_identity_is_asked_once(template: Path) -> None:
    asked_once = {key for key, question in questions(ROOT).items() if "ask" in question}
    assert asked_once == {
        "project_name",
        "project_slug",
        "package_name",
        "project_description",
        "user_name",
        "user_email",
    }
    for key in asked_once:
        assert questions(ROOT)[key]["ask"] == "{{ " + key + " is not defined }}"


def test_the_combinations_are_those_of_the_design() -> None:
    assert len(COMBINATIONS) == 6 * 5 * 3 * 2
