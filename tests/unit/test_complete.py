import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"


WANTING = "PostgreSQL is not installed here"
AWAY = "Apptainer's packages could not be fetched: E: connection timed out"


@pytest.mark.parametrize(
    ("complete", "reason", "word"), [("", WANTING, "1 skipped"), ("1", WANTING, "1 failed"), ("1", AWAY, "1 skipped")]
)
def test_where_everything_must_be_there_nothing_is_skipped(tmp_path, complete, reason, word):
    """On a laptop a test without its part is skipped; where CI has installed everything only what is elsewhere may be away."""
    (tmp_path / "conftest.py").write_text(CONFTEST.read_text())
    (tmp_path / "test_one.py").write_text(f"import pytest\ndef test(): pytest.skip({reason!r})\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path]
    answer = subprocess.run(
        command, env=os.environ | {"ADES_TESTS_COMPLETE": complete}, capture_output=True, text=True, check=False
    )
    assert word in answer.stdout
