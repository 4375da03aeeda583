"""Thirty-two clients of one process who debit as fast as they are answered. Runs in any interpreter, with nothing installed."""

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

CLIENTS = 32
WARM_S = 0.7


def run(debit: Callable[[Any, str], None], accounts: Sequence[Any], seconds: float) -> dict[str, float]:
    """debit(account, key): returns once the debit of 1 is durable, raises if it is not.

    Each client takes an account by chance for each debit, and a key that was never used. The first moments do not count.
    """
    counts = [0] * CLIENTS
    failures: list[BaseException] = []
    stop = threading.Event()
    run_id = f"{time.time_ns():x}"

    def client(number: int) -> None:
        chance = random.Random(number)
        try:
            while not stop.is_set():
                debit(chance.choice(accounts), f"{run_id}:{number}:{counts[number]}")
                counts[number] += 1
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=client, args=(number,), daemon=True) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    time.sleep(WARM_S)
    before, began, cpu = sum(counts), time.perf_counter(), time.process_time()
    time.sleep(seconds)
    after, passed, cpu = sum(counts), time.perf_counter() - began, time.process_time() - cpu
    stop.set()
    for thread in threads:
        thread.join(30)
    if failures:
        raise failures[0]
    return {"debits_per_s": round((after - before) / passed, 1), "client_cpu": round(cpu / passed, 2)}


def main(debit: Callable[[Any, str], None]) -> None:
    """As a program: the accounts as JSON on the standard input, the seconds as the last argument, the result as JSON."""
    accounts = json.load(sys.stdin)
    print(json.dumps(run(debit, accounts, float(sys.argv[-1]))), flush=True)
