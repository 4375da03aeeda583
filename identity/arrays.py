"""Arrays of hundreds of elements as PostgreSQL reads them: psycopg looks at each element, which takes several times longer.

https://www.postgresql.org/docs/18/arrays.html#ARRAYS-IO
"""

from collections.abc import Iterable
from uuid import UUID


def array(values: Iterable[UUID | int | bool]) -> str:
    """For a parameter with a cast, such as %s::uuid[]. None may be null."""
    return "{" + ",".join(map(str, values)) + "}"


def texts(values: Iterable[str]) -> str:
    """The same for whatever text."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in values)
    return "{" + ",".join([f'"{value}"' for value in quoted]) + "}"
