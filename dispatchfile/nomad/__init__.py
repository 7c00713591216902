"""Nomad's HTTP API as far as this tool needs it: transport, client, records and what an answer means."""
