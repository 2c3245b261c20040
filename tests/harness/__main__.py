"""Commands: `combo KEY=VALUE ...` reproduces a combination, `demo FOLDER` shows the default one.

`release VERSION` prepares a release.
"""

import argparse
import datetime
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from . import gates
from .releasing import RefusedError, release
from .rendering import isolated, snapshot

ROOT = Path(__file__).parents[2]


def combo(arguments: list[str]) -> int:
    """Render one combination with the plain command into .work/combo and try every gate on it."""
    tree = ROOT / ".work" / "combo"
    shutil.rmtree(tree, ignore_errors=True)
    data = [word for argument in arguments for word in ("--data", argument)]
    with tempfile.TemporaryDirectory() as scratch, isolated(Path(scratch)):
        template = snapshot(ROOT, Path(scratch) / "template")
        command = [sys.executable, "-m", "copier", "copy", "--defaults", "--quiet", *data]
        result = subprocess.run(
            [*command, str(template), str(tree)], stderr=subprocess.PIPE, text=True, check=False
        )
        if result.returncode != 0:
            print(result.stderr.strip().splitlines()[-1], file=sys.stderr)
            return 1
    complaints = {
        "hygiene": gates.hygiene(tree),
        "ruff check": gates.ruff(tree),
        "ruff format": gates.ruff_format(tree),
        "mypy": gates.mypy(tree, [tree]),
        "deptry": gates.dependencies([tree], gates.only_run(ROOT)),
        "its tests": gates.suite(tree),
    }
    for gate, lines in complaints.items():
        print(f"{gate}: {'ok' if not lines else 'FAILED'}")
        print("".join(f"    {line}\n" for line in lines), end="")
    print(f"The project is in {tree}")
    return 1 if any(complaints.values()) else 0


def demo(folder: str) -> int:
    """Generate the default service, install it into its own environment, run its tests."""
    tree = ROOT / folder
    python = tree / ".venv" / "bin" / "python"
    if tree.exists():
        print(f"{folder}/ is there already and is left as it is; remove it to generate it afresh.")
    else:
        _step(sys.executable, "-m", "copier", "copy", "--defaults", "--vcs-ref=HEAD", ROOT, tree)
    if not python.exists():
        _step(sys.executable, "-m", "venv", tree / ".venv")
    pip = (python, "-m", "pip", "install", "--quiet")
    _step(*pip, "--upgrade", "pip")
    _step(*pip, "--editable", ".", "--group", "dev", cwd=tree)
    _step(python, "-m", "pytest", cwd=tree)
    package = next((tree / "src").iterdir()).name
    print(
        f"""
The service is in {folder}/ and its tests pass. Next:
  cd {folder} && . .venv/bin/activate
  python -m {package} --dev
  python -m {package} token alice --dev         # in a second terminal: a token
  export no_proxy=127.0.0.1                     # there, for whoever has a proxy
  websockets ws://127.0.0.1:8000/rooms/lobby    # there, with the token for the dots:
    {{"type": "auth", "token": "..."}}
    {{"type": "publish", "text": "hello"}}
  make check                                    # linter, types, tests, coverage"""
    )
    return 0


def _step(*command: str | Path, cwd: Path = ROOT) -> None:
    print("$", shlex.join(str(word) for word in command), flush=True)
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    subprocess.run([str(word) for word in command], cwd=cwd, env=environment, check=True)


def main() -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("combo").add_argument("answers", nargs="*", metavar="KEY=VALUE")
    commands.add_parser("demo").add_argument("folder")
    commands.add_parser("release").add_argument("version")
    args = parser.parse_args()
    try:
        if args.command == "combo":
            return combo(args.answers)
        if args.command == "demo":
            return demo(args.folder)
        print(release(Path.cwd(), args.version, datetime.date.today()))
        return 0
    except RefusedError as error:
        print(f"Not released: {error}.", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        return int(error.returncode)


if __name__ == "__main__":
    sys.exit(main())
