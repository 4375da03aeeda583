"""A backup of a database, and a new database restored from it, by the programs and options that docs/backups.md names."""

import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from config.embedded.postgres import _binary as program

_LIMIT_S = 60.0


def address_of(name: str, *, server: str) -> str:
    """Of another database of the server that this address leads to."""
    return urlsplit(server)._replace(path=f"/{name}").geturl()


def make_database(name: str, *, server: str) -> str:
    """A new one; returns its address."""
    drop_database(name, server=server)
    with psycopg.connect(server, autocommit=True) as database:
        database.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return address_of(name, server=server)


def drop_database(name: str, *, server: str) -> None:
    with psycopg.connect(server, autocommit=True) as database:
        database.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def back_up(source: str, file: Path) -> None:
    _run("pg_dump", "--format=custom", "--enable-row-security", "--exclude-extension=*", f"--file={file}", source)


def restore(file: Path, name: str, *, server: str) -> str:
    """Into a new database; returns its address."""
    address = make_database(name, server=server)
    _run("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={address}", str(file))
    return address


def _run(name: str, *arguments: str) -> None:
    done = subprocess.run(
        [str(program(name)), *arguments], capture_output=True, text=True, timeout=_LIMIT_S, cwd="/", check=False
    )
    assert done.returncode == 0, done.stderr
