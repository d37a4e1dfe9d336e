"""What all commands have in common."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 -- it has no other name


def add_command(
    commands: Commands,
    name: str,
    summary: str,
    text: str,
    function: Callable[[argparse.Namespace], int],
    *,
    epilog: str,
) -> argparse.ArgumentParser:
    """Register a command that `function` carries out; it returns the exit status."""
    command = commands.add_parser(
        name,
        help=summary,
        description=text,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(command=function)
    return command


def complain(sentence: str) -> None:
    """Say on standard error what is wrong or missing."""
    print(f"scatterfetch: {sentence}", file=sys.stderr)


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 line` or `1,234 lines`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def add_parameter(command: argparse.ArgumentParser) -> None:
    """Let `command` set parameters of template.yaml."""
    command.add_argument(
        "--parameter",
        action="append",
        default=[],
        type=_parameter,
        metavar="NAME=VALUE",
        help="set a parameter of template.yaml, e.g. AllowPrivateNetworks=true; repeat for more",
    )
    command.add_argument(
        "--user-agent",
        metavar="TEXT",
        help="how websites see you, e.g. 'acme-bot/1.0 (+https://acme.example/bot)' (default: "
        "user_agent in scatterfetch.toml)",
    )


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value
