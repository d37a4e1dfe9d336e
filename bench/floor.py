"""
The floor: a socket for each host that asks for one page after the other, and the same extraction.

No URLs are checked, no robots.txt is read, nothing can time out, nothing is limited, all goes into
one file, and every answer is what it is expected to be.
"""

import json
import socket
from pathlib import Path

from isal import igzip, isal_zlib

from bench.spec import SPEC
from bench.subjects import arguments, say
from functions.worker.extraction.rows import compile_extraction
from functions.worker.transport.page import FetchedPage
from shared.outcomes import Kind, Outcome, encode_line

_sockets: dict[str, socket.socket] = {}


def fetch(url: str) -> bytes:
    _, _, address, path = url.split("/", 3)
    connection = _sockets.get(address)
    if connection is None:
        host, _, port = address.partition(":")
        connection = _sockets[address] = socket.create_connection((host, int(port)))
    connection.sendall(
        f"GET /{path} HTTP/1.1\r\nHost: {address}\r\nAccept-Encoding: gzip\r\n\r\n".encode()
    )
    answer = connection.recv(262_144)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    pieces = [body]
    missing = length - len(body)
    while missing:
        pieces.append(connection.recv(missing))
        missing -= len(pieces[-1])
    return isal_zlib.decompress(b"".join(pieces), 31)


def scrape(urls: list[str], results: Path) -> None:
    extraction = compile_extraction(SPEC)
    with igzip.open(results, "wb", compresslevel=1) as file:
        for line, url in enumerate(urls, start=1):
            body = fetch(url)
            page = FetchedPage(url, 200, "text/html", "utf-8", body)
            extracted = extraction.extract(page, token="bench")  # noqa: S106
            outcome = Outcome(
                url=url,
                final_url=url,
                line=line,
                outcome=Kind.SCRAPED,
                status=200,
                attempt=1,
                fetched_at="",
                elapsed_ms=0,
                bytes=len(body),
                rows=extracted.rows,
                problems=extracted.problems,
            )
            file.write(encode_line(outcome))


def main() -> None:
    warm, work, rows = arguments()
    results = rows.with_suffix(".gz")
    scrape(warm, results)
    say("ready")
    scrape(work, results)
    say("done")
    with igzip.open(results) as lines, rows.open("w") as file:
        for outcome in map(json.loads, lines):
            file.writelines(
                json.dumps({"url": outcome["url"], **row}) + "\n" for row in outcome["rows"]
            )


main()
