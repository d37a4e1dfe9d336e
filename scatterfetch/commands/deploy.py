"""`scatterfetch deploy`: builds the packages, and deploys them with the SAM CLI."""

import argparse
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from scatterfetch.build import PLATFORMS, build
from scatterfetch.deployable import TEMPLATE
from scatterfetch.localcloud.template import Template
from scatterfetch.output.sentences import complain
from scatterfetch.project import Project, find_project
from shared.errors import InvalidJobError

EXAMPLE = """\
Builds the functions and their layer for Lambda, with the Python parsers of your project, and
deploys them as a CloudFormation stack. NAME=VALUE sets a parameter of the template. Parameters that
are not named keep the value that the stack has, or else their default.

Building needs uv or pip, and no Python of Lambda's version; deploying needs the SAM CLI (`sam`, or
uvx or pipx, which fetch it) and AWS credentials.

examples:
  $ scatterfetch deploy UserAgent='acme-bot/1.0 (+https://acme.example/bot)'
  $ scatterfetch deploy --stack shops WorkerConcurrency=50
  $ scatterfetch deploy --build-only
"""
EPILOG = """\
exit status:
  0    the stack is as described
  1    the SAM CLI could not deploy it; it says why
  2    wrong usage, or the packages could not be built
  130  interrupted; the deployment may go on
"""
BUILD_FOLDER = Path(".aws-sam/build")  # where `sam deploy` looks
DEFAULT_STACK = "scatterfetch"
_STACK = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,127}")
_SAM = "aws-sam-cli>=1.170"


def add_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "parameters",
        nargs="*",
        type=_parameter,
        metavar="NAME=VALUE",
        help="parameters of the template, e.g. WorkerConcurrency=50",
    )
    command.add_argument(
        "--stack",
        metavar="NAME",
        help=f"its name (default: stack in scatterfetch.toml, or else {DEFAULT_STACK})",
    )
    command.add_argument(
        "--arch",
        choices=[*PLATFORMS],
        default="arm64",
        help="processor of the functions (default: %(default)s)",
    )
    command.add_argument(
        "--build-only", action="store_true", help=f"leave the packages in {BUILD_FOLDER}"
    )
    command.add_argument(
        "--guided", action="store_true", help="let the SAM CLI ask for every parameter"
    )
    command.add_argument(
        "--yes", action="store_true", help="do not ask before the stack is changed"
    )


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name.isalnum() or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def run(args: argparse.Namespace) -> int:
    project = find_project()
    folder = (project.folder if project else Path.cwd()) / BUILD_FOLDER
    parameters = {"Architecture": args.arch, **_of_project(project), **dict(args.parameters)}
    if parameters["Architecture"] != args.arch:
        raise InvalidJobError("name the architecture by --arch: the packages are built for it")
    if not (args.build_only or args.guided or "UserAgent" in parameters):
        raise InvalidJobError(
            "websites must be able to tell who visits them: add "
            "UserAgent='acme-bot/1.0 (+https://acme.example/bot)' with your own name and page, "
            "or user_agent to scatterfetch.toml"
        )
    stack = args.stack or (project and project.stack) or DEFAULT_STACK
    if not _STACK.fullmatch(stack):
        raise InvalidJobError(
            f"{stack!r} cannot be the name of a stack: use letters, digits and -, a letter first"
        )
    # Wrong ones are refused.
    defaults = Template(TEMPLATE, "http://127.0.0.1", parameters).parameters
    # The SAM CLI reads AWS_DEFAULT_REGION alone.
    region = os.environ.get("AWS_REGION") or (project and project.region) or None
    sam = None if args.build_only else _sam()
    if sam is not None and not args.guided:
        _mention_quota(stack, parameters, defaults, region)
    template = build(
        folder,
        architecture=args.arch,
        parsers=project.parsers if project else None,
        say=complain,
    )
    print(f"{folder}: built for {args.arch}", flush=True)
    if sam is None:
        return 0
    command = [*sam, "deploy", "--template-file", str(template), "--stack-name", stack]
    command += ["--capabilities", "CAPABILITY_IAM", "--resolve-s3"]
    command += ["--no-fail-on-empty-changeset", "--parameter-overrides", *_overrides(parameters)]
    command += ["--no-confirm-changeset" if args.yes else "--confirm-changeset"]
    if region:
        command += ["--region", region]
    if args.guided:
        command.append("--guided")
    sys.stdout.flush()
    return 1 if subprocess.run(command, cwd=folder, check=False).returncode else 0


def _mention_quota(
    stack: str, parameters: Mapping[str, str], defaults: Mapping[str, str], region: str | None
) -> None:
    from scatterfetch.account import concurrency_problem  # noqa: PLC0415 -- the AWS SDK

    if problem := concurrency_problem(stack, parameters, defaults, region):
        complain(problem)


def _of_project(project: Project | None) -> dict[str, str]:
    return {"UserAgent": project.user_agent} if project and project.user_agent else {}


def _overrides(parameters: Mapping[str, str]) -> list[str]:
    """Return parameters as the SAM CLI reads them, whatever characters they hold."""
    quoted = {
        name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in parameters.items()
    }
    return [f'{name}="{value}"' for name, value in quoted.items()]


def _sam() -> Sequence[str]:
    """
    Return the command that is the SAM CLI.

    Raises:
        InvalidJobError: there is none.
    """
    for program, command in (
        ("sam", ["sam"]),
        ("uvx", ["uvx", "--from", _SAM, "sam"]),
        ("pipx", ["pipx", "run", "--spec", _SAM, "sam"]),
    ):
        if shutil.which(program):
            return command
    raise InvalidJobError(
        "deploying needs the SAM CLI, and there is neither sam nor uvx or pipx, which would fetch "
        "it; install one of them: https://docs.aws.amazon.com/serverless-application-model/"
    )
