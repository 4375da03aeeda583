"""What is declared against what there is: model fields, columns, Redis keys, files, log fields."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.utils import timezone
from redis import Redis

from compliance import tasks
from compliance.inventory import ELEMENTS, FILES, REDIS_KEYS, undeclared_fields, undeclared_names
from compliance.stores import all_inventories, all_stores
from config.logs import FIELDS
from processors import register
from realtime.leftovers import expire_leftovers

PROJECT = Path(__file__).resolve().parent.parent.parent
HOUSE = ("config", "api", "voice", "ai", "ledger", "identity", "compliance", "realtime", "processors")


def model_fields() -> list[str]:
    return [
        f"{model._meta.app_label}.{model.__name__}.{field.name}"
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
    ]


@pytest.mark.policy("C0")
def test_every_model_field_is_declared() -> None:
    assert undeclared_fields(actual=model_fields(), inventories=all_inventories()) == []


@pytest.mark.policy("C0")
def test_a_planted_field_is_found_and_the_message_says_what_to_do() -> None:
    planted = [*model_fields(), "voice.Lead.shoe_size"]
    assert undeclared_fields(actual=planted, inventories=all_inventories()) == [
        'voice.Lead.shoe_size is not declared: add "voice.Lead.shoe_size": "<element>" to INVENTORY in'
        " voice/personal_data.py."
    ]


@pytest.mark.policy("C0")
@pytest.mark.django_db
def test_every_column_of_the_database_belongs_to_a_declared_field() -> None:
    declared = {
        (model._meta.db_table, field.column)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'")
        columns = {(table, column) for table, column in cursor.fetchall() if table != "django_migrations"}
    assert columns - declared == set()


@pytest.mark.policy("C0")
def test_every_key_in_valkey_is_declared() -> None:
    layer = get_channel_layer()
    assert layer is not None

    async def use_the_channel_layer() -> None:
        channel = await layer.new_channel("hub")
        await layer.group_add("workspace.test", channel)
        await layer.group_send("workspace.test", {"type": "hub.news", "news": [{"topic": "t", "text": "{}"}]})

    async_to_sync(use_the_channel_layer)()
    tasks.run_one("00000000-0000-0000-0000-000000000000")
    with Redis.from_url(settings.REDIS_URL, decode_responses=True) as valkey:
        keys = list(valkey.scan_iter(count=1_000))
        assert keys
        assert undeclared_names(actual=keys, patterns=REDIS_KEYS) == []
        valkey.set("crm:asha", "1", ex=5)
        assert undeclared_names(actual=valkey.scan_iter(count=1_000), patterns=REDIS_KEYS) == ["crm:asha"]
        valkey.delete("crm:asha")
        # What a process had taken and not yet delivered when it was killed.
        left = "klosehub.e4a0e93042ac4697bf8e9f7d1f1e93a1!$inflight"
        assert undeclared_names(actual=[left], patterns=REDIS_KEYS) == []
        valkey.zadd(left, {"words": 1.0})
        expire_leftovers(now=timezone.now())
        term_s = valkey.ttl(left)
        assert 0 < term_s <= 60
        valkey.delete(left)


@pytest.mark.policy("C0")
def test_every_file_in_the_data_folder_is_declared() -> None:
    folder = Path(settings.DATA_DIR)
    files = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()]
    assert files
    assert undeclared_names(actual=files, patterns=FILES) == []
    assert undeclared_names(actual=["recordings/call.wav"], patterns=FILES) == ["recordings/call.wav"]


@pytest.mark.policy("C0")
def test_log_messages_are_static_and_carry_declared_fields_only() -> None:
    problems = [problem for path in house_files() for problem in log_problems(path)]
    assert problems == []


def test_a_planted_log_line_with_data_in_it_is_found(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text('logger.info(f"called {name}")\nlogger.info("called", extra={"callee_name": name})\n')
    assert len(list(log_problems(planted))) == 2


def test_every_declared_pattern_and_log_field_names_a_known_element() -> None:
    assert set(REDIS_KEYS.values()) | set(FILES.values()) | set(FIELDS.values()) <= set(ELEMENTS)
    recipients = {each for element in ELEMENTS.values() for each in element.recipients}
    assert recipients <= {processor.key for processor in register.PROCESSORS}


@pytest.mark.policy("C2.1")
def test_everything_that_is_kept_has_a_purpose_a_basis_and_a_term_and_is_kept_somewhere() -> None:
    used = {element for inventory in all_inventories() for element in inventory.values()}
    used |= set(REDIS_KEYS.values()) | set(FILES.values()) | set(FIELDS.values())
    # What is promised never to be kept, or ends before it is an account, has no field of its own.
    assert set(ELEMENTS) - used == {"audio", "card", "unfinished_sign_up"}
    for element in ELEMENTS.values():
        if element.key not in ("none", "card"):
            assert element.purpose.strip("- ") and element.basis != "none" and element.retention.strip("- "), element


@pytest.mark.policy("C4.4-5")
def test_no_page_loads_anything_of_google_or_meta() -> None:
    hosts = re.compile(r"(googleapis|gstatic|google-analytics|googletagmanager|facebook|fbcdn)\.(com|net)")
    pages = [
        path for path in (PROJECT / "frontend" / "src").rglob("*") if path.suffix in {".ts", ".tsx", ".css", ".html"}
    ]
    assert len(pages) > 100
    assert [path for path in [*pages, PROJECT / "frontend" / "index.html"] if hosts.search(path.read_text())] == []


def test_every_store_has_a_name_of_its_own() -> None:
    names = [store.name for store in all_stores()]
    assert len(names) == len(set(names))


def house_files() -> Iterator[Path]:
    for package in HOUSE:
        yield from (PROJECT / package).rglob("*.py")


def log_problems(path: Path) -> Iterator[str]:
    """Calls of loggers whose message is not a constant, or whose extra fields are not declared."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if not (isinstance(node.func.value, ast.Name) and node.func.value.id in {"logger", "log"}):
            continue
        if not node.args or not isinstance(node.args[-1 if node.func.attr == "log" else 0], ast.Constant):
            yield f"{path}:{node.lineno}: the message is not a constant; put data into declared extra fields."
        for keyword in node.keywords:
            if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
                for key in keyword.value.keys:
                    name = key.value if isinstance(key, ast.Constant) else None
                    if name is not None and name not in FIELDS:
                        yield f"{path}:{node.lineno}: {name!r} is not in config.logs.FIELDS; declare or drop it."
