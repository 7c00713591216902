"""Rendered rows to frozen items with the request each would send: ids, fingerprints, Nomad's limits."""

from dispatchfile.items.identity import attempt_token, child_prefix, is_child_of
from dispatchfile.items.model import DispatchRequest, Item, Retry

__all__ = ["DispatchRequest", "Item", "Retry", "attempt_token", "child_prefix", "is_child_of"]
