"""What holds for every command: a help text with an example, a list of commands that names it, one sentence for trouble."""

import re
import shlex

import click
import pytest
from click.testing import CliRunner

from ades.cli import COMMANDS, ades


def every(command: click.Command, path: tuple[str, ...] = ()):
    """All commands, those of groups too."""
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from every(command.get_command(context, name), (*path, name))
    elif not command.hidden:
        yield path, command


ALL = dict(every(ades))
TALKING = [
    path
    for path, command in ALL.items()
    if any(option.name == "token" for option in command.params) and path != ("login",)
]


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_each_help_text_has_an_example_that_can_be_typed(path):
    """The example begins with the command itself, and its options exist."""
    command = ALL[path]
    found = re.search(r"Example: (.+)", " ".join((command.help or "").split()))
    assert found, command.help
    words = shlex.split(found[1].partition(" < ")[0].partition(" | ")[0])
    while "=" in words[0]:  # variables before a command
        words.pop(0)
    if words[0] != "ades":  # `eval "$(ades …)"`
        words = shlex.split(re.search(r"\$\((.+)\)", found[1])[1])
    assert ["ades", *path] == words[: 1 + len(path)]
    command.make_parser(click.Context(command)).parse_args(words[1 + len(path) :])


def test_help_lists_every_command():
    """With a line for each."""
    shown = CliRunner().invoke(ades, ["--help"]).stdout
    assert [] == [
        name for name in COMMANDS if (name,) in ALL and not re.search(rf"^  {name}  +\w", shown, re.MULTILINE)
    ]


@pytest.mark.parametrize("path", TALKING, ids=" ".join)
def test_each_command_says_at_once_when_no_server_is_there(path, tmp_path):
    """Exit code 6 and one sentence with the remedy; nothing on standard output."""
    (tmp_path / "x.txt").write_text("x")
    words = {"SOURCE": str(tmp_path / "x.txt"), "package": "http://example.org/x.cwl"}
    command = ALL[path]
    arguments = [
        words.get(argument.name, words.get(argument.name.upper(), "x"))
        for argument in command.params
        if isinstance(argument, click.Argument) and argument.required
    ]
    options = [option for option in command.params if isinstance(option, click.Option) and option.required]
    arguments += [word for option in options for word in (option.opts[0], "x")]
    env = {"ADES_URL": "http://127.0.0.1:9", "XDG_CONFIG_HOME": str(tmp_path)}
    answer = CliRunner().invoke(ades, [*path, *arguments], env=env, input="value")
    assert (6, "") == (answer.exit_code, answer.stdout), answer.output
    assert "nothing listens there. Start a server with `ades serve`" in answer.stderr
    assert 1 == len(answer.stderr.splitlines())


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_a_script_for_the_shell(shell):
    """That asks `ades` itself."""
    assert "_ADES_COMPLETE" in CliRunner().invoke(ades, ["completion", shell]).stdout
