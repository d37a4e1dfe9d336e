"""A page and a spec, tried once, or again whenever the spec is saved."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from functions.dispatcher.specs import checked_spec, parse_spec
from functions.worker.bounds import bounds_of
from functions.worker.extraction.extractor import ExtractionProcess
from functions.worker.secrets import read_secret
from functions.worker.transport.page import FetchedPage
from scatterfetch.lists.specs import check_parsers
from scatterfetch.local_secrets import FILE, LocalSecrets, variable_of
from scatterfetch.output.page import show
from scatterfetch.output.sentences import complain
from scatterfetch.pages.probe import extract_again, fetch, kept_before, worker_settings
from scatterfetch.pages.saves import next_save, saves
from scatterfetch.project import project_of
from scatterfetch.runs.local_settings import LocalSettings, local_settings
from shared.errors import InvalidJobError, InvalidSpecError, StorageError
from shared.outcomes import Outcome
from shared.secret_spec import SecretName
from shared.spec import Spec


@dataclass(frozen=True, kw_only=True)
class Trial:
    """
    What is tried: a page, and the spec in `spec_file`, or the default one.

    `kept` is a page in place of what `url` leads to, and what is known of it. `fields` and `rows`
    are columns and a selector in place of what the spec extracts. `said` is what a list would say
    about the URL.
    """

    url: str
    kept: tuple[Outcome, FetchedPage] | None = None
    spec_file: Path | None
    fields: Mapping[str, Mapping[str, str]]
    rows: str | None
    said: Mapping[str, str]

    def spec(self) -> Spec:
        """
        Raises:
            InvalidJobError: the file cannot be read, or the spec is wrong.
        """
        if self.spec_file is None:
            text = b""
        else:
            try:
                text = self.spec_file.read_bytes()
            except OSError as error:
                message = f"cannot read the spec {self.spec_file}: {error.strerror}"
                raise InvalidJobError(message) from error
        spec = parse_spec(str(self.spec_file), text)
        if not self.fields and not self.rows:
            return spec
        extract: dict[str, Any] = {"fields": self.fields}
        if self.rows:
            extract["rows"] = self.rows
        try:
            given = checked_spec({"extract": extract})
        except InvalidSpecError as error:
            raise InvalidJobError(f"{_option(error.path)}: {error.problem}") from error
        return replace(spec, extract=given.extract, parser=None)


def _option(path: str) -> str:
    """Return which option has given what `path` leads to."""
    _, kind, name, *_ = [*path.split("."), "", "", ""]
    if kind == "fields" and name:
        return f"--field {name}"
    return "--rows" if kind == "rows" else "--rows, --field"


def here_or_there(secrets: LocalSecrets, name: SecretName) -> str:
    """
    Return the text of a secret of this machine, or else of AWS.

    Raises:
        InvalidJobError: it is in neither.
    """
    text = secrets.text(name)
    if text is not None:
        return text
    try:
        return read_secret(name)
    except (InvalidJobError, StorageError) as error:
        where = f"it is not on this machine either, as {variable_of(name)} or in {FILE}"
        raise InvalidJobError(f"{error}; {where}") from error


def run_trial(trial: Trial, parameters: Mapping[str, str], *, html: bool, watch: bool) -> bool:
    """
    Show what comes of a page; tell whether it is what one hopes for.

    Args:
        trial: The page and the spec.
        parameters: Of the template, in place of their defaults.
        html: Shows the page in place of its rows.
        watch: Again, whenever the spec or its Python parser is saved, until Ctrl-C.

    Raises:
        InvalidJobError: the spec or the parameters are wrong; nothing was fetched.
    """
    project = project_of([] if trial.spec_file is None else [trial.spec_file])
    with local_settings(parameters, project) as settings:
        return _run(trial, settings, html=html, watch=watch)


def _run(trial: Trial, local: LocalSettings, *, html: bool, watch: bool) -> bool:
    path = trial.spec_file
    if watch and path is None:
        raise InvalidJobError("--watch needs --spec, the file to watch")
    saved = saves(path)
    spec = trial.spec()
    check_parsers(str(path), spec)
    settings = worker_settings(local.parameters)

    def read(name: SecretName) -> str:
        return here_or_there(local.secrets, name)

    process, said = ExtractionProcess(bounds_of(settings).page), dict(trial.said) or None
    try:
        if trial.kept is None:
            seen = asyncio.run(fetch(trial.url, spec, settings, process, said, read))
        else:
            seen = kept_before(*trial.kept, said)
            seen = asyncio.run(extract_again(seen, spec, settings, process))
        show(seen, spec, settings, html=html)
        while watch and path is not None:
            saved = next_save(path, saved, with_parsers=bool(spec.parsers))
            process.stop()  # it has imported the parser as it was
            before = spec
            try:
                spec = trial.spec()
            except InvalidJobError as error:
                complain(str(error))
                continue
            if trial.kept is None and (seen.page is None or before.fetch != spec.fetch):
                seen = asyncio.run(fetch(trial.url, spec, settings, process, said, read))
            else:
                seen = asyncio.run(extract_again(seen, spec, settings, process))
            show(seen, spec, settings, html=html)
    finally:
        process.stop()
    if html:
        return seen.page is not None
    return bool(seen.outcome.rows or seen.followed.found) and not seen.outcome.problems
