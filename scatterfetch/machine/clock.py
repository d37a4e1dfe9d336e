"""
The time by AWS's clocks, since what a worker writes down is read by other machines.

Each answer of AWS tells its time, to the second, and lies between two moments of ours. So the
correction lies in an interval, which becomes narrower with each answer; of it, the least is used: a
clock that may be right is left alone.
"""

import math
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from functions.worker.leases import Moment

if TYPE_CHECKING:
    from botocore.session import Session

NOTABLE_SECONDS = 2.0
"""A correction beyond is worth a word."""
_DRIFT = 1e-4  # seconds a second that a machine's clock may run fast or slow
_BEGAN = "scatterfetch-began"


class AwsClock:
    """
    Tells the seconds since the epoch.

    Args:
        wall: This machine's clock, which may be wrong. It is read once: it may be set.
        boot: Seconds since any moment, of a clock that goes on while the machine sleeps.
        on_notable: Is told the correction once it is notable, once.
    """

    def __init__(
        self,
        *,
        wall: Callable[[], float] = time.time,
        boot: Callable[[], float] = lambda: Moment.now().boot,
        on_notable: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        self._boot = boot
        self._epoch = wall() - boot()
        self._on_notable = on_notable
        self._lock = threading.Lock()
        self._least, self._most = -math.inf, math.inf
        self._heard = boot()
        self._has_noted = False
        self.correction = 0.0
        """Seconds that this machine's clock is behind."""

    def now(self) -> float:
        return self._own() + self.correction

    def follow(self, session: "Session") -> None:
        """Listen to the answers that clients get which `session` makes from now on."""
        session.register("request-created", self._begin)
        session.register("response-received", self._end)

    def hear(self, told: float, began: float, ended: float) -> None:
        """
        Take note of an answer.

        Args:
            told: The time that it tells, in whole seconds since the epoch.
            began: When the request was made, by `boot`.
            ended: When the answer was there, by `boot`.
        """
        least, most = told - (ended + self._epoch), told + 1 - (began + self._epoch)
        with self._lock:
            drift = _DRIFT * (ended - self._heard)
            self._least, self._most = max(self._least - drift, least), min(self._most + drift, most)
            self._heard = ended
            if self._least > self._most:  # somebody has set a clock
                self._least, self._most = least, most
            self.correction = min(max(0.0, self._least), self._most)
            is_news = abs(self.correction) > NOTABLE_SECONDS and not self._has_noted
            self._has_noted = self._has_noted or is_news
        if is_news:
            self._on_notable(self.correction)

    def _own(self) -> float:
        return self._boot() + self._epoch

    def _begin(self, **event: Any) -> None:  # noqa: ANN401 -- botocore's
        event["request"].context[_BEGAN] = self._boot()

    def _end(self, **event: Any) -> None:  # noqa: ANN401 -- botocore's
        answer, began = event["response_dict"], event["context"].get(_BEGAN)
        if answer is None or began is None:
            return
        with suppress(ValueError):  # it has no date
            told = parsedate_to_datetime(answer["headers"].get("Date", ""))
            self.hear(told.timestamp(), began, self._boot())
