"""What waits for a worker is over after a day, also where no worker has run meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest
from huey.contrib.djhuey import HUEY
from huey.signals import SIGNAL_ERROR, SIGNAL_EXECUTING, SIGNAL_EXPIRED

from compliance import tasks
from compliance.elements import ELEMENTS
from voice import tasks as voice_tasks

pytestmark = pytest.mark.policy("C6.1")
# What names nobody and is handed over by no clock.
WITHOUT_END = {tasks.rewrite.task_class}


def test_every_task_ends_by_itself_but_those_that_name_nobody() -> None:
    every = set(HUEY._registry._registry.values())
    assert {tasks.run_one.task_class, voice_tasks.dial.task_class} < every
    assert {task for task in every if task.default_expires is None} == WITHOUT_END
    term = ELEMENTS["queue"].retention_days
    assert {task.default_expires for task in every - WITHOUT_END} == {timedelta(days=term or 0)}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("waited", "did"), [(timedelta(hours=23), SIGNAL_EXECUTING), (timedelta(hours=25), SIGNAL_EXPIRED)]
)
def test_a_task_that_nobody_took_for_a_day_is_not_done(waited: timedelta, did: str) -> None:
    HUEY.flush()
    voice_tasks.analyse()
    seen: list[str] = []

    def see(signal: str, *_: object) -> None:
        seen.append(signal)

    HUEY.signal(SIGNAL_EXECUTING, SIGNAL_EXPIRED, SIGNAL_ERROR)(see)
    try:
        HUEY.execute(HUEY.dequeue(), datetime.now(UTC).replace(tzinfo=None) + waited)
    finally:
        HUEY.disconnect_signal(see)
    assert (seen, HUEY.pending_count()) == ([did], 0)
