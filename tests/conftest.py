"""What would take most of the time of most tests and proves nothing there: emptying all tables, hashing at full cost, looking at
the pages' files. And what is kept of a run: how the proofs of the policy ended."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import TransactionTestCase
from hypothesis import HealthCheck, settings
from psycopg.errors import DeadlockDetected
from whitenoise.base import WhiteNoise

from compliance import pace, replaying
from compliance.models import LedgerMark
from config.replayed import DOOR
from ledger.seed import seed
from processors.models import HashKey
from tests import policy_report

# How long an example takes says how busy the machine is.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# TRUNCATE makes new files for every table and index, some hundreds; most tests write a few rows into a few tables. Rows that
# were deleted stay in the files, so a table that has grown gets new ones.
_EMPTY = """
DO $$
DECLARE
    name text;
    holds_rows boolean;
BEGIN
    SET LOCAL session_replication_role = replica;
    -- Of two that wait for each other the one ends that noticed it first: never this one, which would meet the same one again.
    SET LOCAL deadlock_timeout = '10s';
    FOREACH name IN ARRAY string_to_array('{tables}', ' ') LOOP
        IF pg_relation_size(name) > 262144 THEN
            EXECUTE 'TRUNCATE ' || name || ' CASCADE';
        ELSE
            EXECUTE 'SELECT EXISTS (SELECT FROM ' || name || ')' INTO holds_rows;
            IF holds_rows THEN
                EXECUTE 'DELETE FROM ' || name;
            END IF;
        END IF;
    END LOOP;
END $$
"""
_EMPTYINGS_MAX: Final = 5


_COSTS: Final = {name: getattr(Argon2PasswordHasher, name) for name in ("time_cost", "memory_cost", "parallelism")}
_CHEAP: Final = {"time_cost": 1, "memory_cost": 64, "parallelism": 1}


# What measures how fast something is.
_ALONE: Final = (
    "tests/browser/test_long_call.py",
    "tests/listening/test_dialogues.py",
    "tests/listening/test_early.py",
    "tests/listening/test_load.py",
    "tests/listening/test_transcriber.py",
    "tests/voice/test_media_hostile.py",
)

# Calls in true time and pages, whose stacks wait for a third of their time: three beside each other take all of a machine of two.
_PACED: Final = (
    "tests/browser/",
    "tests/chaos/",
    "tests/leaving/",
    "tests/stack/test_databases.py",
    "tests/stack/test_rotation.py",
    "tests/stack/test_serve.py",
    "tests/stack/test_stack.py",
    "tests/stack/test_unusable_models.py",
)
# The longest of these begin first.
_FIRST: Final = ("tests/chaos/test_kills.py", "tests/chaos/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(_ALONE):
            item.add_marker(pytest.mark.alone)
        elif item.nodeid.startswith(_PACED):
            item.add_marker(pytest.mark.paced)
    items.sort(
        key=lambda item: next((at for at, begin in enumerate(_FIRST) if item.nodeid.startswith(begin)), len(_FIRST))
    )


# Those that prove a clause of the policy, without their parameters: a test failed if it did with any, and has not run if with any it
# could not.
_policy_tests: dict[str, str] = {}
_WORSE: Final = ("passed", policy_report.NOT_RUN, "failed")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if "policy" in report.keywords and (report.when == "call" or not report.passed):
        test = report.nodeid.split("[")[0]
        ended = "failed" if report.failed else policy_report.NOT_RUN if report.skipped else "passed"
        _policy_tests[test] = max(_policy_tests.get(test, ended), ended, key=_WORSE.index)


def pytest_sessionfinish(session: pytest.Session) -> None:
    # Of several processes that test side by side the first hears of every test.
    if not hasattr(session.config, "workerinput"):
        policy_report.keep(_policy_tests)


@pytest.fixture(scope="session", autouse=True)
def _passwords_are_hashed_quickly() -> None:
    """In this process; the stacks that tests start hash as the product does."""
    _hash_at(_CHEAP)


@pytest.fixture(scope="session", autouse=True)
def _long_work_does_not_rest() -> None:
    """In this process, where nobody else works; erasures in the stacks that tests start rest as the product's do."""
    pace.REST = 0.0  # type: ignore[misc]


@pytest.fixture(scope="session", autouse=True)
def _files_of_pages_are_looked_at_once() -> None:
    """In this process, where each browser of a test has middleware of its own, which begins with some hundreds of files."""
    look, seen = WhiteNoise.update_files_dictionary, {}

    def look_once(noise: WhiteNoise, root: str, prefix: str) -> None:
        of = (root, prefix, noise.max_age)
        if of not in seen:
            before, noise.files = noise.files, {}
            look(noise, root, prefix)
            seen[of], noise.files = noise.files, before
        noise.files |= seen[of]

    WhiteNoise.update_files_dictionary = look_once


@pytest.fixture
def hashing_at_full_cost() -> Iterator[None]:
    _hash_at(_COSTS)
    yield
    _hash_at(_CHEAP)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> None:
    """With the erasure ledger, as the start of the product leaves both."""
    with django_db_blocker.unblock():
        replaying.prepare(now=datetime.now(UTC))
        assert DOOR.look() == ""


def _hash_at(costs: Mapping[str, int]) -> None:
    for name, cost in costs.items():
        setattr(Argon2PasswordHasher, name, cost)


@pytest.fixture(scope="session", autouse=True)
def _tables_are_emptied_quickly() -> None:
    names = connection.introspection.django_table_names(include_views=False)
    # The erasure ledger keeps what was entered, so the database keeps how far it has seen that, and by which key it is hashed.
    kept = {model._meta.db_table for model in (LedgerMark, HashKey)}
    tables = [name for name in names if name not in kept]

    def empty(_case: TransactionTestCase) -> None:
        for left in reversed(range(_EMPTYINGS_MAX)):
            try:
                with connection.cursor() as cursor:
                    cursor.execute(_EMPTY.format(tables=" ".join(tables)))
                break
            except OperationalError as error:
                # The sandbox goes on telling of a test's calls, and the live server writes it down in an order of its own.
                if not (left and isinstance(error.__cause__, DeadlockDetected)):
                    raise
        seed()
        if not LedgerMark.objects.exists():
            # A test of migrations went back to before there was one.
            call_command("replay_erasures")

    TransactionTestCase._fixture_teardown = empty  # type: ignore[attr-defined]
