"""What the template's parameters are for a run on this machine, from arguments and project."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from scatterfetch.local_secrets import LocalSecrets
from scatterfetch.localcloud.template import USER_AGENT
from scatterfetch.localcloud.user_parsers import use_parsers
from scatterfetch.output.sentences import complain
from scatterfetch.project import Project


class LocalSettings(NamedTuple):
    """Parameters of the template, the folder of the user's Python parsers, if any, and secrets."""

    parameters: Mapping[str, str]
    parsers: Path | None
    secrets: LocalSecrets = LocalSecrets()


@contextmanager
def local_settings(
    parameters: Mapping[str, str], project: Project | None
) -> Iterator[LocalSettings]:
    """
    Yield what `parameters` and the project mean for a run here.

    Specs may name the project's parsers from now on, and its bookshops, where it has them, can be
    reached until the end of the block.
    """
    parsers = project.parsers if project else None
    secrets = LocalSecrets(project.folder if project else None)
    use_parsers(parsers)
    if project is None or not project.bookshops:
        yield LocalSettings(parameters, parsers, secrets)
        return
    from scatterfetch.demo.website import hosts, running_website  # noqa: PLC0415 -- aiohttp

    with running_website() as port:
        there = ",".join(f"{host}:80:127.0.0.1:{port}" for host in hosts())
        bookshops = {"ConnectTo": there, "AllowPrivateNetworks": "true"}
        yield LocalSettings({**bookshops, **parameters}, parsers, secrets)


def mention_user_agent(
    parameters: Mapping[str, str], project: Project | None, *, specs_name_one: bool
) -> None:
    """Say how to introduce oneself to websites, if nobody has said who is behind the visits."""
    if project and project.bookshops:
        return  # they are on this machine
    if USER_AGENT not in parameters and not specs_name_one:
        complain(
            "websites do not see who you are; set user_agent in scatterfetch.toml, "
            "fetch.user_agent in the spec, or --user-agent"
        )
