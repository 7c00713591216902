"""
Dispatch a list of HashiCorp Nomad parameterized jobs from a manifest: exactly once, watched to one exit code.

The names in `__all__` are the Python API, which docs/python.md explains. All other names may change without notice.
Nothing is imported until one of the names is used.
"""

from dispatchfile.version import VERSION as __version__  # noqa: N811  a dunder is no constant

TYPE_CHECKING = False  # type checkers take it for true; `typing` itself takes too long to import
if TYPE_CHECKING:
    from dispatchfile.api.errors import InvalidManifest
    from dispatchfile.api.manifests import Manifest, ManifestItem, load, load_async
    from dispatchfile.api.plans import PlannedRun, plan, plan_async
    from dispatchfile.api.runs import run, run_async
    from dispatchfile.errors import (
        DispatchfileError,
        FileError,
        JournalError,
        NomadError,
        PlanError,
        RunRefused,
        UsageError,
    )
    from dispatchfile.events import Cause, Outcome, State
    from dispatchfile.planfile import Change
    from dispatchfile.problems import Problem, Severity
    from dispatchfile.results import ItemResult, Summary
    from dispatchfile.source import Position

__all__ = [
    "Cause",
    "Change",
    "DispatchfileError",
    "FileError",
    "InvalidManifest",
    "ItemResult",
    "JournalError",
    "Manifest",
    "ManifestItem",
    "NomadError",
    "Outcome",
    "PlanError",
    "PlannedRun",
    "Position",
    "Problem",
    "RunRefused",
    "Severity",
    "State",
    "Summary",
    "UsageError",
    "__version__",
    "load",
    "load_async",
    "plan",
    "plan_async",
    "run",
    "run_async",
]

_MODULES = {
    "api.errors": ("InvalidManifest",),
    "api.manifests": ("Manifest", "ManifestItem", "load", "load_async"),
    "api.plans": ("PlannedRun", "plan", "plan_async"),
    "api.runs": ("run", "run_async"),
    "errors": (
        "DispatchfileError",
        "FileError",
        "JournalError",
        "NomadError",
        "PlanError",
        "RunRefused",
        "UsageError",
    ),
    "events": ("Cause", "Outcome", "State"),
    "planfile": ("Change",),
    "problems": ("Problem", "Severity"),
    "results": ("ItemResult", "Summary"),
    "source": ("Position",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

if not TYPE_CHECKING:  # else type checkers would take any name for one of the package

    def __getattr__(name: str) -> object:
        """Import the module of a public name when the name is first used."""
        module = _MODULE_OF.get(name)
        if module is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415  it takes as long as all the rest

        value = getattr(import_module(f"{__name__}.{module}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted(__all__)
