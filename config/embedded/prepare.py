"""Bringing the database up to date before the product's processes start, seeing that the keys are those of its rows, and
replaying erasures upon one that was restored. Nothing begins where Twilio would hear calls of people who were not told so, nor as a
role that the guard between workspaces does not bind.

    python -m config.embedded.prepare

Several machines may do it at once: the first one migrates, the others wait for it. Exit codes: 1 with one line that says
what to do when a key or the role is wrong, or when erasures cannot be replayed.
"""

import os
import sys
import time
from datetime import UTC, datetime

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils.module_loading import import_string

from processors.seal import SealUnreadable
from processors.sealed_columns import KeysWrong, demand_right_keys

# Any number that nothing else of the product locks.
_LOCK = 7_203_518_442
_AGAIN_S = 0.2


def prepare() -> None:
    """Apply all migrations, then erase what a restored backup brought back. Raises KeysWrong, SealUnreadable,
    ImproperlyConfigured, CommandError."""
    # They have models, which are there once Django is set up.
    import_string("identity.tenancy.demand_bound")()
    with connection.cursor() as cursor:
        _lock(cursor)
        call_command("migrate", interactive=False, verbosity=0)
        cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    for wrong in demand_right_keys():
        sys.stderr.write(f"{wrong}\n")
    # Before the first sign-up, which would accept the oldest version.
    import_string("compliance.policy_change.publish_versions")(now=datetime.now(UTC))
    import_string("compliance.policy.demand_announced")()
    with connection.cursor() as cursor:
        _lock(cursor)
        call_command("replay_erasures")
        cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _lock(cursor: CursorWrapper) -> None:
    """A session's lock: it ends with this process, however that ends. Asked for again and again, since a migration that makes an
    index beside everybody's work waits for each statement that goes on, one that waits for this lock too."""
    while True:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_LOCK])
        if cursor.fetchone()[0]:
            return
        time.sleep(_AGAIN_S)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    try:
        prepare()
    except (KeysWrong, SealUnreadable, ImproperlyConfigured, CommandError) as wrong:
        sys.exit(str(wrong))
