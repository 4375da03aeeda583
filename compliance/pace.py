"""How what takes long, and what nobody waits for, leaves the machine to those who are waited for.

An erasure goes on for tens of seconds, and people speak on the telephone meanwhile. It works in pieces of milliseconds and rests after
each; what it asks of the database uses one core and, where the database runs on this machine, stands behind everybody else's.
"""

import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

# For each second of work so much is left to others.
REST: Final = 1.5
# As `nice`: a third of what others get while every core is wanted, and all of one that is idle. With less it would hold
# what others wait for while it waits for a core itself.
NICENESS: Final = 5
_SETTINGS: Final = {
    # The other cores are others'.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    # What is written goes to the disk as it comes; else a checkpoint has all of it to wait for, and with it everybody who commits.
    "backend_flush_after": "256kB",
}
_PEER: Final = struct.Struct("3i")


@contextmanager
def paced() -> Iterator[None]:
    """Rests after what is done inside, as long as it took in proportion. Not for what waits for locks or networks."""
    began = time.monotonic()
    yield
    rest(time.monotonic() - began)


def rest(worked_s: float) -> None:
    time.sleep(worked_s * REST)


@contextmanager
def committed_later() -> Iterator[None]:
    """What is committed inside reaches the disk within a second, by PostgreSQL's own writer; others' commits wait for whoever writes at
    once. A crash takes back the newest of it, so it is for what is done again then; what is committed after it is kept only with it.
    """
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")


@contextmanager
def behind_others() -> Iterator[None]:
    """What this thread asks of the database meanwhile stands behind what others ask. Within a transaction nothing is changed.

    It has a session of its own for that, beside the pool's: whoever let others go first may not be allowed to stop it again.
    """
    usual = connections[DEFAULT_DB_ALIAS]
    if usual.in_atomic_block:
        yield
        return
    own = usual.copy()
    own.settings_dict["OPTIONS"].pop("pool", None)
    connections[DEFAULT_DB_ALIAS] = own
    try:
        _let_others_go_first(own)
        yield
    finally:
        connections[DEFAULT_DB_ALIAS] = usual
        own.close()


def _let_others_go_first(own: BaseDatabaseWrapper) -> None:
    with own.cursor() as cursor:
        for name, value in _SETTINGS.items():
            cursor.execute("SELECT set_config(%s, %s, false)", [name, value])
    server = _server_here(own.connection.fileno(), own.connection.info.backend_pid)
    if server is not None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, server, NICENESS)
        # Where Linux shares cores out between sessions first, that counts within one alone, and each server process has its own.
        with suppress(OSError):
            Path(f"/proc/{server}/autogroup").write_text(str(NICENESS))


def _server_here(descriptor: int, server: int) -> int | None:
    """The process that serves this connection, where it is one of this machine; a number says nothing of where it was given.

    It is the child of the process at the other end of the socket, which the kernel names.
    """
    if not hasattr(socket, "SO_PEERCRED"):
        return None
    with socket.socket(fileno=os.dup(descriptor)) as line:
        if line.family != socket.AF_UNIX:
            return None
        parent, _, _ = _PEER.unpack(line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER.size))
    try:
        # After the name, which may hold spaces and brackets: state and parent.
        told = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return server if parent and int(told[1]) == parent else None
