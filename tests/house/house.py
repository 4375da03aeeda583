"""The house's own files and classes, as they are."""

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import TypeVar

PROJECT = Path(__file__).resolve().parent.parent.parent
FLOORS = ("config", "api", "voice", "ai", "ledger", "identity", "compliance", "realtime", "processors")
BESIDE = ("sandbox", "bench", "deploy", "tests")
# Programs that act when they are imported.
_PROGRAMS = ("__main__", "__mp_main__", "asgi")
Kind = TypeVar("Kind")


def sources(*packages: str) -> list[Path]:
    """The Python files of the packages, but for what is generated."""
    return [
        path for package in packages for path in (PROJECT / package).rglob("*.py") if "migrations" not in path.parts
    ]


def name_of(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def modules(*packages: str) -> Iterator[ModuleType]:
    for package in packages:
        found = importlib.import_module(package)
        yield found
        for one in pkgutil.walk_packages(found.__path__, f"{package}."):
            if "migrations" not in one.name and one.name.rsplit(".", 1)[-1] not in _PROGRAMS:
                yield importlib.import_module(one.name)


def classes_below(root: type[Kind]) -> list[type[Kind]]:
    """Every subclass that the house defines, however deep."""
    list(modules(*FLOORS))
    found: list[type[Kind]] = []
    waiting = [root]
    while waiting:
        for child in waiting.pop().__subclasses__():
            if child not in found and child.__module__.split(".")[0] in FLOORS:
                found.append(child)
                waiting.append(child)
    return found
