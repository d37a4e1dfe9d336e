import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.worker.seen import Seen, joined, location_hash, page_hash, taken_by
from shared.errors import Reason, StorageError
from shared.messages import Target
from shared.outcomes import CommittedLine, FollowedOutcome, Found, Kind, decode_lines, encode_line
from tests.results import outcome

OURS, OTHERS = 3, 4


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
        body = Seen(body).with_pages(dict.fromkeys(pages, "a.example")) or body
    seen = Seen(body)

    everything = {page for pages in several for page in pages}
    assert len(seen) == len(everything)
    assert seen.hosts.get("a.example", 0) == len(everything)
    assert all(page in seen for page in everything)
    beside = {(page + 1) % 2**64 for page in everything} - everything
    assert not any(page in seen for page in beside)


def test_to_add_again_changes_nothing() -> None:
    pages = {page_hash("http://a.example/"): "a.example"}
    body = Seen().with_pages(pages)

    assert Seen(body).with_pages(pages) is None


@pytest.mark.parametrize("body", [b"", b"{}", b"\x81\xa4type\xa7seen.v2"])
def test_another_object_is_refused(body: bytes) -> None:
    with pytest.raises(StorageError, match="not an object of seen pages"):
        Seen(body)


def test_a_page_is_its_url_and_the_body_of_a_post() -> None:
    urls = ["http://a.example/1", "http://a.example/2"]
    targets = [
        *(Target(url) for url in urls),
        Target(urls[0], method="POST", body="x"),
        Target(urls[0], method="POST", body="y"),
        Target(urls[0], redirects=("http://a.example/3",)),
    ]
    assert len({location_hash(target) for target in targets}) == 5
    turned = Target(urls[0], redirects=(urls[1],), method="POST", body="x", turned=True)
    assert location_hash(turned) == page_hash(urls[1])


def test_an_owner_has_taken_its_targets_where_they_led_to_and_what_it_found_of_its_own() -> None:
    targets: dict[int | str, Target] = {
        1: Target("http://a.example/1", 1),
        2: Target("http://a.example/2", 2),
        3: Target("http://a.example/3", 3),
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
    )

    taken = taken_by(targets, lines, OURS, follows=True)
    listed = taken_by(targets, lines, OURS, follows=False)
    assert taken.keys() - listed.keys() == {page_hash("http://a.example/moved")}
    assert taken == {
        page_hash("http://a.example/1"): "a.example",
        page_hash("http://a.example/joined"): "a.example",
        page_hash("http://b.example/ours"): "b.example",
        page_hash("http://a.example/2"): "a.example",
        page_hash("http://a.example/moved"): "",  # no target of its own
    }


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
