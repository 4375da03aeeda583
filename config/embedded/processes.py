"""The product's processes: how each is started, known to be ready, and asked to stop."""

import http.client
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ai.listening import probe
from config.embedded.ports import Ports
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey

# A restored backup may have much to forget, and rewrites every table then.
PREPARE_LIMIT_S = 4 * 3600.0
_PROBE_LIMIT_S = 2.0
_LOCAL = "127.0.0.1"
# Who listens on all addresses of a kind is reached at the machine's own.
_OWN_OF_ALL = {"0.0.0.0": _LOCAL, "::": "::1"}  # noqa: S104 - nothing is bound here
# A host that the product answers to wherever it listens.
_HOST = {"Host": "localhost"}
# Twice what a message of either kind may be: one that is only somewhat too large is told so by a code of ours.
_MESSAGE_BYTES_MAX = 131_072


@dataclass(frozen=True, slots=True)
class Process:
    """One process that is kept running.

    command: what it is started by. Where it ends with the exit code os.EX_CONFIG, what it was given to work with is wrong: it says
        so in the "reason" of its last error, and starting it again does not help.
    ready: whether it can do its work now; called in the supervisor, so it returns within two seconds.
    phase: a process is stopped before those of lower phases, and databases (phase 0) start before all others.
    death_signal: what the kernel sends it when the supervisor dies.
    stop_limit_s: how long it may take to stop before it is killed.
    listens_on: host and port of a socket that the supervisor holds for it, and gives to each of its lives by `--socket`. It
        gets a pipe by `--way` too, and writes to it when it takes nothing new any more but goes on with what it has begun: its
        successor is started beside it at once, and whoever comes meanwhile waits in the socket.
    """

    name: str
    command: tuple[str, ...]
    ready: Callable[[], bool]
    phase: int
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    stop_limit_s: float = 10.0
    listens_on: tuple[str, int] | None = None


def databases(postgres: Postgres, valkey: Valkey) -> list[Process]:
    """The two services that the embedded stack brings along."""
    return [
        Process(
            name="postgres",
            command=tuple(postgres.command()),
            ready=postgres.accepts,
            phase=0,
            # A fast shutdown: sessions are ended, everything is written.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            stop_limit_s=30.0,
        ),
        Process(name="valkey", command=tuple(valkey.command()), ready=valkey.accepts, phase=0),
    ]


def product(
    *,
    ports: Ports,
    bind: str,
    transcriber_address: str,
    worker_waits: Callable[[], bool],
    environ: Mapping[str, str],
) -> list[Process]:
    """What runs on one machine and on many.

    bind: the address on which web, media and live listen. transcriber_address: unix:///path or tcp://host:port.
    worker_waits: whether the worker's consumer waits for tasks in the queue. environ: says who listens to calls.
    :raises ValueError: a setting of `environ` is none of those that there are.
    """
    chosen = media_server(environ)
    listeners = [
        Process(
            name="transcriber",
            command=_python("-m", "ai.listening.server"),
            # It takes speech in before it has loaded its models, which may turn out to be unusable.
            ready=lambda: probe.is_proved(transcriber_address, _PROBE_LIMIT_S),
            phase=1,
        ),
        Process(
            name="media",
            command=MEDIA_SERVERS[chosen](bind, ports.media),
            ready=lambda: _answers(bind, ports.media, "/readyz"),
            phase=2,
            # On SIGTERM it would hear all calls to their end; whoever stops the whole product does not wait for them.
            stop_signal=signal.SIGINT,
            # Daphne knows no draining, and binds its port itself.
            listens_on=(bind, ports.media) if chosen == "picows" else None,
        ),
    ]
    return [
        *(listeners if listens_itself(environ) else ()),
        Process("web", daphne(bind, ports.web), lambda: _answers(bind, ports.web, "/readyz"), phase=2),
        Process(
            name="live",
            command=_python("manage.py", "live", bind, str(ports.live)),
            ready=lambda: _answers(bind, ports.live, "/readyz"),
            phase=2,
        ),
        Process(
            name="worker",
            command=_python("manage.py", "worker"),
            ready=worker_waits,
            phase=2,
            # The consumer finishes the tasks at hand on SIGINT, and drops them on SIGTERM.
            stop_signal=signal.SIGINT,
        ),
        # Its work is claimed in the database, so it is ready as soon as it runs.
        Process("clock", _python("manage.py", "clock"), lambda: True, phase=2),
    ]


def sandbox(ports: Ports) -> Process:
    """The local Twilio, Paddle and mail server; started last, stopped first."""
    return Process(
        name="sandbox",
        command=_python("-m", "sandbox"),
        ready=lambda: _answers(_LOCAL, ports.sandbox, "/") and _connects(_LOCAL, ports.sandbox_smtp),
        phase=3,
    )


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {**environ, "DJANGO_SETTINGS_MODULE": "config.settings", "PYTHONUNBUFFERED": "1"}


def _python(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, *arguments)


def daphne(bind: str, port: int, application: str = "config.asgi:application") -> tuple[str, ...]:
    # Without -v 0 daphne writes an access log: addresses and paths, which are personal data.
    quiet = ("-v", "0", "--no-server-name")
    limit = str(_MESSAGE_BYTES_MAX)
    bounds = ("--websocket-max-message-size", limit, "--websocket-max-frame-size", limit)
    return _python("-m", "config.web_server", "-b", bind, "-p", str(port), *quiet, *bounds, application)


def _picows(bind: str, port: int) -> tuple[str, ...]:
    return _python("manage.py", "media", bind, str(port))


def _daphne_for_media(bind: str, port: int) -> tuple[str, ...]:
    return daphne(bind, port, "config.media_asgi:application")


MEDIA_SERVERS: Mapping[str, Callable[[str, int], tuple[str, ...]]] = {"picows": _picows, "daphne": _daphne_for_media}


def media_server(environ: Mapping[str, str]) -> str:
    """Which server the media process uses.

    :raises ValueError: none of those that there are.
    """
    chosen = environ.get("MEDIA_SERVER") or "picows"
    if chosen not in MEDIA_SERVERS:
        raise ValueError(f"MEDIA_SERVER is {chosen!r}; set it to {' or '.join(MEDIA_SERVERS)}.")
    return chosen


def listens_itself(environ: Mapping[str, str]) -> bool:
    """Whether calls come to our own engines, which Twilio's transcription needs none of.

    :raises ValueError: nobody that there is.
    """
    engine = environ.get("TRANSCRIPTION_ENGINE") or "own"
    if engine not in ("own", "twilio"):
        raise ValueError(f"TRANSCRIPTION_ENGINE is {engine!r}; set it to own or twilio.")
    return engine == "own"


def _answers(bind: str, port: int, path: str) -> bool:
    """Whether HTTP is spoken on the port of this address, and does not say (by 503) that something is still missing."""
    connection = http.client.HTTPConnection(_OWN_OF_ALL.get(bind, bind), port, timeout=_PROBE_LIMIT_S)
    try:
        connection.request("GET", path, headers=_HOST)
        return connection.getresponse().status < 500
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _connects(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), _PROBE_LIMIT_S).close()
    except OSError:
        return False
    return True
