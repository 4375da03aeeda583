"""The benchmarks can be found, and what they measured is written down."""

import importlib
import json
import re
import subprocess
import sys

import pytest

from bench.__main__ import NAMES
from tests.house.house import PROJECT

FIELDS = ["name", "ours", "peers", "limit", "ratios", "environment"]


def test_without_a_name_the_benchmarks_are_listed() -> None:
    said = subprocess.run([sys.executable, "-m", "bench", ""], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert all(name in said.stdout for name in NAMES)


def test_an_unknown_name_is_refused_with_those_that_there_are() -> None:
    command = [sys.executable, "-m", "bench", "nothing"]
    said = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert said.returncode == 2
    assert all(name in said.stderr for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_each_benchmark_has_its_last_output_in_the_documentation(name: str) -> None:
    assert callable(importlib.import_module(f"bench.{name}").run)
    page = (PROJECT / "docs" / "performance.md").read_text()
    outputs = [json.loads(line) for line in re.findall(r"^\{.*\}$", page, flags=re.MULTILINE)]
    assert [list(output) for output in outputs if output["name"] == name] == [FIELDS]
