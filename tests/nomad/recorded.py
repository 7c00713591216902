"""Exchanges recorded on a real Nomad 2.0.5: `tests/recordings/<area>/<name>.json`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from dispatchfile.nomad.answers import Answer

FOLDER = Path(__file__).parent.parent / "recordings"


def recording(area: str, name: str) -> dict[str, Any]:
    """One exchange: request and response."""
    return json.loads((FOLDER / area / f"{name}.json").read_text(encoding="utf-8"))


def recorded_answer(area: str, name: str) -> Answer:
    """The answer of an exchange, as it would have come from the transport."""
    response = recording(area, name)["response"]
    body = json.dumps(response["body_json"]) if "body_json" in response else response["body_text"]
    headers = {key.lower(): value for key, value in response["headers"].items()}
    return Answer(response["status"], headers, body.encode())


def exchanges(*areas: str) -> list[tuple[str, str]]:
    """Area and name of every recorded HTTP exchange of these areas."""
    names = [(area, file.stem) for area in areas for file in sorted((FOLDER / area).glob("*.json"))]
    return [(area, name) for area, name in names if "response" in recording(area, name)]
