"""`scatterfetch spec check` and `scatterfetch spec schema`."""

import argparse
from pathlib import Path

from scatterfetch.localcloud.user_parsers import use_parsers
from scatterfetch.output.sentences import complain
from scatterfetch.project import project_of
from scatterfetch.schema import spec_schema
from shared.errors import InvalidJobError

EXAMPLE = "Checks specs, or describes them to an editor."
CHECK_EXAMPLE = """\
Tells whether specs are in order, and if not, where they are not. Nothing is fetched. Python parsers
are those of the project that the specs are in, or else of the one that you are in.

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


def add_arguments(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser(
        "check",
        help="tell whether specs are in order",
        description=CHECK_EXAMPLE,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.set_defaults(action=_check)
    check.add_argument("files", nargs="+", type=Path, metavar="FILE")
    schema = actions.add_parser(
        "schema",
        help="print the JSON Schema of a spec",
        description=SCHEMA_EXAMPLE,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    schema.set_defaults(action=_schema)


def run(args: argparse.Namespace) -> int:
    exit_status: int = args.action(args)
    return exit_status


def _check(args: argparse.Namespace) -> int:
    from scatterfetch.lists.specs import read_spec  # noqa: PLC0415 -- the engine

    project = project_of(args.files)
    use_parsers(project.parsers if project else None)
    wrong = 0
    for path in args.files:
        try:
            read_spec(path)
        except InvalidJobError as error:
            complain(str(error))
            wrong += 1
        else:
            print(f"{path}: in order")
    return 2 if wrong else 0


def _schema(_: argparse.Namespace) -> int:
    print(spec_schema(), end="")
    return 0
