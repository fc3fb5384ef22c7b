"""Scripts that complete the command line in bash, zsh and fish, generated from its parser.

The scripts hold all names, so that a key press starts no Python.
"""

import dataclasses
from typing import Any

from kerasdl import cli, errors

PROGRAM = "kerasdl"


@dataclasses.dataclass(frozen=True)
class Option:
    """An option of a command.

    Args:
        names: tuple of str, such as ("--open", "--no-open").
        text: str, its help.
        takes_value: bool, whether a value follows it.
        values: tuple of str, its values; empty if it takes others, such as files.
    """

    names: tuple[str, ...]
    text: str
    takes_value: bool = False
    values: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Command:
    """A command.

    Args:
        name: str.
        text: str, its help.
        options: tuple of `Option`.
        values: tuple of str, values of its arguments; empty if they are others, such as files.
    """

    name: str
    text: str
    options: tuple[Option, ...]
    values: tuple[str, ...] = ()


def commands() -> list[Command]:
    """Return all commands, in the order of the help.

    >>> [command.name for command in commands()][:2]
    ['list', 'info']
    """
    import typer.main

    group: Any = typer.main.get_command(cli.app)  # which imports the commands
    return [_command(name, group.commands[name]) for name in group.list_commands(None)]


def _command(name, command):
    options, values = [Option(("--help",), "Show the options.")], []
    for parameter in command.params:
        # none for a file; typer gives them for declared values
        known = [item.value for item in parameter.shell_complete(None, "") if item.type == "plain"]
        if parameter.param_type_name == "argument":
            values += known
        else:
            names = (*parameter.opts, *parameter.secondary_opts)
            takes = not (parameter.is_flag or parameter.secondary_opts)
            options.append(Option(names, parameter.help or "", takes, tuple(known)))
    return Command(name, command.help or "", tuple(options), tuple(values))


BASH = """\
_kerasdl() {
    local word command= options= words= i
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == -- ]]; then
            command=
        elif [[ -z $command && $word != -* ]]; then
            command=$word
        fi
    done
    case $command in
%s
    esac
    if [[ $current == -* ]]; then words=$options; fi
    COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o bashdefault -o default -F _kerasdl kerasdl
"""
ZSH = """\
(( $+functions[compdef] )) || { autoload -U compinit && compinit }
autoload -U bashcompinit && bashcompinit
"""


def bash() -> str:
    """Return the script for bash; what it does not know are names of files.

    >>> bash().startswith("_kerasdl() {")
    True
    """
    every = commands()
    names = " ".join(command.name for command in every)
    lines = [f"        '') words='{names}' options='--help --version' ;;"]
    for command in every:
        options = " ".join(name for option in command.options for name in option.names)
        lines.append(f"        {command.name})")
        lines.append(f"            words='{' '.join(command.values)}' options='{options}'")
        lines.append("            case $previous in")
        for option in command.options:
            if option.takes_value:
                words = " ".join(option.values)
                lines.append(f"                {'|'.join(option.names)}) words='{words}' ;;")
        lines.append("            esac ;;")
    return BASH % "\n".join(lines)


def zsh() -> str:
    """Return the script for zsh, which reads that for bash.

    >>> "bashcompinit" in zsh()
    True
    """
    return ZSH + bash()


def fish() -> str:
    """Return the script for fish, which shows the help of commands and options, too.

    >>> fish().splitlines()[0]
    'complete -c kerasdl -n __fish_use_subcommand -f'
    """
    lines = [f"complete -c {PROGRAM} -n __fish_use_subcommand -f"]
    lines.append(
        f"complete -c {PROGRAM} -n __fish_use_subcommand -l version -d 'Show the version.'"
    )
    for command in commands():
        start = f"complete -c {PROGRAM} -n"
        text = _quoted(command.text)
        lines.append(f"{start} __fish_use_subcommand -f -a {command.name} -d {text}")
        start += f" {_quoted(f'__fish_seen_subcommand_from {command.name}')}"
        if command.values:
            lines.append(f"{start} -f -a {_quoted(' '.join(command.values))}")
        for option in command.options:
            takes = " -x" if option.values else " -r" if option.takes_value else ""
            values = f" -a {_quoted(' '.join(option.values))}" if option.values else ""
            for name in option.names:
                given = f"{start} -l {name.removeprefix('--')}{takes}{values}"
                lines.append(f"{given} -d {_quoted(option.text)}")
    return "\n".join(lines) + "\n"


def _quoted(text):
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}


def script(shell: str) -> str:
    """Return the script for a shell.

    Args:
        shell: str, "bash", "zsh" or "fish".

    >>> script("fish") == fish()
    True
    """
    errors.one_of("shell", shell, SHELLS)
    return SHELLS[shell]()
