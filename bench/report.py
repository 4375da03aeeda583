"""What a benchmark says, and about which machine."""

import os
import platform
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Report:
    """One run. ours, peers, limit: figures by load; ratios: what is compared, ours / theirs."""

    name: str
    ours: dict[str, Any]
    peers: dict[str, dict[str, Any]]
    limit: dict[str, Any]
    ratios: dict[str, float]
    environment: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "ours": self.ours,
            "peers": self.peers,
            "limit": self.limit,
            "ratios": self.ratios,
            "environment": self.environment,
        }


def say(text: str) -> None:
    """Progress, beside the one line of figures."""
    print(text, file=sys.stderr, flush=True)


def environment(*packages: str) -> dict[str, Any]:
    """The interpreter, the machine, and how busy it was with other things. load_1m: at the end of the run."""
    return {
        "python": platform.python_version(),
        "kernel": platform.release(),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "load_1m": round(os.getloadavg()[0], 1),
        "versions": {package: version(package) for package in packages},
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
