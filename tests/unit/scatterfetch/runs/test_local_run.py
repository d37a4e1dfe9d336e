"""The state of jobs on this machine, from the keys that are put."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from scatterfetch.jobs.progress import Job, Progress
from scatterfetch.jobs.watch import Interruptions
from scatterfetch.lists.url_list import UrlList
from scatterfetch.runs.local_run import LocalRun
from shared.receipts import receipt_key


class Nothing:
    def show(self, progress: Progress) -> None: ...
    def say(self, text: str) -> None: ...


def test_looks_at_the_state_have_a_share_of_the_time_however_many_puts_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look costs what the job has batches. One for each put, and a long job crawls."""
    now = 0.0
    slept = []

    def sleep(_received: Interruptions, seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds

    monkeypatch.setattr(Interruptions, "wait", sleep)  # which Ctrl-C ends
    clock = SimpleNamespace(monotonic=lambda: now)
    monkeypatch.setattr("scatterfetch.runs.local_run.time", clock)
    local = LocalRun(tmp_path, Nothing(), Interruptions())
    local.jobs["j"] = Job("j", UrlList("urls.txt", "a/urls.txt", b"", None))
    now += 5.0  # until the cloud is there

    for number, look in enumerate((0.01, 0.1, 3.0, 0.0)):
        local.on_put(receipt_key("j", f"00000-{number:06}", {"scraped": 1}))
        local.wait()
        now += look

    assert slept == pytest.approx([0.0, 0.04, 0.4, 2.0])
