"""The commands: a file each, declaration and body together. What only the body needs is imported when it runs."""
