"""What asking may cost: calls and USD, per run and per day.

A call is made only if it is within all limits when it begins; money is known afterwards, so
calls that are under way when it runs out are still paid. Days are UTC and shared by all
processes of a workspace. Thread-safe.
"""

import threading
from collections.abc import Callable
from datetime import UTC, datetime

from tracedesk.judge.settings import JudgeSettings
from tracedesk.judge.shelf import Shelf


def today() -> str:
    """The day that calls are counted under."""
    return datetime.now(UTC).date().isoformat()


class Budget:
    """See the module."""

    def __init__(
        self, settings: JudgeSettings, shelf: Shelf, day: Callable[[], str] = today
    ) -> None:
        self._settings = settings
        self._shelf = shelf
        self._day = day
        self._lock = threading.Lock()
        self._under_way = 0
        self.calls = 0
        """Calls made in this run."""
        self.usd = 0.0
        """USD paid in this run, as far as prices are known."""

    def reserve(self) -> str:
        """Take one call out of the budget, or say which limit forbids it."""
        settings = self._settings
        with self._lock:
            limited = settings.limits_days
            day_calls, day_usd = self._shelf.spent(self._day()) if limited else (0, 0.0)
            limits = (
                ("budget_calls_per_run", settings.budget_calls_per_run, self.calls, 1),
                ("budget_calls_per_day", settings.budget_calls_per_day, day_calls, 1),
                ("budget_usd_per_run", settings.budget_usd_per_run, self.usd, 0),
                ("budget_usd_per_day", settings.budget_usd_per_day, day_usd, 0),
            )
            for name, limit, spent, step in limits:
                if limit is None:
                    continue
                over = spent + self._under_way >= limit if step else spent >= limit
                if over:
                    return f"the budget is used up: [judge] {name} = {limit:g}"
            self._under_way += 1
            return ""

    def settle(self, calls: int, usd: float) -> None:
        """Pay for what was reserved once; the calls that were really made."""
        with self._lock:
            self._under_way -= 1
            self.calls += calls
            self.usd += usd
            if calls:
                self._shelf.spend(self._day(), calls, usd)
