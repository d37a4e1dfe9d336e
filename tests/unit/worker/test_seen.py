import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.worker.identity import Identity
from functions.worker.seen import MAX_TOLD, Seen, Takings, joined, taken_by
from shared.errors import Reason, StorageError
from shared.messages import Target
from shared.outcomes import CommittedLine, FollowedOutcome, Found, Kind, decode_lines, encode_line
from tests.results import outcome

OURS, OTHERS = 3, 4
EXACT = Identity()
page_hash = EXACT.of


def targets(*pages: int) -> Takings:
    takings = Takings()
    takings.targets = dict.fromkeys(pages, "a.example")
    return takings


def told(*pages: int) -> Takings:
    takings = Takings()
    takings.told = dict.fromkeys(pages)
    return takings


def lines_of(*outcomes: FollowedOutcome) -> list[CommittedLine]:
    return list(decode_lines(map(encode_line, outcomes)))


def followed(path: str, *found: Found, **more: object) -> FollowedOutcome:
    base = outcome(path, **more)  # type: ignore[arg-type]
    fields = {name: getattr(base, name) for name in base.__struct_fields__}
    return FollowedOutcome(**fields, found=found)


@given(st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=20), max_size=5))
def test_what_was_added_is_in_it_and_nothing_else(several: list[list[int]]) -> None:
    body: bytes | None = None
    for pages in several:
        body = Seen(body).with_pages(targets(*pages)) or body
    seen = Seen(body)

    everything = {page for pages in several for page in pages}
    assert len(seen) == len(everything)
    assert seen.hosts.get("a.example", 0) == len(everything)
    assert all(page in seen for page in everything)
    beside = {(page + 1) % 2**64 for page in everything} - everything
    assert not any(page in seen for page in beside)


def test_to_add_again_changes_nothing() -> None:
    pages = targets(1)
    pages.locations, pages.told = {2: None}, {3: None}
    body = Seen().with_pages(pages)
    seen = Seen(body)

    assert seen.with_pages(pages) is None
    assert [(n in seen, seen.has_location(n), seen.has_told(n)) for n in (1, 2, 3)] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]


def test_what_others_were_told_last_is_remembered() -> None:
    """It has a bound, and the first ones make room: they are told once more."""
    body = Seen().with_pages(told(*range(MAX_TOLD)))
    body = Seen(body).with_pages(told(0, MAX_TOLD, MAX_TOLD + 1))
    seen = Seen(body)

    assert [number for number in range(MAX_TOLD + 2) if not seen.has_told(number)] == [0, 1]


@pytest.mark.parametrize("body", [b"", b"{}", b"\x81\xa4type\xa7seen.v2"])
def test_another_object_is_refused(body: bytes) -> None:
    with pytest.raises(StorageError, match="not an object of seen pages"):
        Seen(body)


def test_an_owner_has_taken_its_targets_where_they_led_to_and_what_it_found_of_its_own() -> None:
    batch: dict[int | str, Target] = {
        1: Target("http://a.example/1", 1),
        2: Target("http://a.example/2", 2),
        3: Target("http://a.example/3", 3),
        5: Target("http://a.example/5", 5),
        "http://a.example/4": Target("http://a.example/4", found_on="http://a.example/"),
    }
    found = [
        Found("http://a.example/joined"),
        Found("http://b.example/ours", child=1, partition=OURS),
        Found("http://c.example/theirs", child=2, partition=OTHERS),
    ]
    lines = lines_of(
        followed("/1", *found, line=1),
        followed("/2", line=2, redirects=("http://a.example/moved",), kind=Kind.DEFERRED),
        followed("/3", line=3, kind=Kind.SKIPPED, reason=Reason.DUPLICATE),
        followed("/4", line=None, kind=Kind.DROPPED, reason=Reason.OVER_LIMIT),
        followed("/5", line=5, redirects=("http://a.example/there",)),
    )

    taken = taken_by(batch, lines, OURS, EXACT, follows=True)
    listed = taken_by(batch, lines, OURS, EXACT, follows=False)
    assert (
        taken.targets
        == listed.targets
        == {
            page_hash("http://a.example/1"): "a.example",
            page_hash("http://a.example/joined"): "a.example",
            page_hash("http://b.example/ours"): "b.example",
            page_hash("http://a.example/2"): "a.example",
            page_hash("http://a.example/5"): "a.example",
        }
    )
    # Nobody has seen a page yet where the second one has led to.
    assert [*taken.locations] == [page_hash("http://a.example/there")]
    assert [*taken.told] == [page_hash("http://c.example/theirs")]
    assert (listed.locations, listed.told) == ({}, {})


def test_what_joined_a_batch_is_one_of_its_targets() -> None:
    carry = {"category": "Lamps"}
    [line] = lines_of(
        followed(
            "/1",
            Found("http://a.example/lamp", page="product", carry=carry),
            Found("http://b.example/", child=1, partition=OTHERS),
            depth=2,
        )
    )
    assert list(joined([line])) == [
        Target(
            "http://a.example/lamp",
            page="product",
            carry=carry,
            depth=3,
            found_on="http://a.example/1",
        )
    ]
