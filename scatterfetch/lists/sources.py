"""What people name on the command line, read as lists: files, URLs, standard input, sitemaps."""

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from functions.dispatcher.lists import format_of
from functions.dispatcher.specs import parse_spec
from scatterfetch.deployable import TEMPLATE
from scatterfetch.lists.sitemap_content import is_index
from scatterfetch.lists.spec_files import mention_spec_files, spec_file
from scatterfetch.lists.specs import read_spec
from scatterfetch.lists.url_list import COMMAND_LINE, STANDARD_INPUT, UrlList
from scatterfetch.localcloud.template import WORKER, Template
from scatterfetch.project import SPEC, is_list
from shared.errors import InvalidJobError, InvalidUrlError
from shared.ids import job_id
from shared.settings import WorkerSettings
from shared.url_text import cell_url
from shared.urls import parse_url

STDIN = "-"
_HOST = re.compile(
    r"(?!.*\.(?:txt|csv|tsv|jsonl|xml|gz|zst)$)"
    r"(?![^/]*\.(?:xlsx?|ods|json|parquet|html?|md|ya?ml|pdf|docx?|log)$)"
    r"(?:(?P<public>[\w-]+(?:\.[\w-]+)+)|localhost|[\w-]+(?=:\d))(?P<port>:\d+)?(/.*)?",
    re.IGNORECASE,
)
"""What may be a website without its scheme, and is most likely no file."""
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*)://.*", re.IGNORECASE)


def read_lists(files: Sequence[Path], urls: Sequence[str], *, spec: Path | None) -> list[UrlList]:
    """
    Read the lists of a run, each with its spec: `spec`, or its own one; see `spec_file`.

    Raises:
        InvalidJobError: a file cannot be read, or a spec is wrong.
    """
    shared_spec = None if spec is None else read_spec(spec)
    read_once = cache(read_spec)  # a hundred lists of a folder have one spec
    lists = []
    for path in dict.fromkeys(files):
        folder = path.resolve().parent.name or "root"
        own_spec = spec_file(path) if spec is None else None
        found = shared_spec if own_spec is None else read_once(own_spec)
        _check_readable(path)
        format_of(str(path))
        lists.append(UrlList(str(path), f"{folder}/{path.name}", path, found))
    if urls:
        body = "".join(f"{_as_line(url)}\n" for url in urls).encode(errors="replace")
        lists.append(UrlList("the command line", COMMAND_LINE, body, shared_spec, inline=True))
    return lists


def _as_line(url: str) -> str:
    """Return a URL as a line of a list has it, where a space would end it."""
    if " " not in url:
        return url
    try:
        return cell_url(url).href
    except InvalidUrlError:
        return url  # whoever reads the list says what is wrong


def read_sources(sources: Sequence[str], *, spec: Path | None) -> list[UrlList]:
    """Read `sources` as the command line has them: files of lists, and URLs themselves."""
    urls = [source for source in sources if _is_url(source)]
    files = [Path(source) for source in sources if not _is_url(source) and source != STDIN]
    for source in sources:
        _check_scheme(source)
    lists = read_lists(files, urls, spec=spec)
    if STDIN in sources:
        text = None if spec is None else read_spec(spec)
        body = sys.stdin.buffer.read()
        lists.append(UrlList("standard input", STANDARD_INPUT, body, text))
    return lists


def named_files(sources: Sequence[str], spec: Path | None) -> list[Path]:
    """Return the files among `sources`, as `read_sources` has them, and that of the spec."""
    files = [Path(source) for source in sources if not _is_url(source) and source != STDIN]
    return files if spec is None else [*files, spec]


def _check_scheme(source: str) -> None:
    """
    Raises:
        InvalidJobError: `source` is a URL that is not scraped, or lacks its scheme.
    """
    if source == STDIN or _is_url(source) or Path(source).exists():
        return
    if other := _SCHEME.fullmatch(source):
        raise InvalidJobError(f"{source} is a URL of {other[1]}; only http and https are scraped")
    if website := as_website(source):
        raise InvalidJobError(
            f"there is no file {source}; if you mean the website, write {website}"
        )


def as_website(text: str) -> str | None:
    """Return what most likely is a website without its scheme with one; None if it is none."""
    host = _HOST.fullmatch(text)
    if host is None:
        return None
    scheme = "https" if host["public"] and not host["port"] else "http"
    return f"{scheme}://{text}"


def mention_spec(sources: Sequence[str], spec: Path | None, say: Callable[[str], None]) -> None:
    """
    Say which specs are not used, if somebody may think otherwise.

    URLs that were typed have no folder. What a spec would make of them could surprise as well.
    """
    if spec is not None:
        return
    files = [Path(source) for source in sources if source != STDIN and not _is_url(source)]
    for first_of_folder in {file.parent: file for file in reversed(files)}.values():
        mention_spec_files(first_of_folder, say)
    if len(files) < len(sources) and Path(SPEC).is_file():
        say(
            f"the {SPEC} of this folder is for its lists, and not for URLs that are named or "
            f"come by standard input; with --spec {SPEC} it is for all"
        )


def is_sitemap(source: str) -> bool:
    """
    Tell whether this is to be followed before there is a list.

    The URL of a sitemap, whose pages are meant and not itself, or a file that names sitemaps.
    """
    if not _is_url(source):
        name = source.lower().removesuffix(".gz").removesuffix(".zst")
        return name.endswith(".xml") and is_index(Path(source))
    name = source.lower().partition("?")[0].rpartition("/")[2].removesuffix(".gz")
    return "sitemap" in name and name.endswith((".xml", ".txt"))


def _is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


def read_sitemap_list(
    source: str,
    folder: Path,
    *,
    spec: Path | None,
    parameters: Mapping[str, str],
    say: Callable[[str], None],
    template: Path = TEMPLATE,
) -> tuple[UrlList, bool]:
    """
    Read the sitemap `source`, and those it names; return its pages as a list in `folder`.

    Also returns whether that is all of it; if not, `say` is told what is missing.

    Raises:
        InvalidJobError: it cannot be had, the spec is wrong, or the parameters are.
    """
    from scatterfetch.lists.remote_sitemaps import read_sitemap  # noqa: PLC0415 -- aiohttp

    start = parse_url(source) if _is_url(source) else Path(source)
    if spec is None and isinstance(start, Path):
        spec = spec_file(start)
    text = None if spec is None else read_spec(spec)
    fetch = parse_spec(str(spec), text or b"").fetch
    function = Template(template, "http://127.0.0.1", parameters).functions[WORKER]
    settings = WorkerSettings.from_env(function.environment)
    name = f"{job_id(source.rpartition('://')[2], source)}.txt"
    path = folder / "sitemaps" / name
    whole = read_sitemap(start, path, fetch, settings, say)
    return UrlList(source, f"sitemaps/{name}", path, text), whole


def _check_readable(path: Path) -> None:
    if path.is_dir():
        lists = sorted(one.name for one in path.iterdir() if is_list(one.name))
        raise InvalidJobError(
            f"{path} is a folder; name a list in it, as in {path / (lists or ['urls.txt'])[0]}"
        )
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise InvalidJobError(f"cannot read the URL list {path}: {error.strerror}") from error
