"""What looks like a key or a token is kept out of messages; what only begins like one is a name."""

import pytest

from dispatchfile.secrecy import without_keys

RANDOM = "a1B2c3D4e5F6g7H8"


@pytest.mark.parametrize(
    "secret",
    [
        *(f"{prefix}{RANDOM}" for prefix in ("hvs.", "hvb.", "ghp_", "gho_", "ghs_", "github_pat_", "glpat-", "xoxb-")),
        *(f"{prefix}{RANDOM}" for prefix in ("sk-", "sk_live_", "AKIA")),
    ],
)
def test_a_token_is_not_repeated(secret: str) -> None:
    """Each has its issuer's mark, and is left out wherever it stands in a message."""
    assert without_keys(f"--only {secret}: no such item") == "--only (a token, not shown): no such item"


@pytest.mark.parametrize(
    "name", ["--skip-succeeded", "skeleton-renderer-2", "ghost-writer-nightly", "hvbatch-encode-all"]
)
def test_a_name_that_begins_like_a_token_is_shown(name: str) -> None:
    """Options, jobs and items whose first letters are those of a mark."""
    assert without_keys(f"{name} has no effect") == f"{name} has no effect"
