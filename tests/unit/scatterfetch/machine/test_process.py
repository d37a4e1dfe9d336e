"""What a worker process goes by."""

from scatterfetch.machine.process import WAIT_SECONDS
from shared.clients import READ_SECONDS


def test_an_idle_worker_has_its_answer_before_its_call_is_given_up() -> None:
    """A message in an answer that nobody waits for is hidden from all, and in nobody's hand."""
    assert WAIT_SECONDS + 5 <= READ_SECONDS
