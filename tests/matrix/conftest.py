"""The two workspaces, built once for the tests of a module and committed, so that sockets see them too."""

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from pytest_django.plugin import DjangoDbBlocker

from tests.matrix import world as worlds
from tests.sandbox_fixture import Sandbox, sandbox_process

__all__ = ["sandbox_process"]


@pytest.fixture(scope="module")
def world(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, sandbox_process: Sandbox
) -> Iterator[worlds.World]:
    with django_db_blocker.unblock():
        built = worlds.build(sandbox_process)
    yield built
    with django_db_blocker.unblock():
        call_command("flush", verbosity=0, interactive=False)
