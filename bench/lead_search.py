"""Searching 200,000 leads as people type: how long a page of what is found takes.

Beside it what the database alone takes for the same, with its index and without.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode

from bench.report import say
from config.embedded.handle import Stack
from sandbox.rep import Rep

SOUGHT: Final = 15


def searched(stack: Stack, owner: Any) -> dict[str, list[float]]:
    """Milliseconds of each search, through the web process (`page`) and of the database (`indexed`, `unindexed`)."""
    from django.db import connection

    from identity import tenancy
    from identity.auth import Actor
    from voice import queries

    words = list(_words())
    say(f"calling: {len(words)} searches")
    rep = Rep(stack.url, stack.sandbox_url)
    rep.come_back(owner.session_key)
    found = {"page": [_ms(partial(rep.call, "GET", f"/api/leads?{urlencode({'search': each})}")) for each in words]}
    rep.close()
    actor = Actor(user_id=owner.user_id, workspace_id=owner.workspace_id, role="owner")
    # As a request asks, which sees one workspace alone.
    tenancy.confine(owner.workspace_id)
    for name, scan in (("indexed", "on"), ("unindexed", "off")):
        with connection.cursor() as cursor:
            cursor.execute(f"SET enable_bitmapscan = {scan}")
        asked = partial(queries.leads_page, actor=actor, tag="", disposition=None, cursor=None, limit=50)
        found[name] = [_ms(partial(asked, search=each)) for each in words]
    with connection.cursor() as cursor:
        cursor.execute("RESET enable_bitmapscan")
    tenancy.release()
    return found


def _words() -> Iterator[str]:
    """A name, a part of one that many have, the end of a number, and nobody's."""
    for number in range(1_003, 200_000, 200_000 // SOUGHT):
        yield f"last {number}"
        yield f"company {number // 1_000}"
        yield f"{number:06d}"
        yield f"nobody {number}"


def _ms(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1_000
