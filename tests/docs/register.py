"""`nomad job run -detach FILE`, as far as the guides need it: a server parses and registers the job file."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from pathlib import Path


def send(path: str, body: object) -> object:
    request = urllib.request.Request(os.environ["NOMAD_ADDR"] + path, json.dumps(body).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


if __name__ == "__main__":
    assert sys.argv[1:4] == ["job", "run", "-detach"]
    send("/v1/jobs", {"Job": send("/v1/jobs/parse", {"JobHCL": Path(sys.argv[4]).read_text(encoding="utf-8")})})
    sys.stdout.write("Job registration successful\n")
