import pytest

from scatterfetch.jobs.manifests import command_of
from shared.messages import Place


@pytest.mark.parametrize(
    ("source", "command"),
    [
        (None, "scatterfetch run"),
        (Place("input", "books/urls.txt"), "scatterfetch run"),
        (Place("input", "crawl/shop.example.txt"), "scatterfetch crawl"),
    ],
)
def test_a_job_goes_on_by_the_command_that_has_started_it(
    source: Place | None, command: str
) -> None:
    assert command_of(source) == command
