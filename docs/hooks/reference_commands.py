"""The page of all commands with all their options, from the command line itself."""

from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin

import typer
from markdown_pages import table
from mia_bench.benchmark.cli.typer_app import app


def commands_page() -> str:
    """Return the page: a section for each command, in the order of ``mia-bench --help``."""
    group: Any = typer.main.get_command(app)
    commands = group.commands.items()
    rows = [(f"[`mia-bench {name}`](#{name})", command.help.partition("\n")[0]) for name, command in commands]
    general = table(("option", "meaning"), list(_options(group)))
    introduction = (
        "`mia-bench COMMAND --help` shows the same on the terminal. Errors are one sentence on stderr, and the exit "
        "code is then 2. Results are written to stdout, and progress to stderr."
    )
    start = f"# Commands\n\n{introduction}\n\n{table(('command', 'what it does'), rows)}\n{general}\n"
    return start + "\n".join(_section(name, command) for name, command in commands)


def _section(name: str, command: Any) -> str:
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    usage = " ".join([f"mia-bench {name}", *(param.metavar or param.name.upper() for param in arguments), "[OPTIONS]"])
    examples = [line.removeprefix("Example: ") for line in (command.epilog or "").split("\n\n") if line]
    parts = [f"## `mia-bench {name}` {{ #{name} }}", command.help, f"```text\n{usage}\n```"]
    if arguments:
        rows = [(f"`{param.metavar or param.name.upper()}`", param.help or "") for param in arguments]
        parts.append(table(("argument", "meaning"), rows))
    if rows := list(_options(command)):
        parts.append(table(("option", "meaning"), rows))
    if examples:
        parts.append("```sh\n" + "\n".join(examples) + "\n```")
    return "\n\n".join(parts) + "\n"


def _options(command: Any) -> Iterator[tuple[str, str]]:
    for param in command.params:
        if param.param_type_name == "option" and not param.hidden:
            names = ", ".join(f"`{name}`" for name in (*param.opts, *param.secondary_opts))
            value = param.metavar or _choices(param)
            repeated = " Can be repeated." if param.multiple else ""
            yield f"{names} `{value}`" if value else names, f"{param.help}{repeated}"


def _choices(param: Any) -> str:
    annotation = param.type_descriptor.annotation
    return " or ".join(map(str, get_args(annotation))) if get_origin(annotation) is Literal else ""
