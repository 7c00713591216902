"""Values in, text out: what a person, a CI system or a script is shown of problems, of a run, and of its summary."""
