"""scatterfetch.localcloud.template reads what CloudFormation would deploy."""

from pathlib import Path

import pytest

from scatterfetch.deployable import TEMPLATE
from scatterfetch.localcloud.template import Template
from shared.errors import InvalidJobError

BASE = "http://127.0.0.1:1"

SMALL = """
Parameters:
  Workers: {Type: Number, Default: 3, MinValue: 2, MaxValue: 9}
  Mode: {Type: String, Default: slow, AllowedValues: [slow, fast]}
  Agent: {Type: String, Default: "x", AllowedPattern: "[a-z]+", ConstraintDescription: say who}
Rules:
  FastHasWorkers:
    RuleCondition: !Equals [!Ref Mode, fast]
    Assertions:
      - Assert: !Not [!Equals [!Ref Workers, "2"]]
        AssertDescription: fast takes three workers
Conditions:
  IsFast: !Equals [!Ref Mode, fast]
  IsSlow: !Not [!Condition IsFast]
Globals:
  Function:
    Timeout: 30
    Environment: {Variables: {LEVEL: INFO, MODE: !Ref Mode}}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      NotificationConfiguration:
        QueueConfigurations: [{Event: "s3:ObjectCreated:*", Queue: !GetAtt Work.Arn}]
  Dead:
    Type: AWS::SQS::Queue
    Properties: {FifoQueue: true, QueueName: !Sub "${AWS::StackName}-dead.fifo"}
  Work:
    Type: AWS::SQS::Queue
    Properties:
      FifoQueue: true
      QueueName: !Join ["-", [!Ref "AWS::StackName", "work.fifo"]]
      VisibilityTimeout: !If [IsFast, 10, 20]
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  OnlyWhenFast:
    Type: AWS::SQS::Queue
    Condition: IsFast
  Function:
    Type: AWS::Serverless::Function
    Properties:
      Handler: a.b.handler
      MemorySize: 256
      Environment:
        Variables:
          QUEUE: !Ref Work
          BUCKET: !Ref Bucket
          NONE: !If [IsFast, x, !Ref "AWS::NoValue"]
      Events:
        Work:
          Type: SQS
          Properties:
            Queue: !GetAtt Work.Arn
            BatchSize: 1
            FunctionResponseTypes: [ReportBatchItemFailures]
            ScalingConfig: {MaximumConcurrency: !Ref Workers}
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(SMALL)
    return path


def test_functions_have_their_globals_references_and_mapping(path: Path) -> None:
    function = Template(path, BASE).functions["Function"]

    assert (function.handler, function.timeout, function.memory) == ("a.b.handler", 30, 256)
    assert function.environment == {
        "LEVEL": "INFO",
        "MODE": "slow",
        "QUEUE": "http://127.0.0.1:1/123456789012/local-work.fifo",
        "BUCKET": "local-bucket",
    }
    assert (function.source.queue, function.source.batch_size) == ("Work", 1)
    assert function.source.maximum_concurrency == 3
    assert function.source.partial_responses


def test_queues_have_their_attributes(path: Path) -> None:
    queues = Template(path, BASE).queues

    assert set(queues) == {"Dead", "Work"}
    assert queues["Work"].name == "local-work.fifo"
    assert queues["Work"].attributes == {"FifoQueue": "true", "VisibilityTimeout": "20"}
    assert queues["Work"].redrive == {
        "deadLetterTargetArn": "arn:aws:sqs:us-east-1:123456789012:local-dead.fifo",
        "maxReceiveCount": 3,
    }


def test_buckets_know_whom_they_notify(path: Path) -> None:
    bucket = Template(path, BASE).buckets["Bucket"]

    assert bucket.notifies == ("arn:aws:sqs:us-east-1:123456789012:local-work.fifo",)


def test_parameters_decide_conditions(path: Path) -> None:
    template = Template(path, BASE, {"Mode": "fast", "Workers": "9"})

    assert set(template.queues) == {"Dead", "Work", "OnlyWhenFast"}
    assert template.queues["Work"].attributes["VisibilityTimeout"] == "10"
    assert template.functions["Function"].environment["NONE"] == "x"
    assert template.functions["Function"].source.maximum_concurrency == 9


@pytest.mark.parametrize(
    ("overrides", "problem"),
    [
        ({"Wrong": "1"}, "has no parameter 'Wrong'; it has Workers, Mode, Agent"),
        ({"Mode": "medium"}, "parameter Mode is 'medium'; it may be slow, fast"),
        ({"Agent": "7"}, "parameter Agent is '7': say who"),
        ({"Workers": "1"}, "parameter Workers is '1'; it must be 2 to 9"),
        ({"Workers": "many"}, "parameter Workers is 'many'; it must be 2 to 9"),
    ],
)
def test_a_wrong_parameter_is_named(path: Path, overrides: dict[str, str], problem: str) -> None:
    with pytest.raises(InvalidJobError, match=problem):
        _ = Template(path, BASE, overrides).parameters


def test_the_rules_of_a_template_hold(path: Path) -> None:
    assert Template(path, BASE, {"Workers": "2"}).parameters["Workers"] == "2"
    with pytest.raises(InvalidJobError, match="fast takes three workers"):
        _ = Template(path, BASE, {"Workers": "2", "Mode": "fast"}).parameters


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("!Ref Bucket", "!Ref Bukket", "Ref to Bukket, which is not in it"),
        ("!GetAtt Dead.Arn", "!GetAtt Dead.Arm", "does not know the attribute Dead.Arm"),
        ("!GetAtt Dead.Arn", "!GetAtt Daed.Arn", "GetAtt of Daed, which is not in it"),
        ("!Ref Bucket", "!Cidr [a, b]", "the local cloud does not know Fn::Cidr"),
        ("Resources:", "Resources: [", "template.yaml"),
    ],
)
def test_a_wrong_template_is_a_clear_error(path: Path, old: str, new: str, problem: str) -> None:
    path.write_text(SMALL.replace(old, new, 1))

    with pytest.raises(InvalidJobError, match=problem):
        _ = Template(path, BASE).functions, Template(path, BASE).queues


def test_the_projects_own_template_is_understood() -> None:
    template = Template(TEMPLATE, BASE)

    assert {f.handler for f in template.functions.values()} == {
        "functions.dispatcher.handler.handler",
        "functions.worker.handler.handler",
    }
    assert len(template.queues) == 5
    assert len(template.buckets) == 2
