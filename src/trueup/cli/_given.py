"""What a training command is given, by a file of options and by its line."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from cyclopts import App, ArgumentCollection
from cyclopts.config import Toml

from trueup.errors import InputError

__all__ = ["as_told", "from_file"]


def from_file(app: App, commands: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Take from the file that `--config` names what the command line does not say."""
    named = [a for a in arguments if "--config" in a.names and a.tokens]
    for argument in named:
        path = argument.tokens[0].value
        try:
            with Path(path).open("rb") as file:
                given = tomllib.load(file)
        except (OSError, tomllib.TOMLDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else error
            raise InputError(
                f"{path}: cannot be read ({why}); --config takes a TOML file"
            ) from error
        for name, value in given.items():
            if isinstance(value, Mapping):
                raise InputError(
                    f"{path}: [{name}] is not read; options stand at the top of the file, by name"
                )
        Toml(path, must_exist=True, use_commands_as_keys=False)(app, commands, arguments)


def as_told(_: App, __: tuple[str, ...], arguments: ArgumentCollection) -> None:
    """Refuse what would be read as something else than was said."""
    given = {name for a in arguments if a.tokens for name in a.names}
    if {"--full", "--lora-rank"} <= given:
        raise InputError("--full trains all weights and --lora-rank adapters; give one of them")
    for argument in arguments:
        for token in argument.tokens:
            nothing = argument.hint == int | None and token.value.lower() in ("none", "null")
            whole = nothing or token.value.lstrip("+-").isdecimal()
            if argument.hint in (int, int | None) and not whole:
                raise InputError(f"{argument.name} is {token.value}; it must be a whole number")
