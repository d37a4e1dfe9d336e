"""`scatterfetch spec check`, `spec schema` and `spec suggest`."""

import argparse
from contextlib import ExitStack
from pathlib import Path

import msgspec
import yaml
from msgspec.structs import asdict

from scatterfetch.commands.place import add_place, open_place
from scatterfetch.jobs.folder import Folder
from scatterfetch.jobs.manifests import find_manifest
from scatterfetch.localcloud.user_parsers import use_parsers
from scatterfetch.output.sentences import complain
from scatterfetch.project import project_of
from scatterfetch.results.files import fetched_results, find_results
from scatterfetch.results.finals import FinalOutcomes
from scatterfetch.schema import spec_schema
from shared.errors import InvalidJobError
from shared.outcomes import RememberedLine

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
SUGGEST_EXAMPLE = """\
Proposes an `expect` section by what a good job was like: a later job that falls behind it is
unhealthy. Read it before you use it: it takes the job as it was for what is right.

example:
  $ scatterfetch spec suggest shop-urls-9f86d081884c out >> shop/spec.yaml
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
    suggest = actions.add_parser(
        "suggest",
        help="propose what to expect, by a good job",
        description=SUGGEST_EXAMPLE,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    suggest.set_defaults(action=_suggest)
    suggest.add_argument("job", metavar="JOB", help="the id of a job that was good")
    add_place(suggest)


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


def _suggest(args: argparse.Namespace) -> int:
    from scatterfetch.proposals.expectations import expectations  # noqa: PLC0415 -- the engine

    place = open_place(args)
    manifest = find_manifest(place, args.job)
    with ExitStack() as stack:
        files = (
            find_results(place.path, args.job)
            if isinstance(place, Folder)
            else stack.enter_context(fetched_results(place, args.job))
        )
        outcomes = FinalOutcomes(files).read(complain)
        lines = (msgspec.convert(asdict(one), RememberedLine) for _, one in outcomes)
        found = {"expect": expectations(lines, manifest.spec)}
    print(yaml.safe_dump(found, sort_keys=False, default_flow_style=None), end="")
    return 0


def _schema(_: argparse.Namespace) -> int:
    print(spec_schema(), end="")
    return 0
