"""
Job files in HCL, read as Nomad's own parser reads them.

A lexer and parser with exact places, values with the types of go-cty, and the evaluation of hashicorp/hcl, as far as
job files need them.
"""
