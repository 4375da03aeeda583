"""The embedded PostgreSQL and Valkey in a temporary folder, with the settings that the product reads."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench.machine import CLIENT_CORES, Started, start
from config.embedded import environment, folders, ports, secrets


@contextmanager
def running(*, durable: bool = False, cores: set[int] = CLIENT_CORES) -> Iterator[Path]:
    """Both servers up, the environment and Django set, the tables made. Yields the folder; all of it goes at the end.

    durable: PostgreSQL as in production, so that what it has confirmed survives a loss of power.
    """
    with ExitStack() as undo:
        data = Path(tempfile.mkdtemp(prefix="klose-bench-"))
        undo.callback(shutil.rmtree, data, ignore_errors=True)
        places, known = folders.make(data), secrets.make()
        postgres, valkey = environment.databases(places, known, durable=durable)
        os.environ.update(environment.supplied(places, known, ports.free()))
        os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
        os.environ["LOG_LEVEL"] = "WARNING"
        os.environ["DEBUG"] = "false"
        postgres.create()
        for name, server, stop_signal in (
            ("postgres", postgres, signal.SIGINT),
            ("valkey", valkey, signal.SIGTERM),
        ):
            started: Started = start(
                server.command(),
                log=places.logs / f"{name}.log",
                ready=server.accepts,
                cores=cores,
                stop_signal=stop_signal,
            )
            undo.callback(started.stop, stop_signal)
        postgres.create_database()
        _make_tables()
        yield data


def _make_tables() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    # Ties the database to its erasure ledger, without which no process serves.
    call_command("replay_erasures")
