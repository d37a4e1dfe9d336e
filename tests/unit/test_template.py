"""What template.yaml promises the code, and the code template.yaml."""

import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from bench.simulated_fleet import Fleet
from functions.worker.leases import LEASE_SECONDS
from functions.worker.work import CAREFUL_FROM, UNFETCHED_FROM
from functions.worker.worker import ALONE_FROM, BATCH_SECONDS, COMMIT_SECONDS, MIN_SECONDS
from scatterfetch import __version__
from scatterfetch.build import SERVICES
from scatterfetch.localcloud.template import Template
from scatterfetch.parser_modules import digest_of
from scatterfetch.releases import RELEASE
from shared.errors import InvalidJobError
from shared.lock import PARTITIONS, lock_name
from shared.messages import Submit, decode_dispatch
from shared.settings import LEAST_MEMORY, DispatcherSettings, WorkerSettings
from tests import ROOT

FUNCTIONS: dict[str, tuple[type[DispatcherSettings | WorkerSettings], str]] = {
    "DispatcherFunction": (DispatcherSettings, "DispatchQueue"),
    "WorkerFunction": (WorkerSettings, "WakeQueue"),
}
DATA = ["InputBucket", "DataBucket"]
DEAD_LETTER_QUEUES = {"DispatchQueue": "DispatchDLQ", "WorkQueue": "WorkDLQ"}
LASTING_QUEUES = [*DEAD_LETTER_QUEUES, *DEAD_LETTER_QUEUES.values()]
QUEUES = [*LASTING_QUEUES, "WakeQueue"]
MARGIN = 10  # seconds that a message stays hidden beyond its invocation


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation: `!Ref X` becomes {"Ref": "X"}, `!GetAtt X.Y` {"GetAtt": "X.Y"}."""


def _tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {suffix: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _tag)


def load_template() -> dict[str, Any]:
    template: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text("utf-8"), _Loader)
    return template


TEMPLATE = load_template()
REQUIRED = {"UserAgent": "acme-bot/1.0 (+https://acme.example/bot)"}
"""Parameters without a default."""


def properties(logical_id: str) -> dict[str, Any]:
    """Return a resource's properties; for a function, over the Globals."""
    resource = TEMPLATE["Resources"][logical_id]
    own: dict[str, Any] = resource["Properties"]
    if resource["Type"] != "AWS::Serverless::Function":
        return own
    shared: dict[str, Any] = TEMPLATE["Globals"]["Function"]
    variables = shared["Environment"]["Variables"] | own["Environment"]["Variables"]
    return shared | own | {"Environment": {"Variables": variables}}


def environment(function: str) -> dict[str, Any]:
    variables: dict[str, Any] = properties(function)["Environment"]["Variables"]
    return variables


def event_source(function: str) -> dict[str, Any]:
    [event] = [
        event
        for event in properties(function)["Events"].values()
        if event["Properties"].get("Enabled", True)
    ]
    assert event["Type"] == "SQS"
    source: dict[str, Any] = event["Properties"]
    return source


def resolved(value: Any) -> str:
    """Return a variable's text in a deployment that sets no parameter."""
    match value:
        case {"Ref": name} if name in TEMPLATE["Parameters"]:
            parameter = TEMPLATE["Parameters"][name]
            return str(parameter.get("Default", REQUIRED.get(name)))
        case {"Ref": name} if TEMPLATE["Resources"][name]["Type"] == "AWS::SQS::Queue":
            return f"https://sqs.us-east-1.amazonaws.com/123456789012/{name}"
        case {"Ref": name}:
            return f"stack-{name}".lower()
    return str(value)


def statements() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every policy statement and the resource it stands in, conditional ones too."""
    for logical_id, resource in TEMPLATE["Resources"].items():
        inside = resource.get("Properties", {})
        documents = [policy["PolicyDocument"] for policy in inside.get("Policies", [])]
        for name in ("PolicyDocument", "AssumeRolePolicyDocument"):
            documents += [inside[name]] if name in inside else []
        for document in documents:
            for statement in document["Statement"]:
                if "If" not in statement:
                    yield logical_id, statement
                    continue
                for choice in statement["If"][1:]:
                    if choice != {"Ref": "AWS::NoValue"}:
                        yield logical_id, choice


def of_type(kind: str) -> list[str]:
    return [name for name, resource in TEMPLATE["Resources"].items() if resource["Type"] == kind]


def test_outputs_say_which_release_and_which_lock_it_is() -> None:
    outputs = {name: output["Value"] for name, output in TEMPLATE["Outputs"].items()}

    assert outputs["Release"] == RELEASE
    assert outputs["Lock"] == lock_name(PARTITIONS)
    assert outputs["Parsers"] == digest_of(None)


@pytest.mark.parametrize(("workers", "enabled"), [("0", False), ("2", True), ("20", True)])
def test_a_stack_may_have_no_workers_of_its_own(workers: str, enabled: bool) -> None:
    """Lambda refuses a maximum below two, even of a mapping that is disabled."""
    template = Template(ROOT / "template.yaml", "http://q", {"WorkerConcurrency": workers})
    function = template._content["Resources"]["WorkerFunction"]
    events = template._resolve(function["Properties"]["Events"])

    assert events["Wake"]["Properties"]["Enabled"] is enabled
    for event in events.values():
        bound = event["Properties"]["ScalingConfig"].get("MaximumConcurrency")
        assert bound == (workers if enabled else None)
    if not enabled:
        with pytest.raises(InvalidJobError, match="no SQS queue feeds WorkerFunction"):
            _ = template.functions


def test_what_is_simulated_is_what_is_deployed() -> None:
    fleet = Fleet(urls=1, hosts=1)
    parameters = ("WorkerConcurrency", "BatchSize", "WorkerMemory")
    defaults = tuple(TEMPLATE["Parameters"][name]["Default"] for name in parameters)

    assert (fleet.workers, fleet.batch_size, fleet.memory) == defaults
    assert fleet.lifetime == properties("WorkerFunction")["Timeout"]


def test_a_worker_has_the_memory_that_its_bounds_are_for() -> None:
    assert TEMPLATE["Parameters"]["WorkerMemory"]["MinValue"] == LEAST_MEMORY
    assert environment("WorkerFunction")["WORKER_MEMORY"] == {"Ref": "WorkerMemory"}
    assert properties("WorkerFunction")["MemorySize"] == {"Ref": "WorkerMemory"}


def test_tables_above_name_every_resource_of_their_kind() -> None:
    assert of_type("AWS::Serverless::Function") == list(FUNCTIONS)
    assert of_type("AWS::S3::Bucket") == DATA
    assert sorted(of_type("AWS::SQS::Queue")) == sorted(QUEUES)


@pytest.mark.parametrize("name", TEMPLATE["Parameters"])
def test_parameter_is_described_and_bounded(name: str) -> None:
    parameter = TEMPLATE["Parameters"][name]

    assert parameter["Description"].strip()
    assert {"AllowedPattern", "AllowedValues", "MinValue"} & parameter.keys()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_message_stays_hidden_while_its_invocation_may_still_run(function: str) -> None:
    """Less, and a second dispatcher would get the message while the first is still on it."""
    queue = FUNCTIONS[function][1]

    visibility = properties(queue)["VisibilityTimeout"]

    assert visibility >= properties(function)["Timeout"] + MARGIN


def test_mapping_of_release_0_1_is_there_and_takes_nothing() -> None:
    """AWS checks the visibility timeout of its queue all the same."""
    mapping = properties("WorkerFunction")["Events"]["Work"]["Properties"]

    assert mapping["Enabled"] is False
    visibility = properties("WorkQueue")["VisibilityTimeout"]
    assert visibility >= properties("WorkerFunction")["Timeout"]
    assert visibility > LEASE_SECONDS  # which each worker asks for


def test_worker_has_time_for_many_batches() -> None:
    timeout = properties("WorkerFunction")["Timeout"]

    assert timeout - COMMIT_SECONDS - MIN_SECONDS >= 2 * BATCH_SECONDS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_is_fed_by_its_queue_and_may_fail_single_messages(function: str) -> None:
    source = event_source(function)

    assert source["Queue"] == {"GetAtt": f"{FUNCTIONS[function][1]}.Arn"}
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert "MaximumConcurrency" in source["ScalingConfig"]


def test_a_wake_is_a_worker() -> None:
    assert event_source("WorkerFunction")["BatchSize"] == 1


def test_work_queue_is_fifo_with_a_throughput_of_its_own_for_each_partition() -> None:
    queue = properties("WorkQueue")

    assert queue["FifoQueue"] is True
    assert queue["QueueName"]["Sub"].endswith(".fifo")
    assert queue["DeduplicationScope"] == "messageGroup"
    assert queue["FifoThroughputLimit"] == "perMessageGroupId"
    assert queue["ContentBasedDeduplication"] is False


@pytest.mark.parametrize("function", FUNCTIONS)
def test_environment_is_what_the_settings_read(function: str) -> None:
    settings = FUNCTIONS[function][0]
    variables = {
        name for name in environment(function) if not name.startswith(("POWERTOOLS_", "MALLOC_"))
    }

    read = {name.upper() for name in settings.__struct_fields__}
    assert variables == read - {"PARTITIONS"}  # a constant, but in a local cloud


@pytest.mark.parametrize("function", FUNCTIONS)
def test_default_parameters_make_valid_settings(function: str) -> None:
    settings = FUNCTIONS[function][0]
    variables = {name: resolved(value) for name, value in environment(function).items()}

    settings.from_env(variables)


@pytest.mark.parametrize(
    ("parameter", "bound"),
    [
        ("BatchSize", "MinValue"),
        ("BatchSize", "MaxValue"),
    ],
)
def test_bounds_of_parameters_are_those_of_the_settings(parameter: str, bound: str) -> None:
    variables = {name: resolved(value) for name, value in environment("DispatcherFunction").items()}
    name = {"BatchSize": "BATCH_SIZE"}[parameter]
    limit = TEMPLATE["Parameters"][parameter][bound]
    beyond = limit - 1 if bound == "MinValue" else limit + 1

    DispatcherSettings.from_env(variables | {name: str(limit)})
    with pytest.raises(InvalidJobError):
        DispatcherSettings.from_env(variables | {name: str(beyond)})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_handler_exists_where_the_build_puts_it(function: str) -> None:
    module, _, name = properties(function)["Handler"].rpartition(".")
    package = TEMPLATE["Resources"][function]["Metadata"]["BuildProperties"]["ParentPackages"]
    path = ROOT / f"{module.replace('.', '/')}.py"

    tree = ast.parse(path.read_text("utf-8"))

    assert module == f"{package}.handler"
    assert path.parent == ROOT / properties(function)["CodeUri"]
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_recursion_guard_lets_targets_wait(function: str) -> None:
    assert properties(function)["RecursiveLoop"] == "Allow"


def test_layer_and_functions_are_built_for_the_same_processor() -> None:
    layer = TEMPLATE["Resources"]["SharedLayer"]

    processors = [
        layer["Metadata"]["BuildArchitecture"],
        *layer["Properties"]["CompatibleArchitectures"],
        *(name for function in FUNCTIONS for name in properties(function)["Architectures"]),
    ]

    assert processors == [{"Ref": "Architecture"}] * len(processors)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_logs_expire(function: str) -> None:
    group = properties(function)["LoggingConfig"]["LogGroup"]["Ref"]

    assert properties(group)["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("bucket", DATA)
def test_bucket_outlives_its_stack(bucket: str) -> None:
    resource = TEMPLATE["Resources"][bucket]

    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("bucket", DATA)
def test_bucket_is_private_and_encrypted(bucket: str) -> None:
    inside = properties(bucket)

    [rule] = inside["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert inside["PublicAccessBlockConfiguration"] == {
        "BlockPublicAcls": True,
        "BlockPublicPolicy": True,
        "IgnorePublicAcls": True,
        "RestrictPublicBuckets": True,
    }
    assert inside["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]


@pytest.mark.parametrize("bucket", DATA)
def test_abandoned_uploads_are_not_paid_for_ever(bucket: str) -> None:
    rules = properties(bucket)["LifecycleConfiguration"]["Rules"]

    assert any(
        "AbortIncompleteMultipartUpload" in rule and rule["Status"] == "Enabled" for rule in rules
    )


@pytest.mark.parametrize("name", [*DATA, *QUEUES])
def test_connections_without_tls_are_refused(name: str) -> None:
    arn = {"GetAtt": f"{name}.Arn"}
    policies = [
        policy
        for policy in of_type("AWS::S3::BucketPolicy") + of_type("AWS::SQS::QueuePolicy")
        if {"Ref": name}
        in (properties(policy).get("Bucket"), *properties(policy).get("Queues", []))
    ]
    [denied] = [
        statement
        for policy, statement in statements()
        if policy in policies and statement["Effect"] == "Deny"
    ]

    assert denied["Principal"] == "*"
    assert denied["Action"] in {"s3:*", "sqs:*"}
    assert denied["Resource"] in (arn, [arn, {"Sub": f"${{{name}.Arn}}/*"}])
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("queue", QUEUES)
def test_queue_is_encrypted_and_keeps_messages_as_long_as_sqs_does(queue: str) -> None:
    inside = properties(queue)

    assert inside["SqsManagedSseEnabled"] is True
    if queue in LASTING_QUEUES:  # a wake that nobody has heard for an hour is of no use
        assert inside["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


@pytest.mark.parametrize(("queue", "dead_letters"), DEAD_LETTER_QUEUES.items())
def test_message_that_fails_twelve_times_becomes_a_dead_letter(
    queue: str, dead_letters: str
) -> None:
    """Receives that Lambda's pollers make while it is throttled count as well."""
    assert properties(queue)["RedrivePolicy"] == {
        "deadLetterTargetArn": {"GetAtt": f"{dead_letters}.Arn"},
        "maxReceiveCount": 12,
    }
    assert properties(queue).get("FifoQueue") == properties(dead_letters).get("FifoQueue")


def test_batch_that_kills_its_workers_is_given_up_before_it_is_a_dead_letter() -> None:
    receives = properties("WorkQueue")["RedrivePolicy"]["maxReceiveCount"]

    assert CAREFUL_FROM < ALONE_FROM < UNFETCHED_FROM <= receives - 4


def test_uploads_reach_the_dispatch_queue() -> None:
    bucket = TEMPLATE["Resources"]["InputBucket"]
    configuration = bucket["Properties"]["NotificationConfiguration"]

    assert configuration == {
        "QueueConfigurations": [
            {"Event": "s3:ObjectCreated:*", "Queue": {"GetAtt": "DispatchQueue.Arn"}}
        ]
    }
    assert bucket["DependsOn"] == "DispatchQueuePolicy"  # S3 tries it out at once


@pytest.mark.parametrize(
    "statement", [pytest.param(s, id=f"{name}-{s.get('Sid')}") for name, s in statements()]
)
def test_allowed_is_one_action_on_one_arn(statement: dict[str, Any]) -> None:
    if statement["Effect"] == "Deny":
        return
    assert isinstance(statement["Action"], str)
    assert "*" not in statement["Action"]
    if statement["Action"] != "sts:AssumeRole":  # which is about the role itself
        [(intrinsic, value)] = statement["Resource"].items()
        assert (
            intrinsic == "GetAtt"
            or (intrinsic == "Sub" and value.startswith("${"))
            or (intrinsic == "Sub" and value.endswith("${AWS::AccountId}:event-bus/default"))
            or (intrinsic == "Ref" and value.endswith("Arn"))  # one that the deployer names
        )


@pytest.mark.parametrize("function", FUNCTIONS)
def test_role_is_ours_alone(function: str) -> None:
    """SAM would add managed policies, which hold for every queue and log of the account."""
    role = properties(function)["Role"]["GetAtt"].removesuffix(".Arn")

    assert "ManagedPolicyArns" not in properties(role)


def test_service_may_send_only_for_this_account() -> None:
    for _, statement in statements():
        if "Service" in statement.get("Principal", {}) and statement["Action"] == "sqs:SendMessage":
            condition = repr(statement["Condition"])
            assert "AWS::AccountId" in condition or "ScheduleRule.Arn" in condition


def test_schedules_of_this_stack_may_send_to_its_dispatcher_and_do_nothing_else() -> None:
    role = properties("ScheduleRole")
    [assumed] = role["AssumeRolePolicyDocument"]["Statement"]
    [policy] = role["Policies"]
    [allowed] = policy["PolicyDocument"]["Statement"]

    assert assumed["Principal"] == {"Service": "scheduler.amazonaws.com"}
    assert assumed["Condition"]["StringEquals"] == {
        "aws:SourceAccount": {"Ref": "AWS::AccountId"},
        "aws:SourceArn": {"GetAtt": "ScheduleGroup.Arn"},
    }
    assert (allowed["Action"], allowed["Resource"]) == (
        "sqs:SendMessage",
        {"GetAtt": "DispatchQueue.Arn"},
    )


def test_schedule_submits_the_scheduled_list() -> None:
    [target] = properties("ScheduleRule")["Targets"]
    template = target["InputTransformer"]["InputTemplate"]["Sub"]
    # EventBridge puts JSON values in place of <...>, hence the quotes; CloudFormation text.
    body = (
        template.replace("<event>", '"17793124-05d4-b198-2fde-7ededc63b103"')
        .replace("${InputBucket}", "input")
        .replace("${ScheduledList}", "books/urls.txt")
    )

    [message] = decode_dispatch(body)

    assert target["InputTransformer"]["InputPathsMap"] == {"event": "$.id"}
    assert isinstance(message, Submit)
    assert message.id == "17793124-05d4-b198-2fde-7ededc63b103"
    assert message.list is not None
    assert (message.list.bucket, message.list.key) == ("input", "books/urls.txt")


def test_schedule_exists_only_where_it_is_set() -> None:
    assert TEMPLATE["Resources"]["ScheduleRule"]["Condition"] == "HasSchedule"
    assert TEMPLATE["Parameters"]["Schedule"]["Default"] == ""


def test_schedule_without_a_list_is_refused() -> None:
    rule = TEMPLATE["Rules"]["ScheduleHasList"]
    [assertion] = rule["Assertions"]

    assert rule["RuleCondition"] == {"Not": [{"Equals": [{"Ref": "Schedule"}, ""]}]}
    assert assertion["Assert"] == {"Not": [{"Equals": [{"Ref": "ScheduledList"}, ""]}]}


def test_nothing_is_paid_for_by_the_hour() -> None:
    """
    Idle costs next to nothing: no server, no capacity that waits, no timer but a schedule.

    Of these kinds of resources what is used is paid for: calls, bytes kept, and Lambda's polling.
    """
    by_use = {
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::Lambda::EventSourceMapping",
        "AWS::Logs::LogGroup",
        "AWS::S3::Bucket",
        "AWS::S3::BucketPolicy",
        "AWS::SQS::Queue",
        "AWS::SQS::QueuePolicy",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::Serverless::Function",
        "AWS::Serverless::LayerVersion",
    }
    capacity = {"ProvisionedConcurrencyConfig", "ProvisionedPollerConfig", "VpcConfig"}

    assert {resource["Type"] for resource in TEMPLATE["Resources"].values()} <= by_use
    for function in FUNCTIONS:
        assert not capacity & (set(properties(function)) | set(event_source(function)))
    timers = [
        name for name in of_type("AWS::Events::Rule") if "ScheduleExpression" in properties(name)
    ]
    assert [TEMPLATE["Resources"][name]["Condition"] for name in timers] == ["HasSchedule"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_number_of_partitions_is_no_setting_of_a_stack(function: str) -> None:
    """Two functions, or two jobs, with different numbers would give a host two owners."""
    assert "PARTITIONS" not in environment(function)
    assert (
        DispatcherSettings.from_env(
            {name: resolved(value) for name, value in environment("DispatcherFunction").items()}
        ).partitions
        == PARTITIONS
    )


def test_a_stack_tells_its_release() -> None:
    assert TEMPLATE["Outputs"]["Release"]["Value"] == RELEASE
    assert __version__.startswith(f"{RELEASE}.")


def test_outputs_are_described() -> None:
    assert all(output["Description"] for output in TEMPLATE["Outputs"].values())


def test_the_build_keeps_the_services_that_are_called() -> None:
    sources = [
        path.read_text() for f in ("shared", "functions") for path in (ROOT / f).rglob("*.py")
    ]
    called = {name for text in sources for name in re.findall(r'new_client\("(\w+)"', text)}
    assert called == {"events", "s3", "sqs"}
    assert called <= SERVICES
