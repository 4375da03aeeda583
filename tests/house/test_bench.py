"""The benchmarks can be found, and what they measured is written down."""

import ast
import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import NAMES
from tests.house.house import PROJECT

FIELDS = ["name", "ours", "peers", "limit", "ratios", "environment"]
# What somebody who reads them looks for: whoever renames one tells them.
RATIOS = {
    "fanout": "rate_vs_pubsub_uvicorn rate_vs_daphne_redis p99_vs_pubsub_uvicorn rate_vs_native lost stale_members",
    "media": "cpu_vs_daphne_channels cpu_vs_best_channels cpu_vs_native calls_vs_daphne_channels gaps",
    "ledger": "hot_vs_orm hot_vs_cte spread_vs_orm spread_vs_hordak vs_pgbench_insert tick_vs_bulk_insert peak_memory_100k_vs_1k",
    "rest": "auth_cpu_ms auth_cpu_ms_key auth_cpu_ms_ordinary auth_cpu_ms_ordinary_key auth_cpu_ms_write auth_cpu_ms_write_key"
    " auth_vs_stock_ninja auth_write_vs_stock_ninja auth_vs_look_up_alone",
    "signin": "interactive_ms_p95 interactive_ms_p95_warm sent_kb cold_vs_bare_mantine cold_vs_form",
    "statement": "memory_100k_vs_1k memory_vs_list first_byte_vs_list rate_vs_list rate_vs_copy",
    "calling": "call_ms_p95 callback_ms_p95 event_ms_p95 import_rows_s list_cpu_vs_stock_ninja list_cpu_vs_fastapi_sqlalchemy",
    "erasure": "seconds export_seconds export_grown_mib others_p95_ratio left_bytes control_found",
    "retention": "seconds others_p95_ratio seconds_vs_row_by_row left_segments",
    "listening": "final_ms_p50 final_ms_p95 interim_ms_p95 calls_finals_p95_1200ms wer_points_vs_stock cpu_vs_stock"
    " wer_paused_merged invented_words",
}


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
    assert [list(output) for output in outputs_of(name)] == [FIELDS]


@pytest.mark.parametrize("name", NAMES)
def test_each_benchmark_says_what_it_was_asked_for_under_the_names_that_were_agreed(name: str) -> None:
    """It may say more than that, and next time more than last time."""
    agreed = set(RATIOS[name].split())
    [printed] = (set(output["ratios"]) for output in outputs_of(name))
    assert agreed <= printed <= ratios_in(PROJECT / "bench" / f"{name}.py")


def outputs_of(name: str) -> list[dict[str, Any]]:
    """What it printed when it was run last, as the page has it."""
    page = (PROJECT / "docs" / "performance.md").read_text()
    outputs = [json.loads(line) for line in re.findall(r"^\{.*\}$", page, flags=re.MULTILINE)]
    return [output for output in outputs if output["name"] == name]


def ratios_in(program: Path) -> set[str]:
    """The names that it would print them under."""
    calls = [node for node in ast.walk(ast.parse(program.read_text())) if isinstance(node, ast.Call)]
    given = [keyword.value for call in calls for keyword in call.keywords if keyword.arg == "ratios"]
    (ratios,) = (value for value in given if isinstance(value, ast.Dict))
    return {ast.literal_eval(key) for key in ratios.keys if key is not None}
