"""yaml-language-server as an editor drives it: JSON-RPC over its standard input and output."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SETTINGS = {
    "yaml": {
        "schemaStore": {"enable": False},  # asks the network
        "validate": True,
        "completion": True,
        "hover": True,
    }
}
CAPABILITIES = {
    "textDocument": {
        "publishDiagnostics": {},
        "completion": {"completionItem": {"snippetSupport": True, "documentationFormat": ["markdown"]}},
        "hover": {"contentFormat": ["markdown"]},
    },
    "workspace": {"configuration": True},
}
Position = Mapping[str, int]


class LanguageServer:
    """A server that has one folder open."""

    def __init__(self, process: subprocess.Popen[bytes], folder: Path) -> None:
        self._process, self._folder = process, folder
        self._last_id = 0
        self._diagnostics: dict[str, list[dict[str, Any]]] = {}
        self.request("initialize", {"processId": None, "rootUri": folder.as_uri(), "capabilities": CAPABILITIES})
        self._notify("initialized", {})

    def open(self, name: str, text: str) -> list[dict[str, Any]]:
        """Open a file with *text*, and return its diagnostics."""
        uri = (self._folder / name).as_uri()
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self._notify("textDocument/didOpen", {"textDocument": document})
        while uri not in self._diagnostics:
            self._take()
        return sorted(self._diagnostics[uri], key=lambda each: each["range"]["start"]["line"])

    def complete(self, name: str, position: Position) -> list[dict[str, Any]]:
        """Return what is suggested there."""
        found = self.request("textDocument/completion", self._place(name, position))
        items: list[dict[str, Any]] = found["items"] if isinstance(found, dict) else found
        return items

    def hover(self, name: str, position: Position) -> str:
        """Return what is shown for the word there."""
        found = self.request("textDocument/hover", self._place(name, position))
        return str(found["contents"]["value"]) if found else ""

    def request(self, method: str, params: object) -> Any:
        self._last_id += 1
        self._send({"id": self._last_id, "method": method, "params": params})
        while True:
            message = self._take()
            if message.get("id") == self._last_id and "method" not in message:
                assert "error" not in message, message
                return message["result"]

    def stop(self) -> None:
        self.request("shutdown", None)
        self._notify("exit", None)

    def _place(self, name: str, position: Position) -> dict[str, object]:
        return {"textDocument": {"uri": (self._folder / name).as_uri()}, "position": position}

    def _notify(self, method: str, params: object) -> None:
        self._send({"method": method, "params": params})

    def _send(self, message: Mapping[str, object]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._process.stdin.flush()

    def _take(self) -> dict[str, Any]:
        """Read one message; answer it if the server asks something, and keep it if it is about problems."""
        assert self._process.stdout
        length = 0
        while line := self._process.stdout.readline().strip():
            name, _, value = line.partition(b": ")
            length = int(value) if name == b"Content-Length" else length
        assert length, "the language server has ended"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": self._answer(message)})
        return message

    @staticmethod
    def _answer(message: Mapping[str, Any]) -> object:
        if message["method"] != "workspace/configuration":
            return None
        return [SETTINGS.get(item.get("section", ""), {}) for item in message["params"]["items"]]


@contextmanager
def running(command: list[str], folder: Path) -> Iterator[LanguageServer]:
    """Run a server on the files of *folder*."""
    process = subprocess.Popen([*command, "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=folder)
    with process:
        try:
            server = LanguageServer(process, folder)
            yield server
            server.stop()
        finally:
            process.kill()
