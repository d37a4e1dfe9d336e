"""
Reads template.yaml as CloudFormation would deploy it on this machine.

Parameters, conditions and the intrinsic functions that the template uses are worked out here;
what the local cloud needs to know of a queue, a bucket or a function comes from nowhere else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from scatterfetch import __version__
from shared.errors import InvalidJobError

ACCOUNT = "123456789012"
REGION = "us-east-1"
STACK = "local"
WORKER = "WorkerFunction"  # logical ids
DISPATCHER = "DispatcherFunction"
USER_AGENT = "UserAgent"
LOCAL_USER_AGENT = f"scatterfetch/{__version__}"
"""Who a run on this machine says that it is, if nobody says who is behind it."""

_PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Region": REGION,
    "AWS::Partition": "aws",
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::NoValue": None,
}
_SUB = re.compile(r"\$\{([^!}]+)\}")


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """
    Reads the short forms: `!Ref X` becomes {"Ref": "X"}.

    libyaml takes a fifth of the time, where it is there.
    """


def _tagged(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)


@dataclass(frozen=True)
class QueueSource:
    """An event source mapping: which queue feeds a function, and how."""

    queue: str
    """Logical id."""
    batch_size: int
    maximum_concurrency: int
    partial_responses: bool


@dataclass(frozen=True)
class Function:
    """A Lambda function. `timeout` in seconds, `memory` in MB."""

    name: str
    handler: str
    timeout: int
    memory: int
    environment: Mapping[str, str]
    source: QueueSource


@dataclass(frozen=True)
class Queue:
    """An SQS queue: its physical name, and its attributes as CreateQueue takes them."""

    name: str
    attributes: Mapping[str, str]
    redrive: Mapping[str, Any] | None


@dataclass(frozen=True)
class Bucket:
    """An S3 bucket; `notifies` are the ARNs of the queues told of every new object."""

    name: str
    notifies: tuple[str, ...]


@dataclass(frozen=True)
class Template:
    """
    A template, its parameters set.

    `queue_base` is the address of the embedded SQS, as in queue URLs: ``http://127.0.0.1:1234``.
    """

    path: Path
    queue_base: str
    overrides: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _content(self) -> dict[str, Any]:
        try:
            content: dict[str, Any] = yaml.load(self.path.read_bytes(), _Loader)  # noqa: S506 -- a SafeLoader
        except (OSError, yaml.YAMLError) as error:
            raise InvalidJobError(f"{self.path}: {error}") from error
        return content

    @cached_property
    def parameters(self) -> dict[str, str]:
        """
        The value of each parameter: the override, or the default.

        Raises:
            InvalidJobError: one is not allowed, alone or by a rule of the template.
        """
        for rule in self._content.get("Rules", {}).values():
            if self._resolve(rule.get("RuleCondition", True)):
                for assertion in rule["Assertions"]:
                    if not self._resolve(assertion["Assert"]):
                        raise InvalidJobError(assertion["AssertDescription"])
        return self._values

    @cached_property
    def _values(self) -> dict[str, str]:
        declared = self._content.get("Parameters", {})
        if unknown := self.overrides.keys() - declared:
            raise InvalidJobError(
                f"{self.path} has no parameter {min(unknown)!r}; it has {', '.join(declared)}"
            )
        values = {}
        for name, parameter in declared.items():
            if name == USER_AGENT and name not in self.overrides:
                values[name] = LOCAL_USER_AGENT
                continue
            value = str(self.overrides.get(name, parameter.get("Default", "")))
            self._check_parameter(name, parameter, value)
            values[name] = value
        return values

    def _check_parameter(self, name: str, parameter: Mapping[str, Any], value: str) -> None:
        allowed = [str(choice) for choice in parameter.get("AllowedValues", [])]
        if allowed and value not in allowed:
            raise InvalidJobError(f"parameter {name} is {value!r}; it may be {', '.join(allowed)}")
        pattern = parameter.get("AllowedPattern")
        if pattern and not re.fullmatch(pattern, value):
            hint = parameter.get("ConstraintDescription", f"must match {pattern}")
            raise InvalidJobError(f"parameter {name} is {value!r}: {hint}")
        if parameter["Type"] == "Number":
            low, high = parameter.get("MinValue", "-inf"), parameter.get("MaxValue", "inf")
            if not value.isdecimal() or not float(low) <= float(value) <= float(high):
                raise InvalidJobError(f"parameter {name} is {value!r}; it must be {low} to {high}")

    @cached_property
    def queues(self) -> dict[str, Queue]:
        """The queues, by logical id."""
        return {
            logical: self._queue(logical, self._resolve(resource.get("Properties", {})))
            for logical, resource in self._of_type("AWS::SQS::Queue")
        }

    @cached_property
    def buckets(self) -> dict[str, Bucket]:
        """The buckets, by logical id."""
        buckets = {}
        for logical, resource in self._of_type("AWS::S3::Bucket"):
            notifications = resource.get("Properties", {}).get("NotificationConfiguration", {})
            queues = self._resolve(notifications).get("QueueConfigurations", [])
            buckets[logical] = Bucket(
                self._physical(logical), tuple(entry["Queue"] for entry in queues)
            )
        return buckets

    @cached_property
    def functions(self) -> dict[str, Function]:
        """The functions that a queue feeds, by logical id."""
        defaults = self._content.get("Globals", {}).get("Function", {})
        functions = {}
        for logical, resource in self._of_type("AWS::Serverless::Function"):
            raw = _merged(defaults, resource["Properties"])
            wanted = ("Handler", "Timeout", "MemorySize", "Environment", "Events")
            properties = self._resolve({name: raw[name] for name in wanted if name in raw})
            functions[logical] = Function(
                name=f"{STACK}-{logical}",
                handler=properties["Handler"],
                timeout=int(properties.get("Timeout", 3)),  # CloudFormation's defaults
                memory=int(properties.get("MemorySize", 128)),
                environment={
                    variable: str(value)
                    for variable, value in properties.get("Environment", {"Variables": {}})[
                        "Variables"
                    ].items()
                },
                source=self._source(logical, properties.get("Events", {})),
            )
        return functions

    def queue_url(self, logical: str) -> str:
        return f"{self.queue_base}/{ACCOUNT}/{self._physical(logical)}"

    def _source(self, function: str, events: Mapping[str, Any]) -> QueueSource:
        by_arn = {self._arn(logical): logical for logical, _ in self._of_type("AWS::SQS::Queue")}
        for event in events.values():
            if event["Type"] == "SQS" and event["Properties"].get("Enabled", True):
                properties = event["Properties"]
                scaling = properties.get("ScalingConfig", {})
                return QueueSource(
                    queue=by_arn[properties["Queue"]],
                    batch_size=int(properties.get("BatchSize", 10)),
                    maximum_concurrency=int(scaling.get("MaximumConcurrency", 1_000)),
                    partial_responses="ReportBatchItemFailures"
                    in properties.get("FunctionResponseTypes", []),
                )
        raise InvalidJobError(f"{self.path}: no SQS queue feeds {function}, as its parameters are")

    def _queue(self, logical: str, properties: Mapping[str, Any]) -> Queue:
        structured = {"QueueName", "RedrivePolicy", "RedriveAllowPolicy", "Tags"}
        return Queue(
            name=self._physical(logical),
            attributes={
                name: str(value).lower() if isinstance(value, bool) else str(value)
                for name, value in properties.items()
                if name not in structured
            },
            redrive=properties.get("RedrivePolicy"),
        )

    def _of_type(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        return [
            (logical, resource)
            for logical, resource in self._content["Resources"].items()
            if resource["Type"] == kind and self._condition(resource.get("Condition"))
        ]

    def _physical(self, logical: str) -> str:
        properties = self._content["Resources"][logical].get("Properties", {})
        if "QueueName" in properties:
            return str(self._resolve(properties["QueueName"]))
        return f"{STACK}-{logical}".lower()

    def _arn(self, logical: str) -> str:
        kind = self._content["Resources"][logical]["Type"]
        name = self._physical(logical)
        if kind == "AWS::S3::Bucket":
            return f"arn:aws:s3:::{name}"
        service = "sqs" if kind == "AWS::SQS::Queue" else kind.split("::")[1].lower()
        return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{name}"

    def _condition(self, name: str | None) -> bool:
        return name is None or bool(self._resolve(self._content["Conditions"][name]))

    def _resolve(self, value: Any) -> Any:  # noqa: ANN401 -- JSON in, JSON out
        if isinstance(value, list):
            resolved = [self._resolve(entry) for entry in value]
            return [entry for entry in resolved if entry is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            [(function, argument)] = value.items()
            if function in {"Ref", "Condition"} or function.startswith("Fn::"):
                return self._call(function, argument)
        resolved_items = ((name, self._resolve(entry)) for name, entry in value.items())
        return {name: entry for name, entry in resolved_items if entry is not None}

    def _call(self, function: str, argument: Any) -> Any:  # noqa: ANN401, PLR0911 -- one arm each
        match function, argument:
            case "Ref", str(name):
                return self._ref(name)
            case "Condition", str(name):
                return self._condition(name)
            case "Fn::GetAtt", [logical, attribute]:
                return self._attribute(logical, attribute)
            case "Fn::Sub", str(text):
                return _SUB.sub(lambda match: str(self._variable(match[1])), text)
            case "Fn::If", [condition, yes, no]:
                return self._resolve(yes if self._condition(condition) else no)
            case "Fn::Equals", [one, other]:
                return str(self._resolve(one)) == str(self._resolve(other))
            case "Fn::Not", [condition]:
                return not self._resolve(condition)
            case "Fn::And", conditions:
                return all(self._resolve(condition) for condition in conditions)
            case "Fn::Or", conditions:
                return any(self._resolve(condition) for condition in conditions)
            case "Fn::Join", [separator, parts]:
                return separator.join(str(part) for part in self._resolve(parts))
        raise InvalidJobError(f"{self.path}: the local cloud does not know {function}: {argument}")

    def _ref(self, name: str) -> Any:  # noqa: ANN401
        if name in _PSEUDO:
            return _PSEUDO[name]
        if name in self._values:
            return self._values[name]
        if name not in self._content["Resources"]:
            raise InvalidJobError(f"{self.path}: Ref to {name}, which is not in it")
        if self._content["Resources"][name]["Type"] == "AWS::SQS::Queue":
            return self.queue_url(name)
        return self._physical(name)

    def _variable(self, name: str) -> Any:  # noqa: ANN401
        logical, dot, attribute = name.partition(".")
        return self._attribute(logical, attribute) if dot else self._ref(logical)

    def _attribute(self, logical: str, attribute: str) -> str:
        if logical not in self._content["Resources"]:
            raise InvalidJobError(f"{self.path}: GetAtt of {logical}, which is not in it")
        match attribute:
            case "Arn":
                return self._arn(logical)
            case "QueueName":
                return self._physical(logical)
            case "QueueUrl":
                return self.queue_url(logical)
        raise InvalidJobError(
            f"{self.path}: the local cloud does not know the attribute {logical}.{attribute}"
        )


def _merged(defaults: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return `own` properties over the Globals, merged as SAM does: maps deeply."""
    merged = dict(defaults)
    for name, value in own.items():
        before = merged.get(name)
        both = isinstance(before, dict) and isinstance(value, dict)
        merged[name] = _merged(before, value) if both else value  # type: ignore[arg-type]
    return merged
