import pytest

from functions.dispatcher.lists.formats import ListFormat, check_list, format_of
from shared.errors import InvalidJobError


@pytest.mark.parametrize(
    ("size", "head", "problem"),
    [
        (0, b"", "is empty"),
        (9, "http".encode("utf-16"), "is UTF-16"),
        (9, b"\x1f\x8b\x08", "compressed with gzip; its name must end with .gz"),
        (9, b"\x28\xb5\x2f\xfd", "compressed with zstd; its name must end with .zst"),
        (9, b"PK\x03\x04", "zip archive or a spreadsheet"),
        (9, b"%PDF-1.7", "PDF"),
        (9, b"abc\0def", "is not text, or UTF-16"),
        (9, b"\xd0\xcf\x11\xe0\xa1\xb1", "a spreadsheet or another document of Office"),
        (9, b"BZh9", "compressed with bzip2; pack it with gzip or zstd"),
    ],
)
def test_what_is_no_list_is_refused_by_name(size: int, head: bytes, problem: str) -> None:
    with pytest.raises(InvalidJobError, match=rf"urls\.txt .*{problem}|urls\.txt {problem}"):
        check_list("urls.txt", size, head)


def test_what_is_not_compressed_as_its_name_says_is_refused() -> None:
    with pytest.raises(InvalidJobError, match=r"urls\.txt\.gz is not compressed as its name says"):
        check_list("urls.txt.gz", 9, b"http://a.example/", ".gz")


@pytest.mark.parametrize(
    ("name", "form", "streamed"),
    [
        ("books/Urls.TXT", ListFormat("txt", ""), False),
        ("urls.jsonl", ListFormat("jsonl", ""), False),
        ("urls.csv", ListFormat("csv", ""), True),
        ("urls.2026.tsv.zst", ListFormat("tsv", ".zst"), True),
        ("sitemap.xml.gz", ListFormat("xml", ".gz"), True),
        ("urls.txt.gz", ListFormat("txt", ".gz"), True),
    ],
)
def test_the_name_of_a_list_says_what_it_is(name: str, form: ListFormat, streamed: bool) -> None:
    assert format_of(name) == form
    assert form.is_streamed is streamed


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        (
            "books.xlsx",
            "books.xlsx: a spreadsheet is no list; save the sheet as CSV UTF-8. A list's",
        ),
        ("Export.ZIP", "an archive is no list; unpack it, and name the list. A list's name"),
        ("urls.json", "write one JSON object a line, and call it .jsonl"),
        ("urls.csv.bz2", "pack it with gzip or zstd"),
    ],
)
def test_a_file_that_people_take_for_a_list_is_refused_with_what_to_do(
    name: str, advice: str
) -> None:
    with pytest.raises(InvalidJobError) as caught:
        format_of(name)

    assert advice in str(caught.value)


@pytest.mark.parametrize("name", ["urls", "urls.xlsx", ".txt", "urls.gz", "urls.txt.bz2"])
def test_another_name_is_no_lists(name: str) -> None:
    with pytest.raises(InvalidJobError, match=r"must end with \.txt, \.csv, .* and \.gz or \.zst"):
        format_of(name)
