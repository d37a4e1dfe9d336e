"""Arguments of commands that are about the jobs of a folder or of a stack."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from scatterfetch.jobs.folder import Folder, open_folder
from scatterfetch.project import Project, find_project
from shared.errors import InvalidJobError

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack

DEFAULT_FOLDER = "out"


def add_place(command: argparse.ArgumentParser) -> None:
    """Let `command` take a folder or a stack; see `open_place`."""
    command.add_argument(
        "folder",
        nargs="?",
        type=Path,
        metavar="DIR",
        help=f"the --out of a local run (default: {DEFAULT_FOLDER})",
    )
    add_stack(command)


def add_stack(command: argparse.ArgumentParser, *, required: bool = False) -> None:
    """Let `command` take a stack; where it needs one, the project's is the default."""
    default = "; default: stack in scatterfetch.toml" if required else ""
    command.add_argument(
        "--stack",
        metavar="NAME",
        help="a deployed stack, found as the AWS CLI would (AWS_PROFILE, AWS_REGION, ...)"
        f"{default}",
    )


def chosen_stack(args: argparse.Namespace, project: Project | None = None) -> "Stack":
    """
    Return the stack that a command is about which needs one.

    Args:
        args: Of `add_stack`.
        project: Whose stack is the default; None means the one of the current folder.

    Raises:
        InvalidJobError: neither the arguments nor the project name one, or see `open_stack`.
    """
    project = project or find_project()
    name = args.stack or (project and project.stack)
    if not name:
        raise InvalidJobError("name a stack with --stack, or as `stack` in scatterfetch.toml")
    return open_stack(name, project)


def open_place(args: argparse.Namespace) -> "Folder | Stack":
    """Return what the arguments of `add_place` stand for."""
    if args.stack is None:
        return open_folder(args.folder or Path(DEFAULT_FOLDER))
    if args.folder is not None:
        raise InvalidJobError(f"jobs are in {args.folder} or in the stack {args.stack}: name one")
    return open_stack(args.stack)


def open_stack(name: str, project: Project | None = None) -> "Stack":
    """
    Look up the stack that an argument names, in the region of the project, or of the one around.

    Raises:
        InvalidJobError: there is no such stack, or nobody to ask. The message says what to do.
    """
    from scatterfetch.jobs import stack  # noqa: PLC0415 -- the AWS SDK; a folder needs none

    return stack.open_stack(name, project or find_project())
