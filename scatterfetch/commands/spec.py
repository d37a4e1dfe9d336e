"""`scatterfetch spec check` and `scatterfetch spec schema`."""

import argparse
import sys
from pathlib import Path

from scatterfetch.commands.command import Commands, add_command
from shared.errors import InvalidJobError

CHECK_EXAMPLE = """\
Tells whether specs are in order, and if not, where they are not. Nothing is fetched.

example:
  $ scatterfetch spec check spec.yaml
"""
SCHEMA_EXAMPLE = """\
Prints the JSON Schema of a spec, by which editors complete and check it. In editors with
yaml-language-server (VS Code's YAML extension, for one) a comment in the spec's first line does it:

  # yaml-language-server: $schema=spec.schema.json

example:
  $ scatterfetch spec schema > spec.schema.json
"""
EPILOG = """\
exit status:
  0    all is in order
  2    it is not, or wrong usage
"""


def add_commands(commands: Commands) -> None:
    group = commands.add_parser("spec", help="check a spec, or describe specs to an editor")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    check = add_command(
        actions, "check", "tell whether specs are in order", CHECK_EXAMPLE, _check, epilog=EPILOG
    )
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    add_command(
        actions, "schema", "print the JSON Schema of a spec", SCHEMA_EXAMPLE, _schema, epilog=EPILOG
    )


def _check(args: argparse.Namespace) -> int:
    from scatterfetch.lists.specs import read_spec  # noqa: PLC0415 -- --help need not wait for boto3

    wrong = 0
    for path in args.files:
        try:
            read_spec(path)
        except InvalidJobError as error:
            print(f"scatterfetch: {error}", file=sys.stderr)
            wrong += 1
        else:
            print(f"{path}: in order")
    return 2 if wrong else 0


def _schema(_: argparse.Namespace) -> int:
    from scatterfetch.schema import spec_schema  # noqa: PLC0415

    print(spec_schema(), end="")
    return 0
