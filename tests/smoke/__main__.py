"""The main journey without a browser, against a whole stack that this starts and stops.

    python -m tests.smoke

Over HTTP, webhooks and sockets alone; the last line is one JSON object, each figure measured. Exit code 0 when all is well.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from config.embedded.handle import Stack
from tests.smoke.journey import Journey
from tests.smoke.scan import hosts_contacted


def main() -> int:
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="klose-smoke-") as folder:
        # Under a folder that everybody may enter: PostgreSQL does not run as root.
        Path(folder).chmod(0o755)
        data_dir = Path(folder) / "data"
        with Stack(data_dir) as stack:
            say(f"the stack is ready after {time.monotonic() - started:.0f} s")
            journey = Journey(stack, say=say)
            try:
                result = journey.run()
            except Exception as error:
                say(f"failed: {type(error).__name__}: {error}")
                result = {"ok": False, "failure": f"{type(error).__name__}: {error}"[:500]}
        result["hosts_contacted"] = hosts_contacted(data_dir)
    say(f"finished after {time.monotonic() - started:.0f} s")
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["ok"] else 1


def say(text: str) -> None:
    sys.stdout.write(f"smoke: {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
