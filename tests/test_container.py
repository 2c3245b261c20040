"""The question `container`: the tools accept the files, and every command in them works."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import COMBINATIONS
from .harness import gates
from .harness.enumeration import Answers, covering, name
from .harness.rendering import render
from .test_docs import free_port, wait_for_port
from .test_owner import edit
from .test_service import SECRET, settings
from .tools import lint_containerfile, tool, validate

FILES = {"Containerfile", ".dockerignore", "compose.yaml", "deploy/nginx.conf"}


@pytest.fixture
def tree(template: Path, tmp_path: Path) -> Path:
    """The default project."""
    return render(template, {}, tmp_path / "project")


# --- The tools accept the files ------------------------------------------------------------------


@pytest.mark.parametrize("answers", covering(COMBINATIONS), ids=name)
def test_the_tools_accept_the_files(template: Path, tmp_path: Path, answers: Answers) -> None:
    tree = render(template, answers, tmp_path / "project")
    assert not lint_containerfile(tree)
    assert not validate("compose-spec", tree / "compose.yaml")


@pytest.mark.parametrize(
    ("before", "after", "rule"),
    [
        ("FROM python:3.13-slim AS build", "FROM python AS build", "DL3006"),
        ("USER 10001:10001", "USER root", "DL3002"),
        ("WORKDIR /app\nCOPY --from", "WORKDIR app\nCOPY --from", "DL3000"),
        ('ENTRYPOINT ["python", "-m", "falcon_service"]', "ENTRYPOINT python -m x", "DL3025"),
    ],
)
def test_what_is_wrong_with_a_containerfile_is_seen(
    tree: Path, before: str, after: str, rule: str
) -> None:
    path = tree / "Containerfile"
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after), encoding="utf-8")
    assert rule in "\n".join(lint_containerfile(tree))


def test_what_is_wrong_with_a_compose_file_is_seen(tree: Path) -> None:
    path = tree / "compose.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("stop_grace_period: 15s", "stop_grace: 15s"), encoding="utf-8")
    assert "stop_grace" in "\n".join(validate("compose-spec", path))


# --- What they say belongs together --------------------------------------------------------------


def seconds(text: str) -> int:
    """Return a duration such as `15s`."""
    assert re.fullmatch("[0-9]+s", text)
    return int(text[:-1])


@pytest.fixture
def compose(tree: Path) -> dict[str, Any]:
    """What the compose file says."""
    found: dict[str, Any] = yaml.safe_load((tree / "compose.yaml").read_text(encoding="utf-8"))
    return found


@pytest.fixture
def defaults(tree: Path) -> dict[str, str]:
    """Each setting with its default, as `.env.example` says."""
    text = (tree / ".env.example").read_text(encoding="utf-8")
    return dict(re.findall("^(?:# )?(APP_[A-Z_]+)=(.*)$", text, re.MULTILINE))


def test_the_compose_file_fits_the_service(
    compose: dict[str, Any], defaults: dict[str, str], tree: Path
) -> None:
    service, nginx = compose["services"]["service"], compose["services"]["nginx"]
    environment = service["environment"]
    assert environment.keys() <= defaults.keys()
    (network,) = compose["networks"]["edge"]["ipam"]["config"]
    assert environment["APP_TRUSTED_PROXIES"] == network["subnet"]
    assert service["networks"] == nginx["networks"] == ["edge"]
    assert "ports" not in service, "nobody gets past nginx"
    assert seconds(service["stop_grace_period"]) > int(defaults["APP_SHUTDOWN_GRACE"])
    (volume,) = nginx["volumes"]
    assert (tree / volume.partition(":")[0]).is_file()
    (port,) = nginx["ports"]
    inside = port.rpartition(":")[2]
    conf = (tree / "deploy/nginx.conf").read_text(encoding="utf-8")
    assert f"listen {inside};" in conf
    assert f"proxy_pass http://service:{environment['APP_PORT']};" in conf
    for one in (service, nginx):
        assert one["read_only"]
        assert one["cap_drop"] == ["ALL"]
    # A service that cannot start says so before anything is built.
    assert environment["APP_SECRET"].startswith("${APP_SECRET:?")


def test_the_compose_file_asks_for_the_credential_of_the_style(
    template: Path, tmp_path: Path
) -> None:
    for style, expected in (
        ("api_key", {"APP_API_KEYS"}),
        ("none", set()),
        ("jwt", {"APP_SECRET"}),
    ):
        tree = render(template, {"auth_style": style}, tmp_path / style)
        text = (tree / "compose.yaml").read_text(encoding="utf-8")
        assert set(re.findall(r"\$\{(\w+):\?", text)) == expected


def test_nginx_waits_longer_than_the_service_is_silent(
    tree: Path, defaults: dict[str, str]
) -> None:
    conf = (tree / "deploy/nginx.conf").read_text(encoding="utf-8")
    silence = max(float(defaults[f"APP_{key}_INTERVAL"]) for key in ("PING", "KEEPALIVE"))
    for directive in ("proxy_read_timeout", "proxy_send_timeout"):
        (waits,) = re.findall(rf"{directive} (\w+);", conf)
        assert seconds(waits) > 2 * silence
    (size,) = re.findall(r"client_max_body_size (\d)m;", conf)
    assert int(size) * 2**20 > int(defaults["APP_MAX_MESSAGE_SIZE"])


# --- Every command of the Containerfile, in plain folders ----------------------------------------


def sent(tree: Path) -> set[str]:
    """Return the files that an engine gets to see: the last pattern that fits a path decides."""
    lines = (tree / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]

    def fits(path: Path, pattern: str) -> bool:
        regex = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
        return any(re.fullmatch(regex, part.as_posix()) for part in [path, *path.parents])

    names = set()
    for path in tree.rglob("*"):
        relative = path.relative_to(tree)
        decisive = [p for p in patterns if fits(relative, p.removeprefix("!"))]
        if path.is_file() and (not decisive or decisive[-1].startswith("!")):
            names.add(relative.as_posix())
    return names


def test_no_secret_and_no_history_gets_into_an_image(tree: Path) -> None:
    before = sent(tree)
    package = {path for path in before if path.startswith("src/falcon_service/")}
    assert before - package == {"LICENSE", "README.md", "pyproject.toml"}
    assert "src/falcon_service/realtime/connection.py" in package
    for planted in (".env", ".git/config", "src/falcon_service/__pycache__/app.pyc", "key.pem"):
        (tree / planted).parent.mkdir(exist_ok=True)
        (tree / planted).touch()
    assert sent(tree) == before


@dataclass
class Stage:
    """A stage of a build: a folder that stands for the root of its image."""

    root: Path
    workdir: Path = field(init=False)
    environment: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Begin as an image does."""
        self.workdir = self.root
        # What a person has activated would win over what the image has.
        ours = {"VIRTUAL_ENV", "PYTHONPATH"}
        self.environment = {key: value for key, value in settings().items() if key not in ours}
        self.environment["PATH"] = f"{self.root}/usr/local/bin{os.pathsep}{os.defpath}"

    def path(self, name: str) -> Path:
        """Return where a path of the image is here."""
        return self.root / name[1:] if name.startswith("/") else self.workdir / name

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a command as this stage would."""
        return subprocess.run(
            command,
            cwd=self.workdir,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )


class Build:
    """An engine without containers: it takes each instruction at its word, in plain folders."""

    def __init__(self, project: Path, folder: Path, until: str = "nowhere") -> None:
        """Build the project below the folder, up to the first instruction with that text."""
        self.context = folder / "context"
        for path in sent(project):
            (self.context / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / path, self.context / path)
        self._folder = folder
        self.stages: dict[str, Stage] = {}
        self.healthcheck: list[str] = []
        self.entrypoint: list[str] = []
        self.user = "root"
        text = (project / "Containerfile").read_text(encoding="utf-8")
        text = re.sub("^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
        for line in filter(None, text.splitlines()):
            instruction, _, rest = line.partition(" ")
            getattr(self, f"_{instruction.lower()}")(rest.strip())
            if until in line:
                break

    @property
    def image(self) -> Stage:
        """The last stage."""
        return self.stages[max(self.stages, key=list(self.stages).index)]

    def _from(self, rest: str) -> None:
        image, _, name = rest.partition(" AS ")
        stage = Stage(self._folder / (name or "image"))
        bin = stage.path("/usr/local/bin")
        bin.mkdir(parents=True)
        if image.startswith("ghcr.io/astral-sh/uv:"):
            shutil.copy(tool("uv"), stage.root / "uv")
        else:
            assert re.fullmatch(r"python:3\.\d+-slim", image)
            for alias in ("python", "python3"):
                (bin / alias).symlink_to(Path(sys.base_prefix) / "bin" / "python3")
        self.stages[name or "image"] = stage
        self.user = "root"

    def _workdir(self, rest: str) -> None:
        self.image.workdir = self.image.path(rest)
        self.image.workdir.mkdir(parents=True, exist_ok=True)

    def _env(self, rest: str) -> None:
        for word in rest.split():
            key, _, value = word.partition("=")
            value = re.sub(r"\$(\w+)", lambda name: self.image.environment[name[1]], value)
            self.image.environment[key] = re.sub("^/", f"{self.image.root}/", value)

    def _copy(self, rest: str) -> None:
        *sources, target = rest.split()
        source = self.context
        if sources[0].startswith("--from="):
            source = self.stages[sources.pop(0).removeprefix("--from=")].root
        found = [path for pattern in sources for path in source.glob(pattern.lstrip("/"))]
        assert found, rest
        for path in found:
            to = self.image.path(target)
            if path.is_dir():
                shutil.copytree(path, to, symlinks=True)
            else:
                shutil.copy(path, to / path.name if target.endswith("/") else to)

    def _run(self, rest: str) -> None:
        result = self.image.run(["sh", "-c", re.sub(r"--mount=\S+ +", "", rest)])
        if result.returncode != 0:
            raise RuntimeError(result.stdout + result.stderr)

    def _user(self, rest: str) -> None:
        self.user = rest

    def _expose(self, rest: str) -> None:
        assert rest == "8000"

    def _healthcheck(self, rest: str) -> None:
        self.healthcheck = json.loads(rest.partition("CMD ")[2])

    def _entrypoint(self, rest: str) -> None:
        self.entrypoint = json.loads(rest)


@pytest.fixture(scope="module")
def build(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Build:
    """The image of a project that has no `uv.lock`."""
    folder = tmp_path_factory.mktemp("build")
    return Build(render(template, {}, folder / "project"), folder)


@pytest.fixture
def running(build: Build) -> Iterator[tuple[Build, subprocess.Popen[bytes], int]]:
    """The container, on a free port."""
    image, port = build.image, free_port()
    image.environment |= {
        "APP_PORT": str(port),
        "APP_SECRET": SECRET,
        "APP_ALLOW_HOSTS": "localhost",
        # A proxy that is not there: nobody may ask it.
        "http_proxy": "http://127.0.0.1:9",
    }
    assert image.environment["APP_HOST"] == "0.0.0.0"  # noqa: S104
    image.environment["APP_HOST"] = "127.0.0.1"
    with subprocess.Popen(build.entrypoint, cwd=image.workdir, env=image.environment) as process:
        wait_for_port(port)
        yield build, process, port
        process.kill()


def test_the_image_serves_says_that_it_is_well_and_ends(
    running: tuple[Build, subprocess.Popen[bytes], int],
) -> None:
    build, process, _ = running
    image = build.image
    assert re.fullmatch("[1-9][0-9]*:[1-9][0-9]*", build.user), "not root, and a number"
    assert not (image.root / "usr/local/bin/uv").exists()
    assert not list(image.root.rglob("src"))
    assert not list(image.root.rglob("pytest"))
    where = image.run(["python", "-c", "import falcon_service; print(falcon_service.__file__)"])
    assert where.stdout.startswith(f"{image.root}/app/.venv/")
    healthy = image.run(build.healthcheck)
    assert healthy.returncode == 0, healthy.stderr
    minted = image.run([*build.entrypoint, "token", "alice"])
    assert minted.stdout.count(".") == 2, minted.stderr
    process.send_signal(signal.SIGTERM)
    process.wait(15)
    assert image.run(build.healthcheck).returncode != 0


def test_what_is_built_is_what_the_lock_says(build: Build, template: Path, tmp_path: Path) -> None:
    lock = build.stages["build"].path("uv.lock")
    project = render(template, {}, tmp_path / "project")
    shutil.copy(lock, project)
    locked = Build(project, tmp_path / "locked", until="uv lock")
    assert locked.stages["build"].path("uv.lock").read_bytes() == lock.read_bytes()
    edit(project / "pyproject.toml", ('"falcon>=4.4",', '"falcon>=4.4", "six",'))
    with pytest.raises(RuntimeError, match="needs to be updated"):
        Build(project, tmp_path / "stale")


# --- The question --------------------------------------------------------------------------------


def test_the_question_adds_files_and_changes_none_but_the_readme(
    template: Path, tmp_path: Path
) -> None:
    with_it, without = (
        {
            path.relative_to(tree).as_posix(): path.read_bytes()
            for path in gates.files(render(template, {"container": answer}, tree))
        }
        for answer, tree in ((True, tmp_path / "with"), (False, tmp_path / "without"))
    )
    assert with_it.keys() - without.keys() == FILES
    assert not without.keys() - with_it.keys()
    differing = {path for path in without if without[path] != with_it[path]}
    assert differing == {".copier-answers.yml", "README.md"}
    assert b"Containerfile" not in without["README.md"]
    assert not gates.hygiene(tmp_path / "without")
