"""What PostgreSQL knows of one table besides its rows, so that a copy of the table can be given the same, and compared."""

import re
from dataclasses import dataclass
from typing import Any, Final

# Stands for the table in the statements of policies and grants.
TABLE: Final = "@table@"
_CASTS: Final = r"::(character varying|text)(\[\])?|[()\s]"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A table's definition in PostgreSQL's own words.

    facts: owner, row-level security, publications and the like. options: (name, value) of its storage. attributes: (name, type, generated, ...). constraints: (kind,
    name, definition), kinds as in pg_constraint, without NOT NULL, which attributes say. indexes: (name, statement, whether a
    constraint makes it). triggers: (name, statement). policies, grants: statements about TABLE. inbound: other tables' foreign
    keys as (table, name, definition).
    """

    name: str
    schema: str
    facts: tuple[Any, ...]
    options: tuple[tuple[str, str], ...]
    attributes: tuple[tuple[Any, ...], ...]
    constraints: tuple[tuple[str, str, str], ...]
    indexes: tuple[tuple[str, str, bool], ...]
    triggers: tuple[tuple[str, str], ...]
    policies: tuple[str, ...]
    grants: tuple[str, ...]
    inbound: tuple[tuple[str, str, str], ...]

    @property
    def full_name(self) -> str:
        return f'"{self.schema}"."{self.name}"'

    @property
    def columns(self) -> list[str]:
        """Those that are written; generated ones write themselves."""
        return [name for name, _, generated, *_ in self.attributes if not generated]

    @property
    def key(self) -> str:
        return next(name for kind, name, _ in self.constraints if kind == "p")

    @property
    def foreign(self) -> list[tuple[str, str]]:
        """Its own foreign keys: name and definition."""
        return [(name, definition) for kind, name, definition in self.constraints if kind == "f"]

    @property
    def unique(self) -> list[tuple[str, str]]:
        return [(name, definition) for kind, name, definition in self.constraints if kind == "u"]

    def unlike(self, other: "Catalogue") -> list[str]:
        """The names of what differs."""
        compared = ("facts", "options", "attributes", "constraints", "triggers", "policies", "grants", "inbound")
        unlike = [each for each in compared if getattr(self, each) != getattr(other, each)]
        return [*unlike, "indexes"] if self._bare_indexes() != other._bare_indexes() else unlike

    def _bare_indexes(self) -> list[tuple[str, str, bool]]:
        """Without casts and brackets: PostgreSQL writes `IN` of a condition down in another way once it has read its own writing."""
        return [(name, re.sub(_CASTS, "", statement), of) for name, statement, of in self.indexes]


def read(cursor: Any, name: str, *, but_trigger: str = "") -> Catalogue:
    """Of a table that the search path finds. but_trigger: one of that name is left out.

    :raises DatabaseError: there is none.
    """

    def rows(query: str) -> tuple[Any, ...]:
        cursor.execute(query, {"table": name, "but": but_trigger})
        return tuple(cursor.fetchall())

    ((schema, *facts),) = rows(_FACTS)
    return Catalogue(
        name=name,
        schema=schema,
        facts=tuple(facts),
        options=rows(_OPTIONS),
        attributes=rows(_ATTRIBUTES),
        constraints=tuple((kind, own, _proved(definition)) for kind, own, definition in rows(_CONSTRAINTS)),
        indexes=rows(_INDEXES),
        triggers=rows(_TRIGGERS),
        policies=tuple(policy for (policy,) in rows(_POLICIES)),
        grants=tuple(grant for (grant,) in rows(_GRANTS)),
        inbound=tuple((table, own, _proved(definition)) for table, own, definition in rows(_INBOUND)),
    )


def is_peculiar(cursor: Any, name: str) -> bool:
    """Whether it is no plain table, or others are made of it: a view, a part, a sequence or statistics of its own."""
    cursor.execute(_PECULIAR, {"table": name})
    return bool(cursor.fetchone()[0])


def referred(cursor: Any, name: str) -> list[str]:
    """The other tables that it refers to, by name."""
    cursor.execute(_REFERRED, {"table": name})
    return [table for (table,) in cursor.fetchall()]


def _proved(definition: str) -> str:
    return definition.removesuffix(" NOT VALID")


_FACTS: Final = """
SELECT relnamespace::regnamespace::text, relowner, relrowsecurity, relforcerowsecurity, relpersistence, relreplident,
       reltablespace, (SELECT array_agg(prpubid ORDER BY prpubid) FROM pg_publication_rel WHERE prrelid = pg_class.oid)
FROM pg_class WHERE oid = %(table)s::regclass
"""
_OPTIONS: Final = """
SELECT option_name, option_value FROM pg_class, pg_options_to_table(reloptions)
WHERE oid = %(table)s::regclass ORDER BY option_name
"""
_ATTRIBUTES: Final = """
SELECT attname, format_type(atttypid, atttypmod), attgenerated, attnotnull, pg_get_expr(adbin, adrelid), attstorage,
       attcompression, attcollation, attacl::text, attstattarget
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = %(table)s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_CONSTRAINTS: Final = """
SELECT contype::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE conrelid = %(table)s::regclass AND contype <> 'n' AND conname <> %(but)s ORDER BY conname
"""
_INDEXES: Final = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid),
       EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid)
FROM pg_index WHERE indrelid = %(table)s::regclass AND indisvalid ORDER BY 1
"""
_TRIGGERS: Final = """
SELECT tgname || ' ' || tgenabled::text, pg_get_triggerdef(oid) FROM pg_trigger
WHERE tgrelid = %(table)s::regclass AND NOT tgisinternal AND tgname <> %(but)s ORDER BY tgname
"""
_POLICIES: Final = """
SELECT format('CREATE POLICY %%I ON @table@ AS %%s FOR %%s TO %%s', polname,
              CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
              CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
                          ELSE 'ALL' END,
              (SELECT string_agg(CASE role WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
               FROM unnest(polroles) AS role))
       || coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '')
       || coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
FROM pg_policy WHERE polrelid = %(table)s::regclass ORDER BY polname
"""
_GRANTS: Final = """
SELECT format('GRANT %%s ON @table@ TO %%s', privilege_type,
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END)
       || CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
FROM pg_class, aclexplode(relacl) WHERE oid = %(table)s::regclass ORDER BY 1
"""
_INBOUND: Final = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE confrelid = %(table)s::regclass AND contype = 'f' ORDER BY 1, 2
"""
_REFERRED: Final = """
SELECT DISTINCT confrelid::regclass::text FROM pg_constraint
WHERE conrelid = %(table)s::regclass AND contype = 'f' AND confrelid <> conrelid ORDER BY 1
"""
_PECULIAR: Final = """
SELECT relkind <> 'r' OR relispartition OR relhassubclass OR relhasrules
    OR EXISTS (SELECT FROM pg_attribute WHERE attrelid = pg_class.oid AND attidentity <> '')
    OR EXISTS (SELECT FROM pg_statistic_ext WHERE stxrelid = pg_class.oid)
    OR EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_class'::regclass AND refobjid = pg_class.oid
               AND classid = 'pg_rewrite'::regclass)
    OR EXISTS (SELECT FROM pg_depend WHERE refclassid = 'pg_type'::regclass AND refobjid = pg_class.reltype
               AND classid = 'pg_proc'::regclass)
FROM pg_class WHERE oid = %(table)s::regclass
"""
