"""What people name on the command line, read as lists: files, URLs, standard input, sitemaps."""

import re
import sys
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import msgspec
from msgspec.structs import replace

from functions.dispatcher.lists import format_of
from functions.dispatcher.specs import parse_spec
from scatterfetch.lists.spec_files import mention_spec_files, spec_file
from scatterfetch.lists.specs import read_spec
from scatterfetch.lists.url_list import COMMAND_LINE, STANDARD_INPUT, UrlList
from scatterfetch.project import SPEC, is_list
from shared.errors import InvalidJobError, InvalidUrlError
from shared.ids import job_id
from shared.spec import Spec
from shared.start_spec import StartSpec
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
    """
    Read `sources` as the command line has them: files of lists, URLs themselves, and sitemaps.

    Raises:
        InvalidJobError: a file cannot be read, a URL or a spec is wrong.
    """
    sitemaps = [source for source in dict.fromkeys(sources) if _is_sitemap(source)]
    urls = [source for source in sources if _is_url(source) and not _is_sitemap(source)]
    files = [Path(source) for source in sources if not _is_url(source) and source != STDIN]
    for source in sources:
        _check_scheme(source)
    lists = read_lists(files, urls, spec=spec)
    if STDIN in sources:
        text = None if spec is None else read_spec(spec)
        body = sys.stdin.buffer.read()
        lists.append(UrlList("standard input", STANDARD_INPUT, body, text))
    return lists + [_sitemap_list(sitemap, spec) for sitemap in sitemaps]


def _sitemap_list(source: str, spec: Path | None) -> UrlList:
    """
    Return the list that has a sitemap in it; its spec says that it is one.

    Raises:
        InvalidJobError: the URL or the spec is wrong.
    """
    written = Spec() if spec is None else parse_spec(str(spec), read_spec(spec))
    try:
        href = parse_url(source).href
    except InvalidUrlError as error:
        raise InvalidJobError(f"{source}: {error}") from error
    content = msgspec.to_builtins(replace(written, start=StartSpec(sitemap=href)))
    name = f"{job_id(source.rpartition('://')[2], source)}.txt"
    text = msgspec.json.encode(content)
    return UrlList(source, f"sitemaps/{name}", f"{href}\n".encode(), text, inline=True)


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


def _is_sitemap(source: str) -> bool:
    """Tell whether this is the URL of a sitemap, whose pages are meant and not itself."""
    name = source.lower().partition("?")[0].rpartition("/")[2].removesuffix(".gz")
    return _is_url(source) and "sitemap" in name and name.endswith((".xml", ".txt"))


def _is_url(source: str) -> bool:
    return source.lower().startswith(("http://", "https://"))


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
