"""How soon the sign-in page takes the first letter: the stack as `make run` starts it, in a real Chromium.

From the start of the navigation until the e-mail field stands on the page, is enabled, shows a letter that was typed into it, and
the form's submission is listened for, by the page's own clock and in a frame that was drawn. Cold is a browser that knows
nothing of the product, warm one that has been there before. peer: a page with one field of Mantine's in the same build tool, sent
from memory; limit: a form without any script, sent likewise. All take turns.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from bench.machine import CLIENT_CORES, PROJECT, free_port, listens, start
from bench.report import Report, environment, say
from config.embedded.handle import Stack
from config.embedded.processes import daphne
from deploy.setup import browser as chromium
from deploy.setup import frontend

LOADS: Final = 20
WIDTHS: Final = {1280: 800, 390: 844}
CACHES: Final = ("cold", "warm")
_FLAGS: Final = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
# A letter is typed as the editor does it; React puts back what its own state did not take. A form without script is sent by the
# browser itself, to its action.
_PROBE: Final = """window.interactiveMs = new Promise((resolve) => {
  function look() {
    const field = document.querySelector("input[type=email]");
    if (!field || field.disabled || !field.checkVisibility() || field.getClientRects().length === 0) {
      requestAnimationFrame(look);
      return;
    }
    field.focus();
    document.execCommand("insertText", false, "a");
    requestAnimationFrame(() => {
      const sent = new SubmitEvent("submit", { bubbles: true, cancelable: true });
      field.form.dispatchEvent(sent);
      if (field.value === "a" && (sent.defaultPrevented || field.form.hasAttribute("action"))) {
        resolve(performance.now());
        return;
      }
      field.value = "";
      requestAnimationFrame(look);
    });
  }
  requestAnimationFrame(look);
  setTimeout(() => resolve(-1), 30_000);
})"""
_SENT: Final = """() => [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  .filter((one) => !one.name.endsWith("/api/signin"))
  .map((one) => one.transferSize)"""


@dataclass(frozen=True, slots=True)
class Load:
    """One opening of a page. sent_bytes: what came over the network, headers included; requests: those that went out."""

    interactive_ms: float
    sent_bytes: int
    requests: int


Loads = dict[str, dict[str, list[Load]]]


def run() -> Report:
    say("signin: starting a stack")
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory(prefix="klose-bench-")))
        # PostgreSQL does not run as root, so others have to be able to enter.
        folder.chmod(0o755)
        stack = undo.enter_context(Stack(folder / "data"))
        pages = {
            "ours": f"{stack.url}/sign-in",
            "bare_mantine": _served(_built(folder), folder, undo),
            "form": _served(PROJECT / "bench" / "peers" / "signin_form", folder, undo),
        }
        browser = undo.enter_context(sync_playwright()).chromium.launch(executable_path=_path(), args=list(_FLAGS))
        undo.callback(browser.close)
        found: dict[str, Loads] = {
            name: {str(width): {cache: [] for cache in CACHES} for width in WIDTHS} for name in pages
        }
        for url in pages.values():
            # The first request to a process waits for what it reads once.
            _opened(browser, url, 1280)
        for turn in range(LOADS):
            say(f"signin: turn {turn + 1} of {LOADS}")
            for width in WIDTHS:
                for name, url in pages.items():
                    for cache, load in zip(CACHES, _opened(browser, url, width), strict=True):
                        found[name][str(width)][cache].append(load)
        version = browser.version
    return _report(found, version)


def _opened(browser: Browser, url: str, width: int) -> tuple[Load, Load]:
    """By a browser that knows nothing, and by the same once more."""
    context = browser.new_context(viewport={"width": width, "height": WIDTHS[width]})
    context.add_init_script(_PROBE)
    try:
        return _load(context, url), _load(context, url)
    finally:
        context.close()


def _load(context: BrowserContext, url: str) -> Load:
    page: Page = context.new_page()
    page.goto(url, wait_until="commit")
    interactive_ms = float(page.evaluate("window.interactiveMs"))
    assert interactive_ms > 0, f"{url} took no letter."
    # Fonts may come later.
    page.wait_for_load_state("networkidle")
    sent: list[int] = page.evaluate(_SENT)
    page.close()
    return Load(interactive_ms, sum(sent), sum(size > 0 for size in sent))


def _report(found: Mapping[str, Loads], browser_version: str) -> Report:
    figures = {name: {width: _figures(loads) for width, loads in widths.items()} for name, widths in found.items()}

    def worst(name: str, cache: str, figure: str) -> float:
        return max(float(one[cache][figure]) for one in figures[name].values())

    return Report(
        name="signin",
        ours=figures["ours"],
        peers={"bare_mantine": figures["bare_mantine"]},
        limit={"program": "a form without script", **figures["form"]},
        ratios={
            "interactive_ms_p95": worst("ours", "cold", "p95_ms"),
            "interactive_ms_p95_warm": worst("ours", "warm", "p95_ms"),
            "sent_kb": worst("ours", "cold", "sent_kb"),
            "cold_vs_bare_mantine": round(worst("ours", "cold", "p50_ms") / worst("bare_mantine", "cold", "p50_ms"), 2),
            "cold_vs_form": round(worst("ours", "cold", "p50_ms") / worst("form", "cold", "p50_ms"), 2),
        },
        environment={**environment("django", "daphne", "whitenoise", "playwright"), "chromium": browser_version},
    )


def _figures(loads: Mapping[str, list[Load]]) -> dict[str, dict[str, float]]:
    return {
        cache: {
            "p50_ms": round(median(one.interactive_ms for one in each)),
            "p95_ms": round(float(np.percentile([one.interactive_ms for one in each], 95))),
            "sent_kb": round(median(one.sent_bytes for one in each) / 1_000, 1),
            "requests": round(median(one.requests for one in each)),
        }
        for cache, each in loads.items()
    }


def _built(folder: Path) -> Path:
    """The bare page, by the build tool of the frontend."""
    page = folder / "bare"
    shutil.copytree(PROJECT / "bench" / "peers" / "signin_bare", page)
    (page / "node_modules").symlink_to(frontend.FOLDER / "node_modules")
    command = ["node", "node_modules/vite/bin/vite.js", "build", "--logLevel", "error"]
    subprocess.run(command, cwd=page, check=True, env={**os.environ, **frontend.environment()})
    return page / "dist"


def _served(files: Path, folder: Path, undo: ExitStack) -> str:
    port = free_port()
    os.environ["BENCH_FILES"] = str(files)
    server = start(
        daphne("127.0.0.1", port, "bench.peers.signin_files:application"),
        log=folder / f"{files.name}.log",
        ready=lambda: listens(port),
        cores=CLIENT_CORES,
    )
    undo.callback(server.stop)
    return f"http://localhost:{port}/"


def _path() -> str:
    return os.environ.get("CHROMIUM_PATH") or chromium.FOUND.read_text()
