"""The gates can go red: faults in copies of the template, and which gate catches each of them.

The faults themselves are data: tests/faults/*.toml.
"""

import re
import warnings
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import DummyInput
from prompt_toolkit.output import DummyOutput

from .conftest import COMBINATIONS, ROOT
from .harness import gates
from .harness.enumeration import Answers, accepts
from .harness.faults import Fault, injected, misfits, read
from .harness.forkserver import ForkServer
from .harness.rendering import render, snapshot

GATES = [
    "source",
    "render",
    "enumeration",
    "repeatable",
    "hygiene",
    "ruff check",
    "ruff format",
    "deptry",
    "mypy",
    "suite",
    "coverage",
]

FAULTS = read(ROOT / "tests" / "faults", GATES)


@dataclass(frozen=True)
class Trial:
    """What a gate is to look at: a fault, or the template as it is."""

    gate: str
    answers: Answers
    evidence: str
    fault: Fault | None = None

    def __str__(self) -> str:
        """Return it as the name of a test."""
        if self.fault is None:
            return f"{self.gate}: nothing, {' '.join(map(str, self.answers.values()))}"
        elsewhere = "" if self.answers == self.fault.answers else ", elsewhere"
        return f"{self.fault}{elsewhere}"


def refusal(template: Path, answers: Answers, scratch: Path) -> list[str]:
    """Return why Copier, without trust or a person to ask, does not render these answers."""
    with (
        create_app_session(input=DummyInput(), output=DummyOutput()),
        # Copier leaves an iterator over a folder open when it stops half-way.
        warnings.catch_warnings(action="ignore", category=ResourceWarning),
    ):
        try:
            render(template, answers, scratch / "rendered")
        except Exception as error:
            return [f"{type(error).__name__}: {error}"]
    return []


def enumeration(template: Path) -> list[str]:
    """Return the answers that can be given and are no combination, or the other way round."""
    alike = {"auth_style": "none", "asyncio_mode": "auto"}
    candidates = [
        alike | {"media_handlers": media} | rest
        for media in (["json"], ["cbor"], ["msgpack", "cbor"])
        for rest in ({"subprotocols": ""}, {"subprotocols": "", "subprotocol_required": True})
    ]
    return [str(a) for a in candidates if accepts(template, a) != (a in COMBINATIONS)]


def repeated(template: Path, answers: Answers, scratch: Path) -> list[str]:
    """Return the files that differ when the same answers are rendered again."""
    one, two = (render(template, answers, scratch / place) for place in ("one", "two"))
    paths = [path.relative_to(one) for path in gates.files(one)]
    return [str(path) for path in paths if (one / path).read_bytes() != (two / path).read_bytes()]


def judge(gate: str, template: Path, answers: Answers, scratch: Path) -> list[str] | None:
    """Return what a gate on the template says; None if it is a gate on what is rendered."""
    match gate:
        case "source":
            return gates.source(template)
        case "render":
            return refusal(template, answers, scratch)
        case "enumeration":
            return enumeration(template)
        case "repeatable":
            return repeated(template, answers, scratch)
    return None


def inspect(gate: str, tree: Path, evidence: str, server: ForkServer) -> list[str]:
    """Return what a gate says of a rendered project; a suite runs the tests that are named."""
    match gate:
        case "hygiene":
            return gates.hygiene(tree)
        case "ruff check":
            return gates.ruff(tree)
        case "ruff format":
            return gates.ruff_format(tree)
        case "deptry":
            return gates.dependencies([tree], gates.only_run(ROOT))
        case "suite":
            return server.submit(tree, "-x", *evidence.split(), coverage=False).result().complaints
        case "coverage":
            return gates.suite(tree)
    raise ValueError(gate)


Outcomes = dict[str, Future[list[str]]]


def start(
    trial: Trial, template: Path, place: Path, pool: Executor, server: ForkServer
) -> Future[list[str]]:
    """Inject the fault into the copy of the template and have its gate look at it."""
    place.mkdir()
    with injected(trial.fault, template) if trial.fault else nullcontext():
        found = judge(trial.gate, template, trial.answers, place)
        if found is None:
            tree = render(template, trial.answers, place / "project")
            return pool.submit(inspect, trial.gate, tree, trial.evidence, server)
    outcome: Future[list[str]] = Future()
    outcome.set_result(found)
    return outcome


@pytest.fixture(scope="module")
def outcomes(
    request: pytest.FixtureRequest,
    _isolated: None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcomes]:
    """What the gates say in the tests that are asked for; the slow ones run side by side."""
    specs = [getattr(item, "callspec", None) for item in request.session.items]
    asked = {spec.id: spec.params["trial"] for spec in specs if spec and "trial" in spec.params}
    scratch = tmp_path_factory.mktemp("faults")
    template = snapshot(ROOT, scratch / "template")
    with (
        ForkServer(2, environment=gates.environment()) as server,
        ThreadPoolExecutor(2) as pool,
    ):
        outcomes: Outcomes = {}
        for number, (key, trial) in enumerate(asked.items()):
            try:
                outcomes[key] = start(trial, template, scratch / str(number), pool, server)
            except Exception as error:
                outcomes[key] = Future()
                outcomes[key].set_exception(error)
        yield outcomes


SHOWN = [
    Trial(fault.gate, fault.answers, fault.evidence, fault)
    for fault in FAULTS
    if fault.gate != "mypy"
]


@pytest.mark.parametrize("trial", SHOWN, ids=str)
def test_a_fault_is_caught(trial: Trial, outcomes: Outcomes) -> None:
    lines = outcomes[str(trial)].result()
    if trial.gate == "suite":
        assert any(re.match(rf"(FAILED|ERROR) {trial.evidence}\b", line) for line in lines), lines
    else:
        assert trial.evidence in "\n".join(lines)


UNSEEN = [
    Trial(fault.gate, fault.unseen, fault.evidence, fault)
    for fault in FAULTS
    if fault.unseen is not None
]


@pytest.mark.parametrize("trial", UNSEEN, ids=str)
def test_another_combination_does_not_show_it(trial: Trial, outcomes: Outcomes) -> None:
    assert not outcomes[str(trial)].result(), "so a sample of combinations would be enough"


def sound() -> list[Trial]:
    """Return no fault for each gate and answers, with the evidence of all the faults there."""
    found: dict[str, Trial] = {}
    for fault in FAULTS:
        # What every combination passes as a whole is a matter of test_combinations.py.
        if fault.gate not in {"coverage", "mypy"}:
            trial = Trial(fault.gate, fault.answers, fault.evidence)
            before = found.get(str(trial), trial).evidence.split()
            evidence = " ".join(sorted({*before, *fault.evidence.split()}))
            found[str(trial)] = replace(trial, evidence=evidence)
    return list(found.values())


@pytest.mark.parametrize("trial", sound(), ids=str)
def test_without_a_fault_nobody_complains(trial: Trial, outcomes: Outcomes) -> None:
    assert not outcomes[str(trial)].result()


def test_type_errors_are_caught(tmp_path: Path) -> None:
    faults = [fault for fault in FAULTS if fault.gate == "mypy"]
    template, trees = snapshot(ROOT, tmp_path / "template"), []
    for number, fault in enumerate(faults):
        answers = fault.answers | {"package_name": f"faulty_{number}"}
        with injected(fault, template):
            trees.append(render(template, answers, tmp_path / "trees" / f"faulty_{number}"))
    lines = gates.mypy(tmp_path / "trees", trees)
    for number, fault in enumerate(faults):
        assert any(re.search(f"^faulty_{number}/.*{fault.evidence}", line) for line in lines), lines
    known = "|".join(f"faulty_{number}/" for number in range(len(faults)))
    assert not [line for line in lines if not re.match(rf"{known}|Found ", line)]


def test_every_gate_has_a_fault() -> None:
    assert {fault.gate for fault in FAULTS} == set(GATES)


def test_every_fault_fits(template: Path) -> None:
    assert not misfits(template, FAULTS)


# --- The data files ------------------------------------------------------------------------------

ENTRY = """\
[[faults]]
name = "a wrong word"
file = "text.txt"
before = "right"
after = "wrong"
gate = "suite"
evidence = "test_words"
answers = {}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one data file and the text that its fault is an edit of."""
    (tmp_path / "words.toml").write_text(ENTRY, encoding="utf-8")
    (tmp_path / "text.txt").write_text("All right.\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        ("evidence =", "evidense =", "words.toml: a wrong word: evidense is no key\n"),
        ("evidence =", "evidense =", "words.toml: a wrong word: evidence is missing"),
        ("answers = {}", "answers = 1", "answers is no table"),
        ('"right"', "1", "before is no text"),
        ('"wrong"', '"right"', "before and after are the same"),
        ('"suite"', '"sweet"', "sweet is no gate"),
        ("[[faults]]", "[[faulty]]", "words.toml: faulty is no key"),
        (ENTRY, ENTRY + ENTRY, "a wrong word: there 2 times"),
    ],
)
def test_a_wrong_entry_is_named(folder: Path, before: str, after: str, complaint: str) -> None:
    assert [str(fault) for fault in read(folder, GATES)] == ["suite: a wrong word"]
    (folder / "words.toml").write_text(ENTRY.replace(before, after), encoding="utf-8")
    with pytest.raises(ValueError, match=complaint):
        read(folder, GATES)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("All right.\n", None),
        ("All wrong.\n", "has the text before 0 times"),
        ("right, right\n", "has the text before 2 times"),
        (None, "is not there"),
    ],
)
def test_a_fault_that_does_not_fit_is_named(
    folder: Path, text: str | None, complaint: str | None
) -> None:
    (fault,) = read(folder, GATES)
    path = folder / "text.txt"
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")
    if complaint is None:
        with injected(fault, folder):
            assert path.read_text(encoding="utf-8") == "All wrong.\n"
        assert path.read_text(encoding="utf-8") == text
    else:
        assert misfits(folder, [fault]) == [f"a wrong word: text.txt: {complaint}"]
        with pytest.raises(ValueError, match=complaint), injected(fault, folder):
            pass


def test_a_new_file_must_be_new(folder: Path) -> None:
    (fault,) = (replace(fault, before="", file="new.txt") for fault in read(folder, GATES))
    with injected(fault, folder):
        assert (folder / "new.txt").read_text(encoding="utf-8") == "wrong"
        assert misfits(folder, [fault]) == ["a wrong word: new.txt: is there already"]
    assert misfits(folder, [fault]) == []
    assert misfits(folder, [replace(fault, file="nowhere/new.txt")]) == [
        "a wrong word: nowhere/new.txt: has no folder"
    ]
