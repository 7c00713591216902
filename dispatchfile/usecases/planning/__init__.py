"""
What `plan` and `run PLAN` are made of.

- `base`: the items that a manifest is compared with, from a git ref or a plan file.
- `staleness`: whether what a plan was made from is still as it was.
- `apply`: a plan file prepared to be sent.
"""
