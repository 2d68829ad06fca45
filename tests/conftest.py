"""What holds for all tests: on a machine that claims to have every part, a test that skips for want of one fails."""

import os
import re

import pytest

COMPLETE = "ADES_TESTS_COMPLETE"
WANTING = re.compile(r"not installed|no Chromium|no sandbox on this machine|no container engine")

# Images of packages are nowhere to be had here; the tests of container engines make their own and say so.
os.environ.setdefault("ADES_CONTAINERS", "none")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if os.environ.get(COMPLETE) and report.skipped and not hasattr(report, "wasxfail"):
        reason = str(call.excinfo.value) if call.excinfo else ""
        if WANTING.search(reason):
            report.outcome = "failed"
            report.longrepr = f"{COMPLETE} is set, but a part is wanting: {reason}"
    return report
