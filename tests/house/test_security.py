"""What docs/security.md says of the sources as a whole: what occurs nowhere, or in the rooms that are named here alone.

Each was seen red once with what it forbids planted in `identity/contact.py` or in a page.
"""

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

import pytest
from django.conf import settings

from config.task_signatures import RotatedSerializer
from identity.models import User
from identity.schemas import SessionOut, SignUpIn
from tests.house.house import FLOORS, PROJECT, name_of, sources

SECRET_BYTES_MIN: Final = 16
_SQL: Final = re.compile(r"\b(SELECT|INSERT INTO|UPDATE \S+ SET|DELETE FROM|ALTER TABLE)\b")
# Where a statement is put together, of our own tables' and columns' names and of parts that are constants.
_STATEMENTS: Final = {
    "ai/retrieval.py",
    "compliance/online_rewrite.py",
    "compliance/rewrite.py",
    "identity/tenancy.py",
    "ledger/live.py",
    "ledger/operations/top_ups.py",
    "voice/metering.py",
}
# Where programs are started: our own, PostgreSQL and Valkey.
_STARTED: Final = {
    "ai/listening/recogniser.py",
    "config/embedded/child.py",
    "config/embedded/handle.py",
    "config/embedded/manage.py",
    "config/embedded/postgres.py",
}
# Chance that nobody gains by foreseeing: in which order webhooks go out, and after how long something is tried again.
_CHANCE: Final = {"compliance/online_rewrite.py", "config/embedded/ports.py", "identity/outgoing/sending.py"}
# What people have said, written or asked stands in these expressions.
_PEOPLES_WORDS: Final = {"ai/evidence.py", "ai/question.py", "ai/renaming.py"}
_APPROVED: Final = {
    "cryptography.exceptions.InvalidSignature",
    "cryptography.exceptions.InvalidTag",
    "cryptography.hazmat.primitives.asymmetric.ed25519.Ed25519PrivateKey",
    "cryptography.hazmat.primitives.ciphers.aead.AESGCM",
    "cryptography.hazmat.primitives.hashes.SHA256",
    "cryptography.hazmat.primitives.kdf.hkdf.HKDF",
}
_DIGEST: Final = re.compile(r"^(sha\d\w*|md5|blake\w+|shake\w+|pbkdf2\w*|scrypt)$")


class Room(NamedTuple):
    """One file of the product. calls: each with the dotted name of what is called. imported: with the modules that it comes from."""

    name: str
    nodes: list[ast.AST]
    calls: list[tuple[str, ast.Call]]
    imported: set[str]


@cache
def rooms() -> list[Room]:
    found = []
    for path in sources(*FLOORS):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        calls = [(_dotted(node.func), node) for node in nodes if isinstance(node, ast.Call)]
        imported = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module:
                imported |= {f"{node.module}.{alias.name}" for alias in node.names}
        found.append(Room(name_of(path), nodes, calls, imported))
    return found


def _dotted(called: ast.expr) -> str:
    match called:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            return f"{_dotted(value)}.{name}"
    return ""


def all_calls() -> Iterator[tuple[str, str, ast.Call]]:
    """Each with its room and name."""
    return ((room.name, name, call) for room in rooms() for name, call in room.calls)


def rooms_that_import(*modules: str) -> set[str]:
    return {
        room.name
        for room in rooms()
        if any(name == module or name.startswith(module + ".") for name in room.imported for module in modules)
    }


def words_in(node: ast.AST) -> str:
    parts = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant)]
    return "".join(part for part in parts if isinstance(part, str))


def puts_together(node: ast.AST) -> bool:
    """Whether it makes one text of several."""
    match node:
        case ast.JoinedStr(values=values):
            return any(isinstance(value, ast.FormattedValue) for value in values)
        case ast.BinOp(op=ast.Mod() | ast.Add()):
            return True
        case ast.Call(func=ast.Attribute(attr="format")):
            return True
    return False


def test_no_word_from_outside_becomes_part_of_a_statement() -> None:
    found = {
        room.name for room in rooms() for node in room.nodes if puts_together(node) and _SQL.search(words_in(node))
    }
    assert found == _STATEMENTS
    assert [room for room, name, _ in all_calls() if name.endswith((".extra", "RawSQL"))] == []


def test_programs_are_started_without_a_shell_and_none_by_a_request() -> None:
    started, by_shell = set(), []
    for room, name, call in all_calls():
        if re.match(r"subprocess\.(run|Popen|call|check_\w+)$|.*create_subprocess_|os\.(exec|spawn)", name):
            started.add(room)
        if re.match(r"os\.(system|popen)$|.*subprocess_shell|subprocess\.get\w*output$", name) or any(
            word.arg == "shell" for word in call.keywords
        ):
            by_shell.append(room)
    assert (started, by_shell) == (_STARTED, [])


def test_no_text_is_run_as_a_program_or_as_a_template() -> None:
    # The settings file itself is run to name what is wrong in it.
    run = {room for room, name, _ in all_calls() if name in ("eval", "exec", "compile")}
    assert run == {"config/configuration.py"}
    assert rooms_that_import("django.template", "django.utils.safestring", "jinja2", "string.Template") == set()
    assert settings.TEMPLATES == []


def test_words_of_people_are_escaped_in_expressions() -> None:
    escaped = {room for room, name, _ in all_calls() if name == "re.escape"} | {
        room.name
        for room in rooms()
        for node in room.nodes
        if isinstance(node, ast.Attribute) and _dotted(node) == "re.escape"
    }
    assert escaped == {*_PEOPLES_WORDS, "identity/api_keys.py"}
    # All others are made when their room is opened, before anybody has said anything, or of our own tables.
    made_later = {
        room.name
        for room in rooms()
        for function in room.nodes
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call)
        and re.match(r"re\.(compile|sub|search|match|fullmatch|find\w+)$", _dotted(call.func))
        if isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
    }
    assert made_later == {"ai/evidence.py", "ai/question.py"}


def test_nothing_from_outside_is_unpacked_into_objects_and_no_xml_is_read() -> None:
    assert rooms_that_import("pickle", "marshal", "shelve", "dill", "yaml", "xml", "lxml", "defusedxml") == set()
    # The tasks' pickles are signed.
    assert isinstance(settings.HUEY["serializer"], RotatedSerializer)


def test_chance_that_must_not_be_foreseen_is_the_operating_systems_and_long_enough() -> None:
    assert rooms_that_import("random") == _CHANCE
    for room, name, call in all_calls():
        # A name for the eyes of our own people opens nothing; the development stack's own secrets have the lengths of Twilio's and Paddle's.
        if not re.match(r"secrets\.token_\w+$|os\.urandom$", name) or ast.unparse(call) == "secrets.token_hex(4)":
            continue
        (length,) = call.args
        least = 14 if room == "config/embedded/secrets.py" else SECRET_BYTES_MIN
        assert not isinstance(length, ast.Constant) or int(str(length.value)) >= least, (room, name)


def test_only_approved_algorithms_are_used() -> None:
    assert {
        name for room in rooms() for name in room.imported if name.startswith(("cryptography", "Crypto"))
    } == _APPROVED
    named = set()
    for node in (node for room in rooms() for node in room.nodes):
        match node:
            case ast.Attribute(value=ast.Name(id="hashlib"), attr=name) if _DIGEST.match(name):
                named.add(name)
            case ast.Constant(value=str(name)) if _DIGEST.match(name):
                named.add(name)
    assert named == {"sha256"}
    assert settings.PASSWORD_HASHERS == ["django.contrib.auth.hashers.Argon2PasswordHasher"]


def test_what_is_signed_for_one_purpose_is_signed_for_no_other() -> None:
    salts = [
        node.value.value
        for room in rooms()
        for node in room.nodes
        if isinstance(node, ast.AnnAssign)
        and isinstance(node.value, ast.Constant)
        and "SALT" in ast.unparse(node.target)
    ]
    assert len(salts) >= 4 and len(set(salts)) == len(salts)
    signers = [ast.unparse(call) for _, name, call in all_calls() if name.endswith(("Signer", "salted_hmac"))]
    assert len(signers) >= 6
    assert [signer for signer in signers if "salt=" not in signer and "_SALT" not in signer] == []


def test_an_account_has_no_secret_question_no_hint_and_no_date_at_which_its_password_ends() -> None:
    names = {*(field.name for field in User._meta.get_fields()), *SignUpIn.model_fields, *SessionOut.model_fields}
    assert {
        name for name in names if re.search("question|hint|secret|password_.*(at|age|until)|session_key", name)
    } == set()


PAGES: Final = tuple(
    path
    for path in (PROJECT / "frontend" / "src").rglob("*")
    if path.suffix in {".ts", ".tsx"} and ".test." not in path.name
)


def pages_that_hold(pattern: str) -> list[str]:
    return [name_of(path) for path in PAGES if re.search(pattern, path.read_text())]


@pytest.mark.parametrize(
    "forbidden",
    [
        # Text that would be read as HTML or as a program.
        r"innerHTML|outerHTML|insertAdjacentHTML|dangerouslySetInnerHTML|srcDoc|document\.write|DOMParser",
        r"\beval\(|new Function\(|javascript:",
        # Whatever outlives the page in the browser.
        r"localStorage|sessionStorage|indexedDB|\bcaches\.",
        # Techniques that browsers give up.
        r"<(embed|object|applet|frameset)\b|ActiveXObject|attachEvent",
        # What would keep people from pasting a password.
        r"onPaste|onCopy|onContextMenu",
    ],
)
def test_pages_use_nothing_of_the_kind(forbidden: str) -> None:
    assert len(PAGES) > 100
    assert pages_that_hold(forbidden) == []


def test_every_password_is_typed_hidden_into_a_field_that_password_managers_know() -> None:
    fields = [tag for path in PAGES for tag in re.findall(r"<PasswordInput\b.*?/>", path.read_text(), re.S)]
    assert len(fields) >= 9
    assert [tag for tag in fields if not re.search(r'autoComplete="(current|new)-password"', tag)] == []
    assert pages_that_hold(r'type="password"') == []


def test_no_property_is_written_under_a_name_from_outside() -> None:
    by_name = r"(?m)^\s*[\w.]+\[[^\]\"'\d][^\]]*\]\s*(\?\?|\|\|)?=[^=>]|__proto__|Object\.assign\("
    # An array there, by the number of its row.
    assert pages_that_hold(by_name) == ["frontend/src/components/TalkStripNavigator.tsx"]


def test_types_are_checked_strictly_on_both_sides() -> None:
    with (PROJECT / "pyproject.toml").open("rb") as file:
        assert tomllib.load(file)["tool"]["mypy"]["strict"] is True
    strict = json.loads((PROJECT / "frontend" / "tsconfig.json").read_text())["compilerOptions"]
    assert strict["strict"] is True and strict["noUncheckedIndexedAccess"] is True


def test_no_parameter_has_two_sources() -> None:
    for path, item in json.loads((PROJECT / "frontend" / "openapi.json").read_text())["paths"].items():
        for operation in item.values():
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert len(names) == len(set(names)), path
