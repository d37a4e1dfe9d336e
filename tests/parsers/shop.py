"""Parsers as people write them, in every form that is allowed."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from os import getpid
from typing import Any

from functions.worker.parsers import Page

loaded_by = getpid()


def as_list(page: Page) -> list[dict[str, Any]]:
    return [{"title": page.soup.title.string}]


def as_links(page: Page) -> list[dict[str, Any]]:
    soup = page.soup
    return [{"links": [a["href"] for a in soup.select("a[href]")], "text": soup.get_text()[:1_000]}]


def as_generator(page: Page) -> Iterator[dict[str, Any]]:
    for element in page.tree.css("li"):
        yield {"text": element.text()}


async def as_coroutine(page: Page) -> list[dict[str, Any]]:
    await asyncio.sleep(0)
    return [{"length": len(page.text)}]


async def as_async_generator(page: Page) -> AsyncIterator[dict[str, Any]]:
    await asyncio.sleep(0)
    yield page.json()


def everything(page: Page) -> Iterator[dict[str, Any]]:
    print("a parser may print")
    yield {
        "url": page.url,
        "status": page.status,
        "headers": page.headers,
        "body": page.body,
        "text": page.text,
        "date": date(2026, 11, 21),
        "time": datetime(2026, 11, 21, tzinfo=UTC),
        "price": Decimal("51.77"),
        "set": {1},
    }


def nothing(_: Page) -> list[dict[str, Any]]:
    return []


def process(_: Page) -> list[dict[str, Any]]:
    return [{"pid": loaded_by}]
