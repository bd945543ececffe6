"""The `trueup` command: one file per noun, and nothing here that a room below could do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper

from cyclopts import App, CycloptsError
from rich.console import Console

from trueup import __version__
from trueup.cli import checkpoint, dataset, demo, eval, queue, trace, train
from trueup.cli._output import CONTROLS
from trueup.cli.gate import gate
from trueup.cli.lineage import lineage
from trueup.cli.loop import loop
from trueup.errors import TrueupError

__all__ = ["app", "main"]

app = App(
    name="trueup",
    version=__version__,
    help="From the traces of a language-model application to a checkpoint that may be released.",
)
for noun in (trace, eval, queue, dataset, train, checkpoint, demo):
    app.command(noun.app)
for verb in (loop, gate, lineage):
    app.command(verb)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 error, 2 usage; `trueup gate` also 3 and 4."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # an ASCII terminal shows an escape, not a traceback
            stream.reconfigure(errors="backslashreplace")
    try:
        code = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        _complain(
            str(error).splitlines()[0] if str(error) else "the command line is not understood"
        )
        sys.exit(2)
    except TrueupError as error:
        _complain(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        _complain("interrupted; what was finished is kept")
        sys.exit(130)
    sys.exit(code if isinstance(code, int) else 0)


def _complain(message: str) -> None:
    # soft_wrap: an error is one line, however narrow the window
    shown = message.translate(CONTROLS).replace("\n", "\\n")
    Console(stderr=True, soft_wrap=True).print(f"error: {shown}", style="red", markup=False)
