"""Rendered rows to frozen items with the request each would send: ids, fingerprints, Nomad's limits."""

from dispatchfile.items.builder import MAX_PAYLOAD_BYTES
from dispatchfile.items.excerpts import without_secrets
from dispatchfile.items.identity import (
    attempt_token,
    child_prefix,
    item_prefix,
)
from dispatchfile.items.identity import fingerprint as fingerprint_of
from dispatchfile.items.known import known_variables
from dispatchfile.items.model import DispatchRequest, Item, Retry
from dispatchfile.items.origins import Origins, read_origins
from dispatchfile.items.reading import do_not_count, read_items
from dispatchfile.items.rows import RowCount
from dispatchfile.items.template import TargetScope, manifest_name, route_of
from dispatchfile.items.unfollowed import unfollowed_keys

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "DispatchRequest",
    "Item",
    "Origins",
    "Retry",
    "RowCount",
    "TargetScope",
    "attempt_token",
    "child_prefix",
    "do_not_count",
    "fingerprint_of",
    "item_prefix",
    "known_variables",
    "manifest_name",
    "read_items",
    "read_origins",
    "route_of",
    "unfollowed_keys",
    "without_secrets",
]
