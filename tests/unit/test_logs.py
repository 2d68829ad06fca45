"""Logs of a running job are read by pieces, also from their end."""

import pytest

from ades.runner.logs import FOLDER, Logs


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0, None, b"0123456789"),
        (4, 3, b"456"),
        (-3, None, b"789"),
        (-3, 2, b"78"),
        (-99, None, b"0123456789"),
        (99, None, b""),
    ],
)
def test_a_piece_of_a_log(tmp_path, start, length, expected):
    (tmp_path / FOLDER).mkdir()
    logs = Logs(tmp_path)
    with logs.append_to("job") as log:
        log.write(b"0123456789")
    assert expected == logs.read("job", start, length)
    assert None is logs.read("other", start, length)
    logs.close()
