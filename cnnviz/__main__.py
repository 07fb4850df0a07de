"""`python -m cnnviz`: the window without arguments or with a picture, the command line with a subcommand."""

from __future__ import annotations

import os
import sys

from cnnviz.core.memory import keep_freed_memory


def main() -> int:
    """Run the window or the command line and return the exit status."""
    keep_freed_memory()
    arguments = sys.argv[1:]
    if _is_command_line(arguments):
        from cnnviz import cli

        return _flushed(cli.main(arguments))
    from cnnviz import app

    return app.run(arguments)


def _flushed(status: int) -> int:
    """Write out what was printed; a full disk is one sentence, and a reader that has gone needs none."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python tries again at its end
        if not isinstance(error, BrokenPipeError):
            print(f"cnnviz: {error.strerror}.", file=sys.stderr)
        return 1
    return status


def _is_command_line(arguments: list[str]) -> bool:
    """Return whether the arguments are meant for the command line; one that may be a picture is for the window.

    What is neither a command nor a file is most likely a command with a slip: the command line says which there are.
    """
    if len(arguments) != 1:
        return bool(arguments)
    from cnnviz.cli import COMMANDS

    only = arguments[0]
    return only.startswith("-") or only in COMMANDS or not (os.path.exists(only) or os.path.splitext(only)[1])


if __name__ == "__main__":
    sys.exit(main())
