"""Which lists are one, by their names."""

import pytest

from functions.dispatcher.names import list_id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("books/2026-11-30", "books/2026-12-01"),
        ("books/20261130", "books/20261201"),
        ("books/2026-11-30T06-00", "books/2026-12-01T18-00"),
        ("books/2026-11-30-0600-new", "books/2026-12-01-1800-new"),
        ("books/30-11-2026", "books/01.12.2026"),
        ("books/2026-11", "books/2026-12"),
        ("books/2026-W48", "books/2026-W49"),
        ("books/urls", "books/urls"),
    ],
)
def test_names_that_differ_in_dates_are_those_of_one_list(one: str, other: str) -> None:
    assert list_id(one, "1") == list_id(other, "2")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("books/list1", "books/list2"),
        ("books/fiction", "books/science"),
        ("books/1984", "books/1985"),
        ("shop/category-204511", "shop/category-201298"),
        ("shop/list-190001", "shop/list-190002"),
        ("shop/книги", "shop/фильмы"),
        ("shop/fiction_1", "shop/fiction-1"),
        ("shop/2026-13-01", "shop/2026-14-01"),
        ("a/urls", "b/urls"),
    ],
)
def test_other_names_are_those_of_two(one: str, other: str) -> None:
    assert list_id(one, "1") != list_id(other, "1")


@pytest.mark.parametrize("name", ["command-line/urls", "standard-input/urls"])
def test_urls_in_no_file_are_one_list_if_they_are_the_same(name: str) -> None:
    assert list_id(name, "1") == list_id(name, "1")
    assert list_id(name, "1") != list_id(name, "2")
