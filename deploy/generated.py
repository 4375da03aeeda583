"""`python -m deploy.generated [--write]`: the frontend's API types, made from the Python code and compared or written.

Exit code 1 when what is kept is not what the code gives.
"""

import json
import subprocess
import sys
from pathlib import Path

from deploy.setup.frontend import FOLDER, environment
from deploy.setup.steps import CACHE, PROJECT, SetupFailed, run

_DESCRIPTION = FOLDER / "openapi.json"
_TYPES = FOLDER / "src" / "api" / "schema.d.ts"


def main(*, write: bool) -> int:
    made = _make(CACHE / "generated")
    different = [kept for kept in made if not kept.exists() or kept.read_text() != made[kept].read_text()]
    if write:
        for kept in different:
            kept.write_text(made[kept].read_text())
            print(f"{kept.relative_to(PROJECT)} is written")
        return 0
    for kept in different:
        print(f"{kept.relative_to(PROJECT)} is not what the code gives: run `make generated`", file=sys.stderr)
    return 1 if different else 0


def _make(folder: Path) -> dict[Path, Path]:
    """Each generated file as it is kept, and as it is made now. Raises SetupFailed."""
    folder.mkdir(parents=True, exist_ok=True)
    description, types = folder / _DESCRIPTION.name, folder / _TYPES.name
    exported = subprocess.run(
        [sys.executable, "manage.py", "export_openapi", "--output", str(description)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if exported.returncode != 0:
        raise SetupFailed(f"The API cannot be described:\n{exported.stderr}")
    # The options are kept in one place, the script of package.json.
    script: str = json.loads((FOLDER / "package.json").read_text())["scripts"]["types"]
    script = script.replace("openapi.json", str(description)).replace("src/api/schema.d.ts", str(types))
    run(
        ["npm", "exec", "-c", script], what="Making the types of the API", cwd=FOLDER, environ=environment(), quiet=True
    )
    return {_DESCRIPTION: description, _TYPES: types}


if __name__ == "__main__":
    try:
        sys.exit(main(write="--write" in sys.argv[1:]))
    except SetupFailed as failure:
        sys.exit(str(failure))
