"""Record what Nomad's parser makes of each case: `NOMAD_BIN=… python -m tests.jobspec.record_hcl`."""

from __future__ import annotations

import json

from tests.jobspec.hcl_cases import CASES
from tests.jobspec.hcl_nomad import nomads
from tests.jobspec.test_hcl_beside_nomad import RECORDED
from tests.real_nomad import real_agent

if __name__ == "__main__":
    with real_agent() as nomad:
        answers = {name: nomads(nomad, text) for name, text in CASES.items()}
    lines = [f"{json.dumps(name)}: {json.dumps(answer, sort_keys=True)}" for name, answer in sorted(answers.items())]
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
