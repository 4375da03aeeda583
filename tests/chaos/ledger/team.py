"""The reps of the harness: some workspaces with several reps each, leads, and credits that were bought."""

import json
import os
import subprocess
import sys

from config.embedded.environment import PROJECT
from config.embedded.handle import Stack
from sandbox.rep import Rep
from tests.chaos.ledger.rep import Caller

PACK = "pri_01klosesales0000000starter"
WORKSPACES = 3
REPS_EACH = 16


def team(stack: Stack) -> list[Caller]:
    """Few workspaces for many reps, so that their bookings meet on the same accounts."""
    command = [sys.executable, "-m", "tests.chaos.ledger.crew", str(WORKSPACES), str(REPS_EACH)]
    environ = {**os.environ, **stack.env}
    hired = subprocess.run(
        command, cwd=PROJECT, env=environ, stdout=subprocess.PIPE, text=True, check=True, timeout=120
    )
    callers: list[Caller] = []
    for number, line in enumerate(hired.stdout.splitlines()):
        person = json.loads(line)
        rep = Rep(stack.url, stack.sandbox_url)
        rep.come_back(person["session"])
        if number % REPS_EACH == 0:
            rep.buy(PACK)
        lead_phone = f"+1312555{100 + number:04}"
        callers.append(Caller(rep, workspace_id=person["workspace_id"], mobile=person["mobile"], lead_phone=lead_phone))
    return callers
