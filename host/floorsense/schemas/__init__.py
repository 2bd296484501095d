"""The contract and the settings as documents for other people's tools: JSON Schemas and an AsyncAPI description.

They are made from the code that boards and host tools run, never written by hand: ``python -m floorsense.schemas``
writes them into ``docs/`` anew, and a test fails while they differ. The schemas keep to keywords that mean the same in
JSON Schema draft-07, which AsyncAPI is based on, and in draft 2020-12.
"""

import json
from pathlib import Path

from ..paths import ROOT
from . import asyncapi, capture, contract, settings

DOCS = ROOT / "docs"


def documents() -> dict[Path, str]:
    """Every document: path to content."""
    import yaml  # of the developer's extras, as the tests are: boards and tools read no YAML

    schemas = {
        "reading": contract.reading(),
        "status": contract.status(),
        "health": contract.health(),
        "mark": contract.mark(),
        "command": capture.command(),
        "capture": capture.capture(),
        "settings": settings.schema(),
    }
    files = {
        DOCS / "schemas" / f"{name}.schema.json": json.dumps(schema, indent=2, ensure_ascii=False) + "\n"
        for name, schema in schemas.items()
    }
    head = "# Made by `python -m floorsense.schemas` from firmware/floornode/contract. Changes belong there.\n"
    body = yaml.safe_dump(asyncapi.document(), sort_keys=False, allow_unicode=True, width=110)
    files[DOCS / "asyncapi.yaml"] = head + body
    return files


def write() -> None:
    """Write every document."""
    for path, content in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
