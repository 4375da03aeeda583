"""A management command of the product, where its services are: `python -m config.embedded.manage reconcile`.

The services are those that the environment names (DATABASE_URL), as for `make serve`; else those of the stack that runs in
DATA_DIR, as `make run` started it. Exit codes: the command's own, or 2 when there is neither.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from config.embedded import environment, folders, secrets
from config.embedded.ports import Ports


class NoStack(RuntimeError):
    """Nothing runs in the data folder; the message says what to do."""


def services(environ: dict[str, str]) -> dict[str, str]:
    """The settings to add to the environment. Raises NoStack."""
    if environ.get("DATABASE_URL"):
        return {}
    data = Path(environ.get("DATA_DIR") or environment.PROJECT / ".data")
    try:
        state = json.loads((data / "stack.json").read_text())
        os.kill(int(state["pid"]), 0)
    except (OSError, ValueError, KeyError):
        raise NoStack(
            f"No stack runs in {data}. Start one with `make run`, or name your services in the environment."
        ) from None
    places = folders.make(data)
    return environment.supplied(places, secrets.load_or_create(places.secrets), Ports(**state["ports"]))


def main(arguments: list[str]) -> int:
    try:
        given = services(dict(os.environ))
    except NoStack as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - the operator's terminal
        return 2
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=environment.PROJECT, env=os.environ | given).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
