"""What the commands print fits the terminal: what matters most is there however narrow it is."""

import click
import pytest
from rich.console import Console

from ades.cli import session

HEAD = ["job", "process", "status", "progress", "created", "message"]
IDS = ["01890a5d-ac96-774b-bcce-b302099a8057", "01890a5d-ac96-774b-bcce-b302099a8058"]
JOBS = [
    [IDS[0], "water-mask", "failed", "20%", "2026-01-02T03:04:05.678Z", "Step mask ran out of memory. " * 9],
    [IDS[1], "echo", "successful", "100%", "2026-01-02T03:04:05.678Z", "The job is successful."],
]


def drawn(width, rows=JOBS, head=HEAD):
    console = Console(width=width, force_terminal=True, color_system=None)
    with console.capture() as said:
        console.print(session.grid(rows, head, width))
    return said.get()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 160, 300])
def test_a_list_of_jobs_tells_the_whole_id_the_process_and_the_status_at_any_width(width):
    shown = drawn(width)
    for word in (*IDS, "water-mask", "failed", "successful"):
        assert word in shown
    assert max(len(line) for line in shown.splitlines()) <= width


def test_a_long_message_takes_what_is_left_and_nothing_from_the_others():
    lines = drawn(160).splitlines()
    assert 3 == len(lines)
    assert ["water-mask", "failed", "20%", "2026-01-02T03:04:05.678Z"] == lines[1].split()[1:5]
    assert lines[1].rstrip().endswith("…")


def test_a_table_of_few_columns_is_broken_into_lines():
    shown = drawn(30, [["scene", "uri or stac-item", "The scene that is looked at"]], ["name", "type", ""])
    assert "looked at" in " ".join(shown.split())
    assert "…" not in shown


def test_an_empty_list_says_so(capsys):
    session.table([], HEAD)
    assert ("", "There is nothing to list.\n") == tuple(capsys.readouterr())


def test_colours_can_be_switched_off(monkeypatch):
    """As https://no-color.org says."""
    from click.testing import CliRunner

    from ades import cli

    monkeypatch.setenv("NO_COLOR", "1")
    seen = []
    monkeypatch.setitem(cli.COMMANDS, "colours", f"{__name__}:colours")
    assert 0 == CliRunner().invoke(cli.ades, ["colours"], color=True, obj=seen).exit_code
    assert [False] == seen


@click.command()
@click.pass_context
def colours(context):
    context.obj.append(context.color)


def test_a_text_is_broken_between_words_on_a_terminal_only(monkeypatch):
    text = "podman with --runtime=runc; this was tried"
    assert text == session.flowing(text, indent=4)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    assert "podman with --runtime=runc;\n    this was tried" == session.flowing(text, indent=4)
