"""Parsers that go wrong."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from functions.worker.parsers import Page

held: list[bytes] = []


def raises(page: Page) -> list[dict[str, Any]]:
    return [{"price": page.soup.select_one(".price").text}]


def hangs(_: Page) -> list[dict[str, Any]]:
    while True:
        pass


def hangs_where_asked(page: Page) -> list[dict[str, Any]]:
    if "hang" in page.url:
        hangs(page)
    return [{"url": page.url}]


def fills_memory(_: Page) -> list[dict[str, Any]]:
    while True:
        held.append(b"x" * 10_000_000)


def grows(_: Page) -> list[dict[str, Any]]:
    held.append(b"x" * 150_000_000)
    return [{"pid": os.getpid()}]


def sees_its_environment(_: Page) -> list[dict[str, Any]]:
    return [dict(os.environ)]


def crashes(_: Page) -> list[dict[str, Any]]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return []


def exits(_: Page) -> list[dict[str, Any]]:
    os._exit(3)


def returns_a_dict(_: Page) -> dict[str, Any]:
    return {"title": "x"}


def yields_text(_: Page) -> list[str]:
    return ["x"]


def yields_an_element(page: Page) -> list[dict[str, Any]]:
    return [{"title": page.soup.h1}]


def yields_too_much(_: Page) -> list[dict[str, Any]]:
    return [{"text": "x" * 1_000_000} for _ in range(6)]


def waits_for_the_file_it_is_told(page: Page) -> list[dict[str, Any]]:
    while not Path(page.text).exists():
        time.sleep(0.001)
    return [{"url": page.url}]


def yields_what_json_cannot_hold(_: Page) -> list[dict[Any, Any]]:
    deep: Any = 1
    for _level in range(5_000):
        deep = [deep]
    return [
        {"text": "cut \ud83d", "number": float("nan"), "id": 2**70, "long": 10**5_000},
        {"deep": deep, 7: "seven", None: "nothing", (1, 2): "a pair", "last": 1},
    ]
