"""What workers tell adds up."""

from scatterfetch.machine.news import Begun, Ended, Standing, begun, decode, encode
from scatterfetch.output.working import progress_line
from shared.messages import Batch, Target


def test_news_survive_the_way_from_process_to_process() -> None:
    targets = (Target("http://b.example/", 1), Target("http://a.example/x", 2))
    batch = Batch(job="j", batch="00000-000000", partition=7, targets=targets)

    told = begun(batch)

    assert told == Begun("7", 2, ("a.example", "b.example"))
    assert decode(encode(told)) == told


def test_what_workers_have_done_and_have_in_hand() -> None:
    standing = Standing()
    standing.add("one", Begun("1", 10, ("a", "b")))
    standing.add("one", Begun("2", 5, ("c",)))
    standing.add("two", Begun("3", 7, ("c", "d")))
    standing.add("two", Begun("4", 1, ("e",)))

    standing.add("one", Ended("1", {"scraped": 7, "failed-http_404": 2, "deferred-timeout": 1}))
    standing.add("two", Ended("4"))

    work = standing.work()
    assert work.done == 9
    assert (work.batches, work.in_hand, work.under_way, work.hosts) == (1, 2, 12, 2)
    assert progress_line(work, 1.5) == (
        "9 URLs done, 1.5/s, 7 scraped, 2 failed, 12 under way at 2 hosts, in 2 batches"
    )


def test_a_worker_that_has_died_has_nothing_in_hand() -> None:
    standing = Standing()
    standing.add("one", Begun("1", 10, ("a",)))
    standing.add("two", Begun("2", 5, ("b",)))

    standing.forget("one")

    assert standing.work().under_way == 5
