"""The errors of a template: when it is read, or when it is rendered."""


class TemplateSyntaxError(ValueError):
    """A template that cannot be rendered, whatever its data; *line* counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message, self.line = message, line


class RenderFailure(Exception):
    """A template that fails on its data."""


class Unwinding(Exception):
    """`break`, or with *continues* `continue`, inside a range."""

    def __init__(self, *, continues: bool) -> None:
        super().__init__()
        self.continues = continues
