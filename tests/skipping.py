"""A plug-in of pytest: with NOTHING_SKIPPED in the environment, a test that skips itself fails.

Some tests need a program that not everybody has. Where all are installed, as in continuous
integration, a test that does not run proves nothing, and nobody would notice.
"""

import os
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn what was skipped into a failure that says why."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("NOTHING_SKIPPED"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"NOTHING_SKIPPED is set: {reason}"
    return report
