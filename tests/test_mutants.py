"""The list of surviving mutants is in step with the template; the parts of `make mutants`."""

import re
from pathlib import Path

import pytest

from .conftest import COMBINATIONS
from .harness import mutants
from .harness.mutants import Change, Mutant
from .harness.template import Project
from .mutants import SETS, SURVIVORS

DIFF = """\
# service.server.xǁServerǁstop__mutmut_12: survived
--- src/service/server.py
+++ src/service/server.py
@@ -1,6 +1,5 @@
 def stop(self) -> None:
     self.close(
-        1,
-        a="-1",
+        1, )
-    )
"""
STOP = Mutant("service.server.xǁServerǁstop__mutmut_12", "server.py", "survived")
CHANGE = Change("server.py", "Server.stop", '1,\na="-1",\n)', "1, )")


def stripped(text: str) -> str:
    """Return the text without indentation, each line between two line ends."""
    return "".join(f"\n{line.strip()}" for line in text.splitlines()) + "\n"


def test_the_combinations_have_every_answer() -> None:
    for key in {key for answers in COMBINATIONS for key in answers}:
        everywhere = {str(answers.get(key)) for answers in COMBINATIONS if key != "subprotocols"}
        assert {str(answers.get(key)) for answers in SETS.values()} >= everywhere, key
    assert len(SETS) >= 6
    assert {bool(answers["subprotocols"]) for answers in SETS.values()} == {False, True}


def test_what_is_listed_is_still_there(projects: dict[str, Project]) -> None:
    sources: dict[str, set[str]] = {}
    for key in SETS:
        package = next((projects[key].tree / "src").iterdir())
        for path in package.rglob("*.py"):
            file = path.relative_to(package).as_posix()
            sources.setdefault(file, set()).add(stripped(path.read_text(encoding="utf-8")))
    for change, reason in mutants.listed(SURVIVORS).items():
        assert reason, change
        assert change.before != change.after, change
        definition = re.compile(rf"\bdef {change.where.rpartition('.')[2]}\b")
        found = [text for text in sources[change.file] if stripped(change.before) in text]
        assert any(definition.search(text) for text in found), change


def test_the_list_is_written_as_the_tool_writes_it() -> None:
    text = SURVIVORS.read_text(encoding="utf-8")
    header = text.partition("[[")[0]
    assert header + mutants.dump(mutants.listed(SURVIVORS)) == text


def test_a_diff_becomes_a_change_that_no_line_number_and_no_indentation_is_in() -> None:
    change = mutants.parse_diff(STOP, DIFF)
    assert change == CHANGE
    assert mutants.parse_diff(STOP, DIFF.replace("-1,6 +1,5", "-9,6 +9,5")) == change
    function = Mutant("service.server.x__deny__mutmut_1", "server.py", "survived")
    assert mutants.parse_diff(function, DIFF).where == "_deny"


def test_a_list_is_read_as_it_was_written(tmp_path: Path) -> None:
    other = Change("a.py", "f", "x = 'a' \"b\" \\", "x = '''\ny")
    reasons = {CHANGE: "It's the same.", other: "another"}
    path = tmp_path / "survivors.toml"
    path.write_text(mutants.dump(reasons), encoding="utf-8")
    assert mutants.listed(path) == reasons
    path.write_text(mutants.dump(reasons) + "\n" + mutants.dump({CHANGE: "b"}), encoding="utf-8")
    with pytest.raises(ValueError, match=r"listed twice: server\.py, Server\.stop:\n  - 1,"):
        mutants.listed(path)


def test_a_content_is_shared_out_once(tmp_path: Path) -> None:
    contents = {"a": {"x.py": "1", "y.py": "2"}, "b": {"x.py": "1", "y.py": "3", "sub/x.py": "1"}}
    for project, files in contents.items():
        for file, text in files.items():
            path = tmp_path / project / "src" / "p" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    (tmp_path / "a" / "src" / "p" / "py.typed").touch()
    assert mutants.shares({"a": tmp_path / "a", "b": tmp_path / "b"}) == {
        "a": ["src/p/x.py", "src/p/y.py"],
        "b": ["src/p/sub/x.py", "src/p/y.py"],
    }


def test_results_stay_while_a_project_is_the_same(tmp_path: Path) -> None:
    fresh, kept = tmp_path / "fresh", tmp_path / "mutants" / "kept"
    fresh.mkdir()
    (fresh / "x.py").write_text("1")
    mutants.keep(fresh, kept)
    result = kept / "mutants" / "result"
    result.parent.mkdir()
    result.touch()
    mutants.keep(fresh, kept)
    assert result.exists()
    (fresh / "x.py").write_text("2")
    mutants.keep(fresh, kept)
    assert not result.exists()
    assert (kept / "x.py").read_text() == "2"


def test_what_differs_from_the_list_is_said() -> None:
    other = CHANGE._replace(where="other")
    assert mutants.differences([CHANGE], [CHANGE]) == []
    (unlisted,) = mutants.differences([CHANGE, other], [CHANGE])
    assert unlisted == "survives and is not listed: server.py, other:\n  - 1,\n" + (
        '  - a="-1",\n  - )\n  + 1, )'
    )
    (gone,) = mutants.differences([other], [CHANGE, other])
    assert gone.startswith("is listed and does not survive: server.py, Server.stop:")


def test_only_what_a_test_noticed_counts() -> None:
    statuses = ["killed", "timeout", "survived", "no tests", "suspicious"]
    assert mutants.ratio(statuses) == 0.4
    found = [Mutant("m", "a.py", status) for status in statuses[:3]]
    found.append(Mutant("m", "b.py", "no tests"))
    lines = [line.split() for line in mutants.table({"x": found}).splitlines()]
    assert lines[1:] == [
        ["x", "4", "1", "1", "2", "50.0%"],
        ["a.py", "3", "1", "1", "1", "66.7%"],
        ["b.py", "1", "0", "0", "1", "0.0%"],
        ["all", "4", "1", "1", "2", "50.0%"],
    ]
