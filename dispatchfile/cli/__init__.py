"""The shell: options and help in, one use case called, a report and an exit code out."""
