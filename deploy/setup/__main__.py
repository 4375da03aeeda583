"""`python3 -m deploy.setup [python] [frontend] [browser]`: install what is missing."""

import fcntl
import sys

from deploy.setup import browser, frontend, python
from deploy.setup.steps import CACHE, SetupFailed, say

# In the order in which they build upon each other.
_PARTS = {"python": python.install, "frontend": frontend.install, "browser": browser.install}


def main(wanted: list[str]) -> int:
    unknown = set(wanted) - set(_PARTS)
    if unknown:
        print(
            f"setup: there is no part {', '.join(sorted(unknown))}; there are {', '.join(_PARTS)}",
            file=sys.stderr,
        )
        return 2
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "setup.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another set-up is at work here; waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            for name, install in _PARTS.items():
                if not wanted or name in wanted:
                    install()
        except SetupFailed as failure:
            print(f"setup: {failure}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
