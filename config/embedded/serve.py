"""`make serve`: the product's processes against the services that the environment names, and no sandbox.

Exit codes: 0 stopped as asked, 1 something did not start, 2 the environment is not complete (each problem is named).
"""

import os
import sys
from pathlib import Path

import redis

from config import configuration
from config.embedded import environment, folders, ports, processes
from config.embedded.folders import Folders
from config.embedded.ports import PortUnusable
from config.embedded.stack import AlreadyRunning, alone
from config.embedded.supervisor import StartFailed, StopRequested, Supervisor


def main() -> int:
    found = configuration.problems(os.environ)
    if found:
        print("The product cannot start; docs/configuration.md tells about every setting:", file=sys.stderr)  # noqa: T201
        for problem in found:
            print(f"  {problem}", file=sys.stderr)  # noqa: T201
        return 2
    data_dir = Path(os.environ.get("DATA_DIR") or environment.PROJECT / ".data")
    try:
        places = folders.make(data_dir)
        with alone(places):
            return _serve(places)
    except (AlreadyRunning, PortUnusable, OSError) as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return 2


def _serve(places: Folders) -> int:
    chosen = ports.from_environment(os.environ)
    media = ("media",) if processes.listens_itself(os.environ) else ()
    bind = os.environ.get("BIND_ADDRESS") or "127.0.0.1"
    ports.check_free(chosen, bind=bind, only=("web", *media, "live"))
    transcriber = os.environ.get("TRANSCRIBER_ADDRESS") or f"unix://{places.run / 'transcriber.sock'}"
    given = {"DATA_DIR": str(places.data), "TRANSCRIBER_ADDRESS": transcriber}
    supervisor = Supervisor(
        logs=places.logs,
        state=places.state,
        facts={"ready": False},
        environ=processes.child_environment({**os.environ, **given}),
        cwd=environment.PROJECT,
    )
    say = supervisor.console.say
    code = 0
    try:
        supervisor.run("prepare", [sys.executable, "-m", "config.embedded.prepare"], limit_s=processes.PREPARE_LIMIT_S)
        supervisor.console.step("database", "up to date")
        supervisor.start(
            processes.product(
                ports=chosen,
                bind=bind,
                transcriber_address=transcriber,
                worker_waits=_worker_waits,
                environ=os.environ,
            )
        )
        supervisor.write_state(ready=True)
        say(f"Klosesales serves {os.environ['PUBLIC_URL']}. Logs are in {places.logs}.")
        supervisor.watch()
    except StartFailed as failure:
        supervisor.console.problem(str(failure))
        code = 1
    except StopRequested:
        pass
    finally:
        supervisor.stop()
    return code


def _worker_waits() -> bool:
    """Whether a worker waits for tasks in the queue, which is kept on the first of the hosts."""
    url = os.environ["REDIS_URL"].split(",")[0].strip()
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as queue:
            return any(client["cmd"] == "brpop" for client in queue.client_list())
    except redis.RedisError:
        return False


if __name__ == "__main__":
    sys.exit(main())
