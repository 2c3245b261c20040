"""docs/updating.md: every command, as a person or a bot would run it, with the plain Copier."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import ROOT
from .futures import HARD, NEXT
from .harness.updating import ANSWERS_FILE, cached, contents, fresh, git, releases
from .test_docs import blocks
from .test_hooks import hooks

TEXT = (ROOT / "docs/updating.md").read_text(encoding="utf-8")
ADDRESS = "<the address of this repository>"


def section(heading: str, language: str = "sh") -> list[str]:
    """Return the code blocks of a section."""
    rest = TEXT.partition(f"\n## {heading}\n")[2]
    assert rest, heading
    found = blocks(rest.partition("\n## ")[0], language)
    assert found
    return found


class Shell:
    """A shell in a project, with a Copier that is installed instead of fetched."""

    def __init__(self, cwd: Path) -> None:
        """Begin in a folder."""
        self.cwd = cwd
        bin = cwd.parent / "bin"
        bin.mkdir()
        self._script(bin / "uvx", f'exec {shlex.quote(sys.executable)} -m "$@"')
        self.log = cwd.parent / "gh.log"
        self._script(bin / "gh", f"printf '%s\\n' \"$@\" >> {shlex.quote(str(self.log))}")
        self.environment = os.environ | {"PATH": f"{bin}{os.pathsep}{os.environ['PATH']}"}
        for who in ("AUTHOR", "COMMITTER"):
            self.environment |= {f"GIT_{who}_NAME": "Ada", f"GIT_{who}_EMAIL": "ada@example.org"}

    def _script(self, path: Path, command: str) -> None:
        path.write_text(f"#!/bin/sh\n{command}\n", encoding="utf-8")
        path.chmod(0o755)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script that stops at the first failure, as GitHub's do."""
        return subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", script],
            cwd=self.cwd,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def type(self, script: str) -> str:
        """Run a script that must succeed; return what it says."""
        result = self.run(script)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout + result.stderr


@pytest.fixture
def template(versions: Path, tmp_path: Path) -> Path:
    """A template whose newest version is the hard one."""
    clone = tmp_path / "template.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(versions), str(clone))
    for tag in git(clone, "tag").split():
        if tag not in {NEXT, HARD, *releases(ROOT)}:
            git(clone, "tag", "--delete", tag)
    return clone


@pytest.fixture
def shell(template: Path, tmp_path: Path) -> Shell:
    """A shell in a project of the version before the hard one, with an edit on top of README."""
    tree = tmp_path / "project"
    with cached():
        fresh(template, NEXT, {}, tree)
    readme = tree / "README.md"
    readme.write_text(f"<!-- mine -->\n{readme.read_text('utf-8')}", encoding="utf-8")
    (tree / "NEWS.md").write_text("My own.\n", encoding="utf-8")
    git(tree, "init", "--quiet", "--initial-branch=main")
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", "Start")
    return Shell(tree)


def test_a_conflict_cannot_be_missed(shell: Shell) -> None:
    told = shell.type(section("Update")[0])
    assert "README.md" in told
    look, undo = section("Look for conflicts")
    # The message after an update names the same commands, and each of them finds its part.
    for command in look.splitlines():
        assert command in told
    assert "README.md:1:<<<<<<< before updating" in shell.type(look.splitlines()[0])
    assert "README.md" in shell.type(look.splitlines()[1])
    assert "src/falcon_service/realtime/outbox.py" in shell.type(look.splitlines()[3])

    guards = [hooks(shell.cwd, "merge-markers"), hooks(shell.cwd, "rejected-updates")]
    assert [guard.returncode == 0 for guard in guards] == [False, True]
    assert "README.md:1:<<<<<<< before updating" in guards[0].stdout
    readme = shell.cwd / "README.md"
    text = readme.read_text(encoding="utf-8")
    assert "<!-- mine -->\n" in text
    lines = [line for line in text.splitlines() if not line.startswith(("<<<", "===", ">>>"))]
    readme.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert hooks(shell.cwd, "merge-markers").returncode == 0

    shell.type(undo)
    assert git(shell.cwd, "status", "--porcelain") == ""
    assert readme.read_text(encoding="utf-8").startswith("<!-- mine -->\n#")
    shell.type("uvx copier update --defaults --conflict rej")
    assert "./README.md.rej" in shell.type(look.splitlines()[2])
    assert hooks(shell.cwd, "rejected-updates").returncode != 0


def test_an_update_is_seen_before_it_is_done(shell: Shell) -> None:
    preview, check = section("See what an update would change")
    told = shell.type(preview)
    assert "+<<<<<<< before updating" in told
    assert "+# In future: the end." in told
    assert git(shell.cwd, "status", "--porcelain") == ""
    assert git(shell.cwd, "branch", "--format=%(refname:short)") == "main\n"
    assert not (shell.cwd.parent / "preview").exists()
    told = shell.type(check)
    assert f"Current version is {NEXT}, latest version is {HARD}" in told
    assert "There is a new version." in told
    assert shell.run("uvx copier check-update --quiet").returncode == 2


def test_a_project_begins_anew(shell: Shell, template: Path) -> None:
    (diff,) = section("Start over")
    assert "-<!-- mine -->" in shell.type(diff)
    assert (shell.cwd / "NEWS.md").read_text(encoding="utf-8") == "My own.\n"
    assert f"_commit: {HARD}" in (shell.cwd / ANSWERS_FILE).read_text(encoding="utf-8")
    assert shell.run("uvx copier check-update --quiet").returncode == 0


def test_a_repository_adopts_the_template(template: Path, tmp_path: Path) -> None:
    shell = Shell(tmp_path / "mine")
    (shell.cwd / "src").mkdir(parents=True)
    (shell.cwd / "src/mine.py").write_text("x = 1\n", encoding="utf-8")
    (shell.cwd / "README.md").write_text("# Mine\n\nMy text.\n", encoding="utf-8")
    shell.type("git init --quiet && git add --all && git commit --quiet --message Mine")
    (adopt,) = section("Adopt the template in an existing repository")
    # The version before the newest, so that there is something to update to.
    told = shell.type(adopt.replace(ADDRESS, f"--vcs-ref={NEXT} {template}"))
    assert "-My text.\n" in told
    assert git(shell.cwd, "branch", "--show-current") == "adopt-the-template\n"
    assert (shell.cwd / "src/mine.py").read_text(encoding="utf-8") == "x = 1\n"
    assert (shell.cwd / "src/my_service/app.py").exists()
    shell.type("git checkout README.md && git add --all && git commit --quiet --message Adopt")
    shell.type(section("Update")[0])
    found = contents(shell.cwd)
    assert "My text.\n" in found["README.md"][0].decode()
    assert found["src/mine.py"][0] == b"x = 1\n"
    assert "src/my_service/realtime/queue.py" in found


@pytest.fixture
def on_github(shell: Shell) -> Shell:
    """The same project with a remote repository."""
    remote = shell.cwd.parent / "remote.git"
    git(shell.cwd, "clone", "--quiet", "--bare", str(shell.cwd), str(remote))
    git(shell.cwd, "remote", "add", "origin", str(remote))
    return shell


def workflow() -> str:
    """Return the script of the scheduled workflow."""
    path = ROOT / "template/{% if ci == 'github' %}.github{% endif %}/workflows/template-update.yml"
    *_, step = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["update"]["steps"]
    return str(step["run"])


@pytest.mark.updates
def test_a_scheduled_update_with_a_conflict_is_a_red_run_and_a_draft(on_github: Shell) -> None:
    for _ in range(2):  # the second Monday finds the branch there
        result = on_github.run(workflow())
        assert result.returncode == 1, result.stdout + result.stderr
        pushed = git(on_github.cwd, "diff", "--name-only", "main", "origin/template-update")
        assert {"README.md", ANSWERS_FILE, "NOTES.md"} <= set(pushed.split())
        told = on_github.log.read_text(encoding="utf-8")
        assert "In conflict:\nREADME.md\n" in told
        assert "Deleted:\nsrc/falcon_service/realtime/close_codes.py\n" in told
        assert "--draft" in told.splitlines()
        git(on_github.cwd, "switch", "--quiet", "main")


@pytest.mark.updates
def test_a_scheduled_update_without_a_conflict_is_green(on_github: Shell) -> None:
    shell = on_github
    shell.type("sed -i 1d README.md && git commit --quiet --all --message x")
    shell.type(workflow())
    told = shell.log.read_text(encoding="utf-8")
    assert "In conflict:\nnothing\n" in told
    assert "--draft" not in told
    shell.log.unlink()
    shell.type(workflow())  # nothing new now
    assert not shell.log.exists()


HOOK = """#!/bin/sh
for number in $(seq 0 $((GIT_PUSH_OPTION_COUNT - 1))); do
    eval "echo \\"\\$GIT_PUSH_OPTION_$number\\"" >> "$PWD/options"
done
"""
"""Writes down the push options that GitLab makes a merge request of."""


@pytest.fixture
def on_gitlab(shell: Shell) -> Shell:
    """A project with an update in conflict, in a repository on a GitLab of our own."""
    remote = shell.cwd.parent / "group" / "project.git"
    git(shell.cwd, "clone", "--quiet", "--bare", str(shell.cwd), str(remote))
    git(remote, "config", "receive.advertisePushOptions", "true")
    hook = remote / "hooks" / "post-receive"
    hook.write_text(HOOK, encoding="utf-8")
    hook.chmod(0o755)
    address = "https://oauth2:token@gitlab.example:443/group/project.git"
    git(shell.cwd, "config", f"url.{remote}.insteadOf", address)
    shell.environment |= {
        "TEMPLATE_UPDATE_TOKEN": "token",
        "CI_SERVER_HOST": "gitlab.example",
        "CI_SERVER_PORT": "443",
        "CI_PROJECT_PATH": "group/project",
        "CI_DEFAULT_BRANCH": "main",
    }
    return shell


@pytest.mark.updates
def test_a_scheduled_pipeline_opens_a_merge_request(on_gitlab: Shell) -> None:
    shell, remote = on_gitlab, on_gitlab.cwd.parent / "group" / "project.git"
    path = ROOT / "template/{% if ci == 'gitlab' %}.gitlab-ci.yml{% endif %}"
    job = yaml.safe_load(path.read_text(encoding="utf-8"))["template-update"]
    assert job["rules"] == [{"if": '$CI_PIPELINE_SOURCE == "schedule" && $TEMPLATE_UPDATE_TOKEN'}]
    (script,) = job["script"]
    result = shell.run(script)
    assert result.returncode == 1, "a pipeline with a conflict is red"
    pushed = git(remote, "diff", "--name-only", "main", "template-update").split()
    assert {"README.md", ANSWERS_FILE, "NOTES.md"} <= set(pushed)
    assert (remote / "options").read_text(encoding="utf-8").splitlines() == [
        "merge_request.create",
        "merge_request.target=main",
        "merge_request.title=Draft: Update from the template",
        "merge_request.description=In conflict: README.md. Deleted: "
        "src/falcon_service/realtime/close_codes.py src/falcon_service/realtime/outbox.py.",
        "merge_request.remove_source_branch",
    ]
    (remote / "options").unlink()
    shell.type("git switch --quiet main && sed -i 1d README.md && git commit --quiet -am x")
    shell.type(script)
    options = (remote / "options").read_text(encoding="utf-8")
    assert "merge_request.title=Update from the template\n" in options
    assert "In conflict: nothing." in options
    (remote / "options").unlink()
    shell.type(script)  # nothing new now
    assert not (remote / "options").exists()


def test_renovate_updates_without_trust(shell: Shell) -> None:
    (config,) = section("Update with Renovate", "json")
    assert json.loads(config)["packageRules"][0]["matchManagers"] == ["copier"]
    (command,) = [part for part in TEXT.split("`") if part.startswith("copier update --skip")]
    answers = yaml.safe_load((shell.cwd / ANSWERS_FILE).read_text(encoding="utf-8"))
    assert answers["_commit"] == NEXT
    assert answers["_src_path"].endswith(".git")
    shell.type(f"uvx {command.replace('VERSION', HARD)}")
    assert f"_commit: {HARD}" in (shell.cwd / ANSWERS_FILE).read_text(encoding="utf-8")


@pytest.mark.parametrize("release", releases(ROOT))
def test_the_plain_command_updates_from_every_release_without_trust(
    template: Path, tmp_path: Path, release: str
) -> None:
    """It also shows that the updates which other tests do in process are the same ones."""
    shell = Shell(tmp_path / "project")
    shell.cwd.mkdir()
    commit = "git init --quiet && git add --all && git commit --quiet --message x"
    shell.type(f"uvx copier copy --defaults --vcs-ref={release} {template} . && {commit}")
    shell.type(f"uvx copier update --defaults --vcs-ref={NEXT} -d auth_style=cookie && {commit}")
    with cached():
        tree = fresh(template, NEXT, {"auth_style": "cookie"}, tmp_path / "fresh")
    assert contents(shell.cwd) == contents(tree)
