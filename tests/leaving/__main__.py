"""python -m tests.leaving FOLDER: the story without any network but loopback; the last line is one JSON object."""

import json
import sys
from pathlib import Path

from tests.leaving import apart


def main() -> int:
    try:
        resolver = apart.enter()
    except apart.CannotBeApart as refused:
        sys.stderr.write(f"NO NAMESPACES HERE ({refused}): only the guards' own records tell who was contacted.\n")
        resolver = None
    # Not before: what it imports starts threads, and only a process with one of them can move.
    from tests.leaving import story

    sys.stdout.write(json.dumps(story.tell(Path(sys.argv[1]), resolver)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
