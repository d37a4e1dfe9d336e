"""`scatterfetch schedule`: jobs that a stack starts by itself, time and again."""

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from scatterfetch.commands.place import add_stack, chosen_stack
from scatterfetch.localcloud.user_parsers import use_parsers
from scatterfetch.output.sentences import complain
from scatterfetch.project import project_of
from shared.errors import InvalidJobError
from shared.messages import Place

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack
    from scatterfetch.lists.url_list import UrlList
    from scatterfetch.schedules.scheduler import Scheduler

EXAMPLE = """\
Has a stack start the jobs of a list by itself, on EventBridge Scheduler. Each time is a new job.

examples:
  $ scatterfetch schedule add books/urls.txt "rate(1 day)" --stack scatterfetch
  $ scatterfetch schedule list --stack scatterfetch
"""
ADD_EXAMPLE = """\
Adds a schedule. WHEN is an expression of EventBridge Scheduler: rate(6 hours), rate(1 day),
cron(MINUTE HOUR DAY MONTH WEEKDAY YEAR) or, once, at(2026-12-24T18:00:00).

A list of this machine is uploaded now, and its spec goes along: change them, and add them again
with --replace. Of s3://BUCKET/KEY, which must be in the stack's input bucket, each job reads the
list and the nearest spec.yaml as they are then. URLs are the list, or with a spec that follows
links, where a crawl begins.

examples:
  $ scatterfetch schedule add books/urls.txt "cron(0 6 * * ? *)" --timezone Europe/Berlin
  $ scatterfetch schedule add s3://my-input-bucket/books/urls.txt "rate(1 day)"
  $ scatterfetch schedule add https://shop.example/ "rate(7 days)" --spec shop.yaml
"""
EPILOG = """\
exit status:
  0    done
  2    wrong usage or input, or AWS refused
  130  interrupted
"""
_S3 = "s3://"


def add_arguments(command: argparse.ArgumentParser) -> None:
    actions = command.add_subparsers(required=True, metavar="ACTION")
    add = _action(actions, "add", "add a schedule", ADD_EXAMPLE)
    add.set_defaults(action=_add)
    add.add_argument(
        "source", metavar="SOURCE", help="a list, s3://BUCKET/KEY, a URL, or that of a sitemap"
    )
    add.add_argument("expression", metavar="WHEN", help='when, as in "rate(1 day)"')
    add.add_argument("--spec", type=Path, metavar="FILE", help="how to fetch, and what to extract")
    add.add_argument(
        "--name",
        help="what its jobs' ids begin with, and what it is called (default: the folder and name "
        "of the list, or the host of the URL)",
    )
    add.add_argument(
        "--timezone", default="UTC", metavar="ZONE", help="of cron and at, as in Europe/Berlin"
    )
    add.add_argument(
        "--overlap",
        choices=["skip", "queue", "run"],
        default="skip",
        help="while the last job is not complete: skip this one, start it later, or at once "
        "(default: skip)",
    )
    add.add_argument("--replace", action="store_true", help="overwrite a schedule of this name")
    add_stack(add, required=True)
    listing = _action(actions, "list", "list the schedules", "Lists the schedules of a stack.")
    listing.set_defaults(action=_list)
    listing.add_argument("--json", action="store_true", help="for programs: one JSON object a line")
    add_stack(listing, required=True)
    for name, action, words in (
        (
            "remove",
            _remove,
            "Removes a schedule. Its jobs go on, and its list stays in the bucket.",
        ),
        (
            "run-now",
            _run_now,
            "Starts a job of a schedule, as far as its --overlap lets it, and prints the job's id.",
        ),
        ("pause", _pause, "Lets a schedule start no jobs until `resume`."),
        ("resume", _resume, "Lets a paused schedule start jobs again."),
    ):
        one = _action(actions, name, words.partition(".")[0].lower(), words)
        one.set_defaults(action=action)
        one.add_argument("name", metavar="NAME", help="as `schedule list` has it")
        add_stack(one, required=True)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, help_: str, text: str
) -> argparse.ArgumentParser:
    return actions.add_parser(
        name,
        help=help_,
        description=text,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run(args: argparse.Namespace) -> int:
    args.action(args)
    return 0


def _scheduler(stack: "Stack") -> "Scheduler":
    from scatterfetch.schedules.scheduler import Scheduler  # noqa: PLC0415 -- the SDK

    return Scheduler(stack)


def _add(args: argparse.Namespace) -> None:
    from functions.dispatcher.specs import parse_spec  # noqa: PLC0415 -- YAML
    from scatterfetch.lists.specs import read_spec, spec_of  # noqa: PLC0415 -- the engine
    from scatterfetch.releases import check_known  # noqa: PLC0415 -- the engine
    from scatterfetch.schedules.schedule import (  # noqa: PLC0415 -- the engine
        Schedule,
        check_expression,
        message_of,
        names_of,
    )

    check_expression(args.expression)
    _check_timezone(args.timezone)
    is_stored = args.source.startswith(_S3)
    files = [] if is_stored or "://" in args.source else [Path(args.source)]
    project = project_of([*files, args.spec] if args.spec else files)
    use_parsers(project.parsers if project else None)
    spec = parse_spec(str(args.spec), read_spec(args.spec)) if args.spec else None
    source = _stored(args.source) if is_stored else _local(args.source, args.spec)
    stack = chosen_stack(args, project)
    if isinstance(source, Place):
        _check_stored(stack, source)
    else:
        spec = spec_of(source)
    if spec:
        check_known(spec, stack.release, stack.name)
    scheduler = _scheduler(stack)
    name, called = names_of(source, args.name)
    if not args.replace and scheduler.has(called):
        raise InvalidJobError(
            f"there is a schedule {called} already: overwrite it with --replace, or give this one "
            "another --name"
        )
    message = message_of(stack, source, name, spec, args.overlap)
    schedule = Schedule(
        name=called, expression=args.expression, timezone=args.timezone, message=message
    )
    scheduler.add(schedule, over=args.replace)
    print(called)


def _check_timezone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InvalidJobError(f"{name!r} is not a time zone. Write, e.g., Europe/Berlin") from error


def _stored(source: str) -> Place:
    bucket, _, key = source.removeprefix(_S3).partition("/")
    if not bucket or not key:
        raise InvalidJobError(f"{source} is not a list: write s3://BUCKET/KEY")
    return Place(bucket, key)


def _check_stored(stack: "Stack", place: Place) -> None:
    if place.bucket != stack.input.name:
        raise InvalidJobError(
            f"{place} is not in the input bucket of {stack}, which is {stack.input.name}"
        )
    if next(stack.input.keys(place.key), None) != place.key:
        raise InvalidJobError(f"there is no {place}; is its name misspelt?")


def _local(source: str, spec: Path | None) -> "UrlList":
    from scatterfetch.lists.sources import mention_spec, read_sources  # noqa: PLC0415 -- the engine
    from scatterfetch.submission.request import check_list  # noqa: PLC0415 -- the engine

    mention_spec([source], spec, complain)
    [url_list] = read_sources([source], spec=spec)
    check_list(url_list)
    return url_list


def _list(args: argparse.Namespace) -> None:
    stack = chosen_stack(args)
    found = list(_scheduler(stack).all())
    for schedule in found:
        if isinstance(schedule, str):
            complain(f"the schedule {schedule} does not submit a list: others made it")
        elif args.json:
            line = {
                "name": schedule.name,
                "expression": schedule.expression,
                "timezone": schedule.timezone,
                "paused": schedule.paused,
                "overlap": schedule.message.overlap,
                "source": schedule.source,
            }
            print(msgspec.json.encode(line).decode())
        else:
            zone = "" if schedule.timezone == "UTC" else f" {schedule.timezone}"
            paused = ", paused" if schedule.paused else ""
            when = f"{schedule.expression}{zone}{paused}"
            print(f"{schedule.name}  {when}  {schedule.source}")
    if not found:
        complain(f"there are no schedules in {stack}")


def _remove(args: argparse.Namespace) -> None:
    _scheduler(chosen_stack(args)).remove(args.name)


def _run_now(args: argparse.Namespace) -> None:
    from scatterfetch.schedules.schedule import start_now  # noqa: PLC0415 -- the engine

    stack = chosen_stack(args)
    schedule = _scheduler(stack).find(args.name)
    print(start_now(stack, schedule, now=datetime.now(UTC)))


def _pause(args: argparse.Namespace) -> None:
    _scheduler(chosen_stack(args)).pause(args.name, paused=True)


def _resume(args: argparse.Namespace) -> None:
    _scheduler(chosen_stack(args)).pause(args.name, paused=False)
