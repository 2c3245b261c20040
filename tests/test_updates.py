"""Updates: the way to an answer does not matter, and no edit is ever lost."""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import COMBINATIONS, ROOT, TEMPLATE, TEXTS
from .futures import ADDED, HARD, MOVED, NEXT, REMOVED, SOFT
from .harness.enumeration import Answers, candidates, covering, name, questions
from .harness.updating import ANSWERS_FILE, Project, cached, contents, fresh, releases
from .test_owner import add_message_type, edit, passes

RELEASES = list(releases(ROOT))
PACKAGE = "falcon_service"
GONE = {path.format(package=PACKAGE) for path in [*MOVED, *REMOVED]}

EACH = [
    pytest.param(release, answers, id=f"{release}-{name(answers)}", marks=marks)
    for release in RELEASES
    for number, answers in enumerate(covering(COMBINATIONS))
    for marks in [[] if release == RELEASES[-1] and number < 2 else [pytest.mark.updates]]
]
"""Some combinations of each release; of the newest, two in every run of the tests."""


@pytest.fixture(scope="module")
def shared(versions: Path) -> Iterator[Project]:
    """A project for all tests of this module, each of which generates it anew."""
    with cached() as folder:
        yield Project(versions, folder / "project")


@pytest.fixture(scope="module")
def afresh(
    shared: Project, versions: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Answers], Path]:
    """Return the tree that a version and answers give."""
    known: dict[str, Path] = {}

    def tree(version: str, answers: Answers) -> Path:
        key = f"{version} {answers}"
        if key not in known:
            known[key] = fresh(versions, version, answers, tmp_path_factory.mktemp("afresh"))
        return known[key]

    return tree


Afresh = Callable[[str, Answers], Path]


# --- The way does not matter -------------------------------------------------------------------


class Pair(NamedTuple):
    """Two combinations that differ in one answer."""

    before: Answers
    after: Answers

    @property
    def change(self) -> set[tuple[str, str, str]]:
        """The answer that is left, and the one that is reached."""
        (key,) = differing(self.before, self.after)
        return {(key, "from", str(self.before[key])), (key, "to", str(self.after[key]))}


def differing(one: Answers, other: Answers) -> list[str]:
    """Return the questions that both are asked and answer differently.

    Of free text only counts which representative it is: it may name another answer.
    """
    return [
        key
        for key in one.keys() & other.keys()
        if (bool(one[key]) != bool(other[key]) if key in TEXTS else one[key] != other[key])
    ]


APART = {
    key: [COMBINATIONS[0] | {key: value} for value in candidates(questions(ROOT)[key])]
    for key in sorted(TEMPLATE.apart)
}
"""For each question that touches no code, its answers."""


def all_pairs() -> list[Pair]:
    pairs = [
        p for group in (COMBINATIONS, *APART.values()) for p in itertools.permutations(group, 2)
    ]
    return [Pair(*pair) for pair in pairs if len(differing(*pair)) == 1]


def walk(pairs: Sequence[Pair]) -> list[Pair]:
    """Choose pairs by which each answer is left and reached once, on from the last if possible."""
    missing = {part for pair in pairs for part in pair.change}
    chosen: list[Pair] = []
    while missing:
        here = chosen[-1].after if chosen else COMBINATIONS[0]
        chosen.append(max(pairs, key=lambda p: (len(missing & p.change), p.before == here)))
        missing -= chosen[-1].change
    return chosen


# Beside the first combination only.
STARTS = [*COMBINATIONS, *itertools.chain(*APART.values())]
PAIRS = all_pairs()


def there_and_back(start: Answers) -> Iterator[Pair]:
    """Yield the pairs of a combination and those after it, in both directions."""
    later = STARTS[STARTS.index(start) :]
    for before, after in PAIRS:
        if before == start and after in later:
            yield from (Pair(before, after), Pair(after, before))


def way_does_not_matter(shared: Project, afresh: Afresh, pairs: Iterable[Pair]) -> None:
    here = None
    for before, after in pairs:
        if here != before:
            shared.generate(NEXT, before)
        shared.update(NEXT, after)
        # What equals a fresh project is one, and the next update may begin there.
        assert contents(shared.tree) == contents(afresh(NEXT, after)), f"{before} -> {after}"
        shared.commit()
        here = after


def test_the_pairs_are_all_there() -> None:
    """Each combination has as many neighbours as there are other answers to one question."""
    licenses, providers, container = 4 * 3, 3 * 2, 2 * 1
    apart = licenses + providers + container
    assert len(PAIRS) == len(COMBINATIONS) * (5 + 4 + 2 + 1) + apart
    assert Counter(map(str, PAIRS)) == Counter(str(p) for s in STARTS for p in there_and_back(s))
    answers = {part for pair in PAIRS for part in pair.change}
    assert {part for pair in walk(PAIRS) for part in pair.change} == answers


def test_leaving_and_reaching_an_answer_gives_what_a_fresh_project_has(
    shared: Project, afresh: Afresh
) -> None:
    """Each answer is left and reached once; `make test-updates` has every pair."""
    way_does_not_matter(shared, afresh, walk(PAIRS))


def start_name(start: Answers) -> str:
    return "-".join(f"{key}={start[key]}" for key in APART if key in start) or name(start)


@pytest.mark.updates
@pytest.mark.parametrize("start", STARTS, ids=start_name)
def test_the_way_does_not_matter(shared: Project, afresh: Afresh, start: Answers) -> None:
    way_does_not_matter(shared, afresh, there_and_back(start))


@pytest.mark.parametrize(("release", "answers"), EACH)
def test_an_untouched_project_becomes_the_next_version(
    shared: Project, afresh: Afresh, release: str, answers: Answers
) -> None:
    """Nothing is asked and nothing is trusted: a new question has a default."""
    for version in (NEXT, HARD):
        shared.generate(release, answers)
        shared.update(version)
        assert contents(shared.tree) == contents(afresh(version, answers))


# --- Edits survive -----------------------------------------------------------------------------


def top(lines: list[str], token: str) -> list[str]:
    return [token, *lines]


def middle(lines: list[str], token: str) -> list[str]:
    return [*lines[: len(lines) // 2], token, *lines[len(lines) // 2 :]]


def end(lines: list[str], token: str) -> list[str]:
    return [*lines, token]


def changed(lines: list[str], token: str) -> list[str]:
    return [*lines[: len(lines) // 2], token, *lines[len(lines) // 2 + 1 :]]


def emptied(lines: list[str], token: str) -> list[str]:
    return [token]


TEXT_EDITS = [top, middle, end, changed, emptied]
KINDS = [*(edit.__name__ for edit in TEXT_EDITS), "deleted", "renamed", "added"]


class Owner:
    """Edits a project and keeps in mind what must not be lost."""

    def __init__(self, project: Project) -> None:
        """Take a project that was just generated."""
        self.project = project
        self.tokens: dict[str, str] = {}
        """Each line that was written, and its file."""
        self.deleted: set[str] = set()
        self._fresh: set[str] = set()
        """What was added since the last commit: no update can know that it is gone again."""
        self._numbers = itertools.count()

    def edit(self, path: str, kind: str) -> None:
        """Edit a file."""
        file = self.project.tree / path
        token = f"# kept {next(self._numbers)}: {kind}"
        if kind == "added":
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{token}\n", encoding="utf-8")
            self.tokens[token] = path
            if path not in self.deleted:
                self._fresh.add(path)
            self.deleted.discard(path)
        elif kind == "deleted":
            file.unlink()
            self._take_away(path)
            self._forget(path)
        elif kind == "renamed":
            new = file.with_name(f"my_{next(self._numbers)}_{file.name}")
            file.rename(new)
            self._take_away(path)
            self.tokens |= {t: str(Path(path).with_name(new.name)) for t in self._forget(path)}
            path = str(Path(path).with_name(new.name))
            self.edit(path, "end")
        else:
            lines = file.read_text(encoding="utf-8").splitlines()
            (how,) = (edit for edit in TEXT_EDITS if edit.__name__ == kind)
            edited = how(lines, token)
            self.tokens[token] = path
            file.write_text("\n".join(edited) + "\n", encoding="utf-8")
            for lost in [t for t in self.tokens if self.tokens[t] == path and t not in edited]:
                del self.tokens[lost]

    def _take_away(self, path: str) -> None:
        if path in self._fresh:
            self._fresh.remove(path)
        else:
            self.deleted.add(path)

    def _forget(self, path: str) -> list[str]:
        tokens = [token for token, where in self.tokens.items() if where == path]
        for token in tokens:
            del self.tokens[token]
        return tokens

    def update(self, version: str, answers: Answers, left_out: Collection[str]) -> set[str]:
        """Commit, update, and check that each edit is there or shown; return the conflicts.

        A file that the new version or the new answers leave out is deleted, and shown as such.
        """
        self.project.commit()
        self._fresh.clear()
        self.project.update(version, answers)
        texts, conflicts = self.project.texts(), self.project.conflicts()
        shown = self.project.deleted()
        lines = {path: text.splitlines() for path, text in texts.items()}
        for token, path in list(self.tokens.items()):
            count = sum(found.count(token) for found in lines.values())
            if path in texts:
                expected = lines[path].count(token)
                assert count == expected, f"{token} is in another file than {path}"
                assert count == 1 or (count and path in conflicts), f"{token}: {count} in {path}"
            else:
                assert path in left_out, f"{token}: {path} is lost"
                assert path in shown, f"{token}: {path} is lost without a word"
                del self.tokens[token]
        for path in self.deleted & texts.keys():
            assert path in conflicts, f"{path} was deleted and is back"
        return conflicts

    def resolve(self) -> None:
        """Take both sides of each conflict."""
        for path in self.project.conflicts():
            file = self.project.tree / path
            kept = [
                line
                for line in file.read_text(encoding="utf-8").splitlines()
                if not line.startswith(("<<<<<<< ", ">>>>>>> ")) and line != "======="
            ]
            once = [
                line
                for n, line in enumerate(kept)
                if line not in self.tokens or line not in kept[:n]
            ]
            file.write_text("\n".join(once) + "\n", encoding="utf-8")
        self.deleted.clear()


def files_of(tree: Path) -> list[str]:
    """Return the files that an owner may edit: the answers file is Copier's."""
    return sorted(contents(tree).keys() - {ANSWERS_FILE})


@pytest.mark.parametrize("version", [NEXT, HARD, SOFT])
@pytest.mark.parametrize(("release", "answers"), EACH)
@pytest.mark.parametrize(
    "turn",
    [pytest.param(n, marks=[pytest.mark.updates] if n else []) for n in range(len(KINDS) - 1)],
)
def test_an_edit_in_every_file_survives(
    shared: Project, afresh: Afresh, release: str, answers: Answers, version: str, turn: int
) -> None:
    """Each turn edits all files, each of them in another way than the turn before."""
    shared.generate(release, answers)
    owner = Owner(shared)
    old, new = files_of(shared.tree), files_of(afresh(version, answers))
    for number, path in enumerate(old):
        # What the hard version has no more is worth an edit in its text each time.
        kinds = [edit.__name__ for edit in TEXT_EDITS] if path in GONE else KINDS[:-1]
        owner.edit(path, kinds[(number + turn) % len(kinds)])
    # An owner who already has what a later version adds.
    added = {*new, ADDED} - {*old}
    for path in sorted(added):
        owner.edit(path, "added")
    # 0.2.0 moved the machinery: the one exception to a removed path that stays (UPGRADING.md).
    moved = {*old} - {*new} if release == "0.1.0" else set()
    conflicts = owner.update(version, answers, GONE | moved if version == HARD else moved)
    assert conflicts >= added & {*new}
    assert version == NEXT or len(conflicts) > len(old) / 5, "the hard version is not hard"


def test_what_is_not_edited_is_the_new_version(shared: Project, afresh: Afresh) -> None:
    shared.generate(NEXT, {})
    owner = Owner(shared)
    edited = files_of(shared.tree)[::2]
    for path in edited:
        owner.edit(path, "middle")
    owner.update(HARD, {}, GONE)
    found = contents(shared.tree)
    for path, content in contents(afresh(HARD, {})).items():
        assert (found[path] == content) == (path not in edited), path


RESOURCE = '''"""A greeting."""

from falcon.asgi import Request, Response


class GreetingResource:
    """`/greeting`: says hello."""

    async def on_get(self, req: Request, resp: Response) -> None:
        """Say hello."""
        resp.media = {"hello": "world"}
'''
TEST = '''"""The greeting."""

from falcon.asgi import App, Request, Response
from falcon.testing import TestClient

from falcon_service.resources.greeting import GreetingResource


def test_it_says_hello() -> None:
    app = App[Request, Response]()
    app.add_route("/greeting", GreetingResource())
    assert TestClient(app).simulate_get("/greeting").json == {"hello": "world"}
'''


def add_route(tree: Path) -> None:
    """Add a resource of one's own, its route and its test."""
    package = tree / "src" / PACKAGE
    (package / "resources/greeting.py").write_text(RESOURCE, encoding="utf-8")
    (tree / "tests/test_greeting.py").write_text(TEST, encoding="utf-8")
    health = "from .resources.health import"
    mine = "from .resources.greeting import GreetingResource\n"
    end = "    return app\n"
    edit(
        package / "app.py",
        (health, mine + health),
        (end, f'    app.add_route("/greeting", GreetingResource())\n{end}'),
    )


def lines_of(tree: Path) -> dict[str, Counter[str]]:
    return {path: Counter(data.decode().splitlines()) for path, (data, _) in contents(tree).items()}


@pytest.mark.parametrize("release", [*RELEASES, NEXT])
def test_what_an_owner_writes_survives(shared: Project, release: str) -> None:
    """A route, a type of message, and their tests."""
    for version in (NEXT, HARD):
        shared.generate(release, {})
        before = lines_of(shared.tree)
        add_message_type(shared.tree)
        add_route(shared.tree)
        written = {
            path: c - before.get(path, Counter()) for path, c in lines_of(shared.tree).items()
        }
        assert {path for path, lines in written.items() if lines} == {
            "src/falcon_service/app.py",
            "src/falcon_service/resources/greeting.py",
            "src/falcon_service/resources/rooms.py",
            "tests/test_greeting.py",
            "tests/test_rooms.py",
        }
        shared.commit()
        shared.update(version)
        after = lines_of(shared.tree)
        conflicts = shared.conflicts()
        assert all(lines <= after.get(path, Counter()) for path, lines in written.items())
        assert not conflicts - {path for path, lines in written.items() if lines}
        assert conflicts or version == NEXT, "the hard version is not hard"


@pytest.mark.updates
@pytest.mark.parametrize("answer", [{"auth_style": "cookie"}, {"media_handlers": ["cbor"]}])
def test_what_an_owner_wrote_works_with_another_answer(shared: Project, answer: Answers) -> None:
    shared.generate(NEXT, {})
    add_message_type(shared.tree)
    add_route(shared.tree)
    shared.commit()
    shared.update(NEXT, answer)
    assert not shared.conflicts()
    passes(shared.tree)


class Step(NamedTuple):
    """Edits, and then an update: so many versions on, with these answers."""

    edits: list[tuple[int, str]]
    forward: int
    answers: Answers


STEP = st.builds(
    Step,
    st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(KINDS)), max_size=8),
    st.integers(0, 2),
    st.sampled_from(COMBINATIONS),
)
STEPS = st.lists(STEP, min_size=1, max_size=3)


def lose_nothing(shared: Project, afresh: Afresh, start: Answers, steps: list[Step]) -> None:
    """Let a project live: edits and updates in any order that goes forward, conflicts solved."""
    order = [*RELEASES, NEXT, HARD if len(steps) % 2 else SOFT]
    position = 0
    shared.generate(order[position], start)
    owner = Owner(shared)
    coming = set(files_of(shared.tree))
    for edits, forward, answers in steps:
        position, before = min(position + forward, len(order) - 1), coming
        coming = set(files_of(afresh(order[position], answers)))
        for number, kind in edits:
            there = set(files_of(shared.tree))
            if pool := sorted({*coming, ADDED} - there if kind == "added" else there):
                owner.edit(pool[number % len(pool)], kind)
        owner.update(order[position], answers, before - coming)
        owner.resolve()


SOME = settings(
    max_examples=3,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@SOME
@given(start=st.sampled_from(COMBINATIONS), steps=STEPS)
def test_some_lives_lose_nothing(
    shared: Project, afresh: Afresh, start: Answers, steps: list[Step]
) -> None:
    lose_nothing(shared, afresh, start, steps)


@pytest.mark.updates
@settings(SOME, max_examples=200)
@given(start=st.sampled_from(COMBINATIONS), steps=STEPS)
def test_no_life_loses_anything(
    shared: Project, afresh: Afresh, start: Answers, steps: list[Step]
) -> None:
    lose_nothing(shared, afresh, start, steps)
