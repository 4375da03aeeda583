"""The two workspaces, built once for the tests of a module and committed, so that sockets see them too."""

import os
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django.fixtures import Settings
from pytest_django.plugin import DjangoDbBlocker

from config.embedded import environment
from tests.matrix import world as worlds
from tests.matrix.asker import Asker
from tests.matrix.lean_door import LeanDoor
from tests.sandbox_fixture import Sandbox, sandbox_process

__all__ = ["sandbox_process"]


@pytest.fixture(autouse=True)
def _browser_calls_are_set_up(settings: Settings) -> None:
    for name, value in environment.browser_calls(os.environ).items():
        setattr(settings, name, value)


@pytest.fixture(scope="session", autouse=True)
def _reads_are_asked_lean_too(django_db_setup: None) -> Iterator[None]:
    Asker.lean = LeanDoor()
    yield
    Asker.lean.close()
    Asker.lean = None


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, sandbox_process: Sandbox
) -> Iterator[worlds.World]:
    with django_db_blocker.unblock():
        built = worlds.build(sandbox_process)
    yield built
    with django_db_blocker.unblock():
        _set_triggers_aside("replica")
        call_command("flush", verbosity=0, interactive=False)
        _set_triggers_aside("origin")
        # How far the database has seen the erasure ledger is gone too, and no process would serve.
        call_command("replay_erasures")


def _set_triggers_aside(role: str) -> None:
    """The record of acts refuses to be emptied. role: "replica" for none of them, "origin" for all again."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('session_replication_role', %s, false)", [role])
