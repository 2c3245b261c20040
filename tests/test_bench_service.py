"""`make bench-service`: that it measures, and what it makes of its samples; none is timed here."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from unittest import mock
from xml.etree import ElementTree

import pytest

from benchmarks.service import generated, throughput, wire
from benchmarks.service.__main__ import main
from benchmarks.service.agreement import check_agreement
from benchmarks.service.catalogue import GROUPS, MEASURES
from benchmarks.service.generator import (
    Generator,
    GeneratorError,
    Load,
    compile_generator,
    compiler,
)
from benchmarks.service.measures import Measure, Sample
from benchmarks.service.picture import draw
from benchmarks.service.recorded import Recorded
from benchmarks.service.results import Results
from benchmarks.service.serving import ServerError, serving
from benchmarks.service.targets import BEFORE, REFERENCE, ROOT, SERVICE, Target, find_targets

ECHO = Measure("echo", "echo", "µs", (REFERENCE, SERVICE))
MACHINE = {"python": "3.13.0", "cpu": "one"}

needs_compiler = pytest.mark.skipif(compiler() is None, reason="no C compiler")


def results(*rounds: tuple[list[float], list[float]]) -> Results:
    """Return results with these costs of the reference and of the service in each round."""
    found = Results()
    for reference, service in rounds:
        found.add(ECHO, REFERENCE, [Sample(cost) for cost in reference])
        found.add(ECHO, SERVICE, [Sample(cost) for cost in service])
    return found


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Target]:
    """Who can be measured, with the Python of the tests."""
    scratch = tmp_path_factory.mktemp("services") / "all"
    return find_targets(sys.executable, scratch, before=ROOT)


@pytest.fixture
def program(tmp_path: Path) -> Generator:
    """The load generator on the core of the server, since there may be only one."""
    return Generator(compile_generator(ROOT / ".work" / "bench"), min(os.sched_getaffinity(0)))


@needs_compiler
def test_a_tiny_round_measures_each_kind_of_load(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "samples.json"
    status = main(
        [
            "--rounds=1",
            "--seconds=0.05",
            "--only=echo,http,sse,latency",
            f"--peers={REFERENCE},{SERVICE}",
            f"--output={output}",
        ]
    )
    printed, complaints = capsys.readouterr()
    assert (status, complaints) == (0, "")
    samples = json.loads(output.read_text())["samples"]
    assert list(samples) == ["echo", "POST", "events to 200", "latency at 2,000 a second"]
    for name, rows in samples.items():
        assert f"**{name}**" in printed
        assert set(rows) >= {REFERENCE, SERVICE}
        assert all(sample["cost"] > 0 for [slices] in rows.values() for sample in slices)


@needs_compiler
@pytest.mark.parametrize("style", ["cookie", "message", "ticket"])
def test_a_client_of_each_auth_style_gets_in(
    style: str,
    targets: dict[str, Target],
    program: Generator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(throughput, "TICKETS", 500)
    with serving(targets[f"{SERVICE}-{style}"], program.core, tmp_path / "log") as server:
        load = throughput.handshake(server)
        with program.opened(server.pid, server.port, load) as run:
            counted = run.work(0, 0.01)
    assert counted.details["visits"] >= load.options["connections"]


def test_who_does_other_work_is_not_measured(targets: dict[str, Target], tmp_path: Path) -> None:
    core = min(os.sched_getaffinity(0))
    with serving(targets[REFERENCE], core, tmp_path / "log") as server:
        check_agreement(server)
        with (
            mock.patch.object(wire, "message", return_value=b'{"type":"echo","text":"other"}'),
            pytest.raises(
                ServerError, match=r"^raw says .*'other'.*, the others .*quick brown fox"
            ),
        ):
            check_agreement(server)


@needs_compiler
def test_a_server_that_refuses_is_named_with_its_answer(program: Generator) -> None:
    load = Load("echo", {"requests": b"GET / HTTP/1.1\r\n\r\n\0", "message": b""})
    command = [sys.executable, "-c", _REFUSE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        opened = program.opened(server.pid, int(server.stdout.readline()), load)
        with pytest.raises(GeneratorError, match=r"refused: HTTP/1\.1 403 Forbidden"):
            opened.__enter__()


_REFUSE = """
import socket
with socket.create_server(("127.0.0.1", 0)) as server:
    print(server.getsockname()[1], flush=True)
    client, _ = server.accept()
    client.recv(1024)
    client.sendall(b"HTTP/1.1 403 Forbidden\\r\\n\\r\\n")
    client.recv(1024)
"""


def test_without_a_compiler_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(GeneratorError, match=r"needs a C compiler .*apt install gcc"):
        compile_generator(tmp_path)


def test_a_service_without_its_bounds_still_does_the_same_work(
    targets: dict[str, Target], tmp_path: Path
) -> None:
    core = min(os.sched_getaffinity(0))
    with serving(targets["without-all-of-these"], core, tmp_path / "log") as server:
        check_agreement(server)


def test_another_checkout_is_rendered_beside_this_one(targets: dict[str, Target]) -> None:
    now, before = targets[SERVICE], targets[BEFORE]
    assert now.source != before.source
    assert (Path(before.source) / before.package / "resources" / "echo.py").is_file()


def test_the_documentation_explains_each_group() -> None:
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    table = text.partition("| group | what happens |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(GROUPS)


def test_a_bound_that_is_gone_is_named() -> None:
    with pytest.raises(SystemExit, match=r"^json has no nothing: adapt .*generated\.py$"):
        generated.Package("json").replace(json, "nothing", None)


def test_a_ratio_compares_slices_that_lie_side_by_side() -> None:
    # The machine was twice as slow in the second slice, and half as fast in the second round.
    found = results(([10, 20, 10], [20, 40, 25]), ([20, 20, 20], [80, 80, 80]))
    assert found.ratios(ECHO, SERVICE) == [0.5, 0.25]
    assert found.ratios(ECHO, REFERENCE) == [1, 1]
    table = list(found.table(ECHO))
    assert table[-2] == "| service | 60.00 | 0.38 | 0.25 to 0.50 |  |"


def test_the_picture_has_a_bar_for_each_row_as_long_as_its_ratio() -> None:
    picture = ElementTree.fromstring(draw([ECHO], results(([10], [20]), ([10], [40]))))  # noqa: S314
    bars = [float(bar.attrib["width"]) for bar in picture.iter("{http://www.w3.org/2000/svg}rect")]
    assert bars[1] == pytest.approx(0.375 * bars[0], abs=0.1)
    words = [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert words == ["raw", "service", "echo", "1.00", "0.38"]


def test_the_time_that_servers_waited_is_told() -> None:
    found = Results()
    found.add(ECHO, SERVICE, [Sample(1, rate=1, waited=share) for share in (0.1, 0.3, 0.2)])
    found.add(ECHO, REFERENCE, [Sample(1)])  # was not measured under load
    assert found.disturbance() == 0.2


@pytest.mark.parametrize(
    ("cost", "complaints"), [(22, []), (23, ["echo: 0.43 of raw, recorded 0.50"])]
)
def test_less_than_nine_tenths_of_what_was_recorded_is_told(
    tmp_path: Path, cost: float, complaints: list[str]
) -> None:
    path = tmp_path / "recorded.json"
    Recorded(path).record([ECHO], results(([10], [20])), MACHINE)
    found = Recorded(path).complaints([ECHO], results(([10], [cost])), MACHINE)
    assert list(found) == complaints


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    path = tmp_path / "recorded.json"
    found = results(([10], [20]))
    assert list(Recorded(path).complaints([ECHO], found, MACHINE)) == ["echo: nothing to compare"]
    Recorded(path).record([ECHO], found, MACHINE)
    for python, complaints in [
        ("3.13.9", []),
        ("3.12.1", ["echo: recorded with Python 3.13.0"]),
    ]:
        later = MACHINE | {"python": python}
        assert list(Recorded(path).complaints([ECHO], found, later)) == complaints


def test_recording_one_measure_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "recorded.json"
    path.write_text('{"broadcast to 10": {"median": 0.4}}')
    Recorded(path).record([ECHO], results(([10], [20])), MACHINE)
    assert set(json.loads(path.read_text())) == {"echo", "broadcast to 10"}


def test_what_is_recorded_is_what_is_checked() -> None:
    recorded = json.loads((ROOT / "benchmarks/service/recorded.json").read_text())
    checked = {measure.name for measure in MEASURES if measure.group in Recorded.GROUPS}
    assert checked <= set(recorded)


def test_a_table_has_its_reference() -> None:
    assert [m.name for m in MEASURES if m.reference not in m.targets] == []
    assert len({measure.name for measure in MEASURES}) == len(MEASURES)
    assert set(Recorded.GROUPS) < set(GROUPS)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535])
def test_a_frame_has_its_length_and_is_masked(size: int) -> None:
    payload = bytes(range(256)) * 256
    header, mask, masked = _split(wire.frame(payload[:size]), size)
    assert header == (
        b"\x81" + bytes([0x80 | size]) if size < 126 else b"\x81\xfe" + size.to_bytes(2)
    )
    assert bytes(byte ^ mask[i % 4] for i, byte in enumerate(masked)) == payload[:size]


def _split(frame: bytes, size: int) -> tuple[bytes, bytes, bytes]:
    start = len(frame) - size - 4
    return frame[:start], frame[start : start + 4], frame[start + 4 :]
