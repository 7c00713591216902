"""A file a command: the rooms wired together; values in, values out, nothing printed."""
