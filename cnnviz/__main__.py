"""`python -m cnnviz`: the window without arguments or with a picture, the command line with a subcommand."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the window or the command line and return the exit status."""
    arguments = sys.argv[1:]
    if arguments and (arguments[0].startswith("-") or arguments[0] in _commands()):
        from cnnviz import cli

        return cli.main(arguments)
    from cnnviz import app

    return app.run(arguments)


def _commands() -> tuple[str, ...]:
    from cnnviz.cli import COMMANDS

    return tuple(COMMANDS)


if __name__ == "__main__":
    sys.exit(main())
