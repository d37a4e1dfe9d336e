"""Arguments of commands that fetch from this machine."""

import argparse
from pathlib import Path

from scatterfetch.localcloud.template import USER_AGENT
from scatterfetch.machine.resources import usable_cores
from scatterfetch.project import Project


def add_local(command: argparse.ArgumentParser) -> None:
    """Let `command` set parameters of template.yaml; see `local_parameters`."""
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


def add_local_run(command: argparse.ArgumentParser, out: str) -> None:
    """Let `command` run lists, whose results go to the folder `out` if nothing else is said."""
    command.add_argument(
        "--out",
        type=Path,
        default=Path(out),
        metavar="DIR",
        help="where the results go (default: %(default)s)",
    )
    add_workers(command)
    add_local(command)


def add_workers(command: argparse.ArgumentParser) -> None:
    """Let `command` say how many workers there are on this machine."""
    command.add_argument(
        "--workers",
        type=_positive,
        default=usable_cores(),
        metavar="N",
        help="worker processes (default: one for each core that this process may use)",
    )


def add_again(command: argparse.ArgumentParser) -> None:
    """Let `command` run lists again that were run before."""
    command.add_argument(
        "--again",
        action="store_true",
        help="begin a new job for a list that was run before, as a schedule does on the next day "
        "(default: go on with the job that there is)",
    )


def local_parameters(args: argparse.Namespace, project: Project | None) -> dict[str, str]:
    """Return the parameters that the arguments of `add_local`, and the project, set."""
    user_agent = args.user_agent or (project and project.user_agent)
    return ({USER_AGENT: user_agent} if user_agent else {}) | dict(args.parameter)


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1")
    return int(text)
