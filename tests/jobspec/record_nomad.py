"""Record what a real Nomad answers for each case: `NOMAD_BIN=… python -m tests.jobspec.record_nomad`."""

from __future__ import annotations

import json

from tests.jobspec.test_beside_nomad import CASES, RECORDED, nomad_answer
from tests.real_nomad import real_agent

if __name__ == "__main__":
    with real_agent() as nomad:
        answers = {name: nomad_answer(nomad, document) for name, document in CASES.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(answer, sort_keys=True)}" for name, answer in sorted(answers.items())]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
