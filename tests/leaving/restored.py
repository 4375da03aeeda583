"""A backup from before both erasures is restored beside the database in which they ran, and forgets them by the product's command."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import psycopg

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from tests import backups
from tests.smoke.needles import Canary
from tests.smoke.scan import Scan, kinds

_NAME: Final = "klosesales_restored"
_BYTES: Final = "file postgres/base/"


def forgets_again(
    stack: Stack, backup: Path, *, called: Sequence[Canary], leaves: Sequence[Canary], stays: Sequence[Canary]
) -> dict[str, Any]:
    """What was found of each before and after. stays: canaries of those who were not erased."""
    env = stack.env
    address = backups.restore(backup, _NAME, server=env["DATABASE_URL"])
    scan = Scan(database_url=address, redis_url=env["REDIS_URL"], folder=stack.data_dir, keys=env)
    with psycopg.connect(address, autocommit=True) as database:
        # As the server does by itself, sooner or later: the most common values stand in the statistics then.
        database.execute("ANALYZE")
        database.execute("CHECKPOINT")
        row = database.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    assert row is not None
    of_called, of_leaves = scan.look_for(called, leaves)
    done = subprocess.run(
        [sys.executable, "manage.py", "replay_erasures"],
        cwd=PROJECT,
        env={**os.environ, **env, "DATABASE_URL": address},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    left_of_called, left_of_leaves, of_stays = scan.look_for(called, leaves, stays)
    return {
        "restored_of_called": _own(of_called.places, row[0]),
        "restored_of_leaves": _own(of_leaves.places, row[0]),
        "restored_left_of_called": left_of_called.places,
        "restored_left_of_leaves": left_of_leaves.places,
        "restored_kinds_of_who_stays": sorted(kinds(_own(of_stays.places, row[0]))),
        "restored_unsaid_of_who_stays": [str(each) for each in of_stays.missing],
    }


def _own(places: Iterable[str], database: int) -> list[str]:
    """Without the bytes of the other databases of the server."""
    return [place for place in places if not place.startswith(_BYTES) or place.startswith(f"{_BYTES}{database}/")]
