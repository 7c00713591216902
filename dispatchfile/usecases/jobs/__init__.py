"""
The job files that a manifest lists under `jobs`.

- `values`: the values that their HCL variables are given.
- `files`: the files, found and read.
- `checks`: items against the jobs of the files, without a server.
"""
