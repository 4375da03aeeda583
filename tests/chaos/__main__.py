"""`python -m tests.chaos ledger --seeds 200`: one harness for as many seeds as wanted; its last line is one JSON object."""

import argparse
import json
import logging
import sys
import tempfile
from pathlib import Path

from tests.chaos.ledger.harness import LedgerChaos
from tests.chaos.ledger.rep import STUCK_AFTER_S

SEEDS = 20


def ledger(first_seed: int, seeds: int, patience_s: float, until_wrong: bool) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="klose-chaos-") as folder:
        # PostgreSQL does not run as root, and its user has to reach its data.
        Path(folder).chmod(0o755)
        with LedgerChaos(Path(folder) / "data", patience_s=patience_s) as chaos:
            chaos.run_all(range(first_seed, first_seed + seeds), until_wrong=until_wrong)
            tally = chaos.close_books()
    for finding in tally.wrong:
        print(finding, file=sys.stderr)
    return tally.as_json()


HARNESSES = {"ledger": ledger}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("name", choices=HARNESSES)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="how many")
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--patience", type=float, default=STUCK_AFTER_S, help="seconds until wrong books stay wrong")
    parser.add_argument("--until-wrong", action="store_true", help="no more seeds once something was found")
    wanted = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    result = HARNESSES[wanted.name](wanted.first_seed, wanted.seeds, wanted.patience, wanted.until_wrong)
    print(json.dumps(result), flush=True)
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
