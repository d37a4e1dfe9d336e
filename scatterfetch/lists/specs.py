"""The specs of lists, checked as far as that is possible before anything is fetched."""

import inspect
from pathlib import Path

from functions.dispatcher.specs import parse_spec
from scatterfetch.lists.url_list import UrlList
from scatterfetch.parser_modules import check_imports, parser_modules
from shared.errors import InvalidJobError
from shared.spec import Spec


def read_spec(path: Path) -> bytes:
    """
    Return the text of a spec that is in order.

    Raises:
        InvalidJobError: it is not, or it cannot be read.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InvalidJobError(f"cannot read the spec {path}: {error.strerror}") from error
    check_parsers(str(path), parse_spec(str(path), text))
    return text


def check_parsers(name: str, spec: Spec) -> None:
    """
    Check that there are the Python parsers that a spec names.

    Args:
        name: Of the spec, for the message.
        spec: The spec.

    Raises:
        InvalidJobError: one is missing, it cannot be imported, or a module beside it imports what
            it cannot have.
    """
    if spec.parsers:
        from functions.worker import parsers  # noqa: PLC0415 -- the engine
        from functions.worker.extraction.parsing import load_parser  # noqa: PLC0415 -- the engine

        try:
            for folder in parsers.__path__:
                check_imports(Path(folder))
            for parser in spec.parsers:
                load_parser(parser)
        except InvalidJobError as error:
            raise InvalidJobError(f"{name}: {error}") from error


def spec_of(url_list: UrlList) -> Spec:
    """Return the spec of the list, or the default one."""
    return Spec() if url_list.spec is None else parse_spec(url_list.name, url_list.spec)


def names_user_agent(url_list: UrlList) -> bool:
    """Tell whether the spec of the list says how workers introduce themselves."""
    fetch = spec_of(url_list).fetch
    return fetch.user_agent is not None or fetch.profiles != "none"


def parser_code(url_list: UrlList) -> bytes:
    """Return the source of the list's parsers, and of what they may import: it makes the rows."""
    names = spec_of(url_list).parsers
    if not names:
        return b""
    from functions.worker.extraction.parsing import load_parser  # noqa: PLC0415 -- the engine

    files = (Path(inspect.getfile(inspect.unwrap(load_parser(name)))) for name in names)
    folders = dict.fromkeys(file.parent for file in files)
    return b"".join(file.read_bytes() for folder in folders for file in parser_modules(folder))
