"""Long work lets others go first."""

import os

import pytest
from django.db import connection, transaction

from compliance import pace


def session() -> tuple[int, int, str]:
    """The process that serves this thread, its priority, and on how many other cores it may work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid(), current_setting('max_parallel_maintenance_workers')")
        server, cores = cursor.fetchone()
    return server, os.getpriority(os.PRIO_PROCESS, server), cores


@pytest.mark.django_db(transaction=True)
def test_what_takes_long_has_a_session_of_its_own_that_stands_behind_others() -> None:
    """Planted bug that this catches: the session goes back to the pool, and whoever gets it waits behind everybody."""
    before = session()
    with pace.behind_others():
        server, priority, cores = session()
        assert server != before[0] and (priority, cores) == (pace.NICENESS, "0")
    assert session() == before


@pytest.mark.django_db
def test_within_a_transaction_the_session_stays() -> None:
    with transaction.atomic():
        before = session()
        with pace.behind_others():
            assert session() == before


@pytest.mark.django_db(transaction=True)
def test_a_process_of_another_server_is_left_alone() -> None:
    """A server on another machine, or in a container, gives numbers that mean another process here."""
    connection.ensure_connection()
    descriptor = connection.connection.fileno()
    assert pace._server_here(descriptor, connection.connection.info.backend_pid)
    assert pace._server_here(descriptor, os.getpid()) is None
