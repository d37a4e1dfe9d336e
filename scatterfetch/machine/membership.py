"""Whether this machine may work for a stack, and with which settings."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from scatterfetch.parser_modules import digest_of
from scatterfetch.releases import RELEASE
from shared.errors import InvalidJobError
from shared.lock import PARTITIONS, lock_name
from shared.settings import WorkerSettings

if TYPE_CHECKING:
    from scatterfetch.jobs.stack import Stack
    from scatterfetch.project import Project

_OUTPUTS = {
    "DATA_BUCKET": "DataBucketName",
    "DISPATCH_QUEUE_URL": "DispatchQueueUrl",
    "WORK_QUEUE_URL": "WorkQueueUrl",
    "WAKE_QUEUE_URL": "WakeQueueUrl",
    "DEAD_LETTER_QUEUE_URL": "DispatchDLQUrl",
}
_PARAMETERS = {
    "WORKER_CONCURRENCY": "WorkerConcurrency",
    "WORKER_MEMORY": "WorkerMemory",
    "USER_AGENT": "UserAgent",
    "CONNECT_TO": "ConnectTo",
    "ALLOW_PRIVATE_NETWORKS": "AllowPrivateNetworks",
    "FORMER_PARTITIONS": "Partitions",
}
"""What a worker of Lambda has in its environment, by where `template.yaml` takes it from."""


class StrangerError(InvalidJobError):
    """The machine may not work for the stack; the message says what to do."""


def settings_for(stack: "Stack", project: "Project | None") -> WorkerSettings:
    """
    Return the settings of the workers of `stack`, as which this machine may work.

    Args:
        stack: As it is now.
        project: Whose Python parsers are here.

    Raises:
        StrangerError: a worker of another release, or with other parsers, would do other work.
        InvalidJobError: the stack is none of ours, or is being deployed just now.
    """
    if stack.is_changing:  # its workers may be of another release already
        raise InvalidJobError(f"{stack} is being deployed: wait until that has come to its end")
    if stack.release != RELEASE:
        raise StrangerError(
            f"{stack} is of release {stack.release}, and this is {RELEASE}: install "
            f"{stack.release} here, or deploy this one to the stack"
        )
    theirs, ours = stack.outputs.get("Lock"), lock_name(PARTITIONS)
    if theirs != ours:
        raise StrangerError(
            f"{stack} is under the lock {theirs}, and workers of this machine would be under "
            f"{ours}, so that a host might have two at once: install here what was deployed, or "
            "deploy what is here"
        )
    folder = project.parsers if project else None
    if stack.outputs.get("Parsers") != digest_of(folder):
        here = f"those in {folder}" if folder else "none, as there are here"
        raise StrangerError(
            f"{stack} was deployed with other Python parsers than {here}: call this in the project "
            "that was deployed, as it was then, or deploy again"
        )
    environment = {name: stack.output(output) for name, output in _OUTPUTS.items()}
    return WorkerSettings.from_env(environment | _known(stack.parameters))


def _known(parameters: Mapping[str, str]) -> dict[str, str]:
    return {name: parameters[key] for name, key in _PARAMETERS.items() if key in parameters}
