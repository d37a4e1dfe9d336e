"""docs/work.md and examples/machines say what is there."""

import json
from argparse import ArgumentParser
from configparser import ConfigParser
from typing import Any

import yaml

from scatterfetch.commands import work
from scatterfetch.machine.crew import BACK_SECONDS
from scatterfetch.releases import RELEASE
from tests import ROOT
from tests.unit.test_template import statements

PAGE = (ROOT / "docs/work.md").read_text()
EXAMPLES = ROOT / "examples/machines"


def policy() -> list[tuple[str, str]]:
    """Return the actions that the page's policy allows, each with what it is for."""
    text = PAGE.partition("<!-- policy -->\n```json\n")[2].partition("```")[0]
    found = []
    for statement in json.loads(text)["Statement"]:
        actions, resources = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            targets = [resources] if isinstance(resources, str) else resources
            found += [(action, target) for target in targets]
    return found


def test_the_page_and_the_help_say_when_the_batches_of_a_dead_worker_are_back() -> None:
    assert f"after {BACK_SECONDS:g} s at most" in PAGE
    assert f"within {BACK_SECONDS:g} seconds" in work.EPILOG


def test_a_machine_may_do_what_a_worker_of_lambda_may_and_no_more() -> None:
    """But for its logs and for the wakes that Lambda receives for it."""
    names = {
        "WorkQueue.Arn": "arn:aws:sqs:REGION:ACCOUNT:NAME-work.fifo",
        "DispatchQueue.Arn": "arn:aws:sqs:REGION:ACCOUNT:DISPATCH_QUEUE",
        "DispatchDLQ.Arn": "arn:aws:sqs:REGION:ACCOUNT:DISPATCH_DLQ",
        "WakeQueue.Arn": "arn:aws:sqs:REGION:ACCOUNT:WAKE_QUEUE",
        "DataBucket.Arn": "arn:aws:s3:::DATA",
    }

    def resource(value: dict[str, str]) -> str:
        if "GetAtt" in value:
            return names.get(value["GetAtt"], value["GetAtt"])
        return value["Sub"].replace("${DataBucket.Arn}", names["DataBucket.Arn"])

    theirs: list[dict[str, Any]] = [
        statement
        for owner, statement in statements()
        if owner == "WorkerRole" and "Sid" in statement and "Ref" not in statement["Resource"]
    ]
    allowed = {(one["Action"], resource(one["Resource"])) for one in theirs}
    lambdas = {
        (action, target)
        for action, target in allowed
        if action.startswith("logs:")
        or action == "sqs:GetQueueAttributes"
        or (target.endswith("WAKE_QUEUE") and action != "sqs:SendMessage")
    }

    described = {"cloudformation:DescribeStacks"}
    assert {one for one in policy() if one[0] not in described} == allowed - lambdas
    assert described <= {action for action, _ in policy()}


def test_each_option_is_described() -> None:
    parser = ArgumentParser()
    work.add_arguments(parser)

    for option in parser._option_string_actions:
        if option.startswith("--") and option not in {"--help", "--stack"}:
            assert f"| `{option} " in PAGE, option


def test_examples_call_the_command_and_are_said_to_be_untried() -> None:
    docker = (EXAMPLES / "Dockerfile").read_text()
    unit = ConfigParser(strict=False, interpolation=None)
    unit.read(EXAMPLES / "scatterfetch-work.service")
    deployment = yaml.safe_load((EXAMPLES / "deployment.yaml").read_text())
    [container] = deployment["spec"]["template"]["spec"]["containers"]

    assert 'ENTRYPOINT ["scatterfetch", "work"]' in docker
    for words in (unit["Service"]["ExecStart"].split()[2:], container["args"]):
        parser = ArgumentParser()
        work.add_arguments(parser)
        assert parser.parse_args(words).stack == "scatterfetch"
    assert container["image"].endswith(f":{RELEASE}")
    for file in EXAMPLES.iterdir():
        assert file.read_text().startswith("# Untried."), file
