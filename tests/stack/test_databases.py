"""The servers that every test runs against."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from django.conf import settings
from django.db import connection
from redis import Redis

from config.settings import database
from tests.plugin_stack import ROLES_THAT_NOTHING_BINDS
from tests.processors import own_certificate
from tests.stack.test_configuration import PROJECT


@pytest.mark.django_db
def test_postgres_is_the_embedded_one_with_vector_and_no_tcp_port() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version_num')::int / 10000")
        assert cursor.fetchone() == (18,)
        cursor.execute("SELECT current_setting('listen_addresses')")
        assert cursor.fetchone() == ("",)
        cursor.execute("SELECT '[1,2,3]'::vector <-> '[1,2,5]'")
        assert cursor.fetchone() == (2.0,)


@pytest.mark.django_db
def test_like_may_use_an_index_of_trigrams_under_row_level_security() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT show_trgm('abc') @> '{abc}'")
        assert cursor.fetchone() == (True,)
        cursor.execute("SELECT proleakproof FROM pg_proc WHERE oid = 'pg_catalog.textlike(text, text)'::regprocedure")
        assert cursor.fetchone() == (True,)


@pytest.mark.django_db
def test_the_product_is_no_superuser_and_authenticates_with_scram() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        assert cursor.fetchone() == (False, False)
    accounts = Path(settings.DATA_DIR, "postgres", "pg_hba.conf").read_text().splitlines()
    methods = {line.split()[-1] for line in accounts if line.strip() and not line.startswith("#")}
    assert methods == {"scram-sha-256"}


@pytest.mark.parametrize(("role", "because"), [("above_policies", "a superuser"), ("past_policies", "BYPASSRLS")])
def test_the_product_does_not_start_as_a_role_that_row_level_security_does_not_bind(role: str, because: str) -> None:
    """Red when the start does not look, or looks for superusers alone."""
    mine = urlsplit(os.environ["DATABASE_URL"])
    assert mine.password and ROLES_THAT_NOTHING_BINDS[role]
    theirs = mine._replace(netloc=mine.netloc.replace(f"{mine.username}:", f"{role}:", 1))
    command = [sys.executable, "-m", "config.embedded.prepare"]
    environ = {**os.environ, "DATABASE_URL": theirs.geturl()}
    ended = subprocess.run(command, cwd=PROJECT, env=environ, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert because in ended.stderr and f'ALTER ROLE "{role}" NOSUPERUSER NOBYPASSRLS' in ended.stderr
    assert "docs/configuration.md" in ended.stderr and "Traceback" not in ended.stderr


@pytest.mark.django_db
def test_errors_are_logged_without_the_statement_or_its_values() -> None:
    with connection.cursor() as cursor:
        for name, value in (
            ("log_error_verbosity", "terse"),
            ("log_min_error_statement", "panic"),
            ("wal_recycle", "off"),
        ):
            cursor.execute("SELECT current_setting(%s)", [name])
            assert cursor.fetchone() == (value,)


def test_valkey_answers_on_its_socket_and_keeps_nothing_on_disk() -> None:
    with Redis.from_url(settings.REDIS_URL, decode_responses=True) as valkey:
        assert valkey.ping()
        assert valkey.config_get("save")["save"] == ""
        assert valkey.config_get("port")["port"] == "0"


def test_valkeys_logs_of_commands_which_quote_values_are_off() -> None:
    names = ("slowlog-log-slower-than", "commandlog-request-larger-than", "commandlog-reply-larger-than")
    with Redis.from_url(settings.REDIS_URL, decode_responses=True) as valkey:
        assert {name: valkey.config_get(name)[name] for name in names} == dict.fromkeys(names, "-1")


def test_a_database_whose_certificate_another_authority_signed_is_not_spoken_to(tmp_path: Path) -> None:
    """What `sslmode=verify-full` and `sslrootcert` of DATABASE_URL do in libpq, which the settings hand them to."""
    ours, theirs = own_certificate.made(tmp_path), own_certificate.made(tmp_path, "other.example")

    def asked(root: Path) -> tuple[str, list[str]]:
        with own_certificate.served(*ours, before_tls=b"S") as (port, went):
            url = f"postgresql://klose:secret@localhost:{port}/klose?sslmode=verify-full&sslrootcert={root}"
            told = database(url)
            checks = {name: told["OPTIONS"][name] for name in ("sslmode", "sslrootcert")}
            with pytest.raises(psycopg.OperationalError) as failed:
                psycopg.connect(host=told["HOST"], port=told["PORT"], user=told["USER"], connect_timeout=5, **checks)
            return str(failed.value), went

    said, went = asked(theirs[0])
    assert "certificate verify failed" in said and went != ["ok"]
    # With the right authority the handshake is done and the password would be asked for, which this server does not.
    assert asked(ours[0])[1] == ["ok"]
