"""Cut Twilio's published OpenAPI files down to the paths that the sandbox answers.

Usage: python sandbox/contracts/trim.py FOLDER_WITH_THE_FULL_FILES
The full files are those of the npm package named in README.md. Only descriptions and examples are dropped:
every type, pattern, enumeration and `required` list stays as published.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ACCOUNT = "/2010-04-01/Accounts/{AccountSid}"
KEPT_PATHS = {
    "twilio_api_v2010.json": [
        "/2010-04-01/Accounts/{Sid}.json",
        f"{ACCOUNT}/Applications/{{Sid}}.json",
        f"{ACCOUNT}/IncomingPhoneNumbers.json",
        f"{ACCOUNT}/OutgoingCallerIds.json",
        f"{ACCOUNT}/Calls.json",
        f"{ACCOUNT}/Calls/{{Sid}}.json",
        f"{ACCOUNT}/Calls/{{CallSid}}/Streams.json",
        f"{ACCOUNT}/Calls/{{CallSid}}/Streams/{{Sid}}.json",
        f"{ACCOUNT}/Calls/{{CallSid}}/Transcriptions.json",
        f"{ACCOUNT}/Calls/{{CallSid}}/Transcriptions/{{Sid}}.json",
    ],
    "twilio_verify_v2.json": [
        "/v2/Services/{Sid}",
        "/v2/Services/{ServiceSid}/Verifications",
        "/v2/Services/{ServiceSid}/Verifications/{Sid}",
        "/v2/Services/{ServiceSid}/VerificationCheck",
    ],
}
DROPPED_KEYS = frozenset({"description", "examples", "example", "x-twilio", "headers", "tags"})


def without_prose(node: Any, *, inside_properties: bool = False) -> Any:
    """Drop documentation keys, but never a property that happens to bear such a name."""
    if isinstance(node, list):
        return [without_prose(entry) for entry in node]
    if not isinstance(node, dict):
        return node
    return {
        key: without_prose(value, inside_properties=key == "properties")
        for key, value in node.items()
        if inside_properties or key not in DROPPED_KEYS
    }


def referenced_schemas(node: Any) -> set[str]:
    """The names of all component schemas that `node` points at directly."""
    if isinstance(node, list):
        return set().union(*(referenced_schemas(entry) for entry in node))
    if not isinstance(node, dict):
        return set()
    names = {node["$ref"].rsplit("/", 1)[-1]} if isinstance(node.get("$ref"), str) else set()
    return names.union(*(referenced_schemas(value) for value in node.values()))


def trim(document: dict[str, Any], kept_paths: list[str]) -> dict[str, Any]:
    paths = {path: without_prose(document["paths"][path]) for path in kept_paths}
    for operation in (operation for path in paths.values() for operation in path.values()):
        if isinstance(operation, dict):
            for response in operation.get("responses", {}).values():
                response["description"] = ""  # OpenAPI 3.0 demands the key.
    schemas: dict[str, Any] = {}
    missing = referenced_schemas(paths)
    while missing:
        schemas |= {name: without_prose(document["components"]["schemas"][name]) for name in missing}
        missing = referenced_schemas(list(schemas.values())) - set(schemas)
    return {
        "openapi": document["openapi"],
        "info": {key: document["info"][key] for key in ("title", "version", "license")},
        "servers": document.get("servers", []),
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.items())),
            "securitySchemes": document["components"]["securitySchemes"],
        },
    }


def main(source: Path) -> None:
    for file_name, kept_paths in KEPT_PATHS.items():
        document = json.loads((source / file_name).read_text())
        text = json.dumps(trim(document, kept_paths), indent=1, sort_keys=True)
        (HERE / file_name).write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
