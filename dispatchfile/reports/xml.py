"""XML that every reader takes: well-formed whatever a task printed."""

from __future__ import annotations

import re
from xml.etree import ElementTree

NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def for_xml(text: str) -> str:
    """The *text* less what XML 1.0 cannot hold, even escaped. Source: W3C, XML 1.0 (fifth edition), production 2."""
    return NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def document(root: ElementTree.Element) -> str:
    """Return the whole document, indented, ended by a line feed."""
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'
