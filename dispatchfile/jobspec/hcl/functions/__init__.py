"""
The functions that job files may call, by name.

Source: hashicorp/nomad, jobspec2/functions.go.
"""

from collections.abc import Mapping
from pathlib import Path

from dispatchfile.jobspec.hcl.call import Function
from dispatchfile.jobspec.hcl.functions import (
    addresses,
    collections,
    digests,
    documents,
    files,
    formatting,
    numeric,
    refused,
    sequences,
    texts,
    times,
    yamltext,
)


def functions_for(folder: Path, *, reads_files: bool) -> Mapping[str, Function]:
    """
    Return all functions.

    folder: where relative paths start. reads_files: whether the file system may be read, as `nomad job run` allows
    and Nomad's HTTP API does not.
    """
    return {
        **texts.FUNCTIONS,
        **numeric.FUNCTIONS,
        **collections.FUNCTIONS,
        **sequences.FUNCTIONS,
        **formatting.FUNCTIONS,
        **documents.FUNCTIONS,
        **digests.FUNCTIONS,
        **times.FUNCTIONS,
        **yamltext.FUNCTIONS,
        **addresses.FUNCTIONS,
        **refused.FUNCTIONS,
        **files.functions(folder, allowed=reads_files),
    }
