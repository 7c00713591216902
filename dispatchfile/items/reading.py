"""A manifest to a stream of items, and of problems in the place of those that cannot be made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import cast

from dispatchfile.expand import Names, Row, expand, reads_standard_input
from dispatchfile.files import Files
from dispatchfile.items.builder import ItemBuilder, ItemContext
from dispatchfile.items.hcl_syntax import hcl_references
from dispatchfile.items.identity import short_id
from dispatchfile.items.model import Item
from dispatchfile.items.origins import templates_of_rows
from dispatchfile.items.repeats import Repeats
from dispatchfile.items.rows import RowCount, RowReader
from dispatchfile.items.standard_input import made_again, sensitive_rows
from dispatchfile.items.template import DispatchTemplate, DispatchTemplates, TargetScope, manifest_name
from dispatchfile.manifest import Document
from dispatchfile.problems import Problem
from dispatchfile.render import Renderer
from dispatchfile.source import Position

CREDENTIALS = frozenset(  # of Nomad and its companions, and of CI systems
    {
        *("NOMAD_TOKEN", "NOMAD_HTTP_AUTH", "NOMAD_CLIENT_KEY", "VAULT_TOKEN", "CONSUL_HTTP_TOKEN"),
        *("GITHUB_TOKEN", "GH_TOKEN", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
        *("CI_JOB_TOKEN", "CI_JOB_JWT", "CI_JOB_JWT_V1", "CI_JOB_JWT_V2", "CI_REGISTRY_PASSWORD"),
        *("CI_DEPLOY_PASSWORD", "CI_DEPENDENCY_PROXY_PASSWORD", "GITLAB_TOKEN", "SYSTEM_ACCESSTOKEN"),
        *("CIRCLE_TOKEN", "CIRCLE_OIDC_TOKEN", "BUILDKITE_AGENT_ACCESS_TOKEN", "BITBUCKET_STEP_OIDC_TOKEN"),
    }
)


def do_not_count(_: RowCount) -> None:
    """Take no notice."""


def read_items(
    document: Document,
    *,
    files: Files,
    overrides: Mapping[str, object],
    env: Mapping[str, str],
    scope: TargetScope,
    dispatches: Sequence[int] | None = None,
    stored: Sequence[Item] | None = None,
    counted: Callable[[RowCount], object] = do_not_count,
    timeout_given: bool = False,
) -> Iterator[Item | Problem]:
    """
    Yield the items of a *document* that its schema accepts, in their order, and all problems; only identities are kept.

    overrides: variables over the manifest's and its items'. env: the process's environment, of which templates see
    what the manifest lists. dispatches: which of them, by their numbers in a document whose others the schema refuses;
    None: all. stored: items of an earlier process, which stand for rows of standard input. counted: is told how many
    rows each `for_each` has. timeout_given: an option sets the run's timeout. The same problem in row after row is
    told 20 times, and counted at the end of the stream.
    """
    yield from _unset(document, env)
    yield from hcl_references(document)
    repeats = Repeats()
    name, seen = manifest_name(document), _visible(document, env)
    context = ItemContext(document, files, Renderer(files), repeats, name, seen)
    templates, identities = DispatchTemplates(document, overrides, scope, timeout_given=timeout_given), _Identities()
    yield from templates.problems()
    for index in range(len(cast("list[object]", document.data["dispatches"]))) if dispatches is None else dispatches:
        template, problems = templates.read(index)
        yield from problems
        if template is None:
            yield from _row_problems(context, index)
        elif reads_standard_input(context.for_each(index)) and stored is not None:
            yield from made_again(context, template, stored)
        else:
            yield from _of_dispatch(context, template, identities, frozenset(overrides), counted)
    yield from repeats.rest()


def _of_dispatch(
    context: ItemContext,
    template: DispatchTemplate,
    identities: _Identities,
    given: frozenset[str],
    counted: Callable[[RowCount], object],
) -> Iterator[Item | Problem]:
    if reads_standard_input(context.for_each(template.index)):
        yield from sensitive_rows(context, template)
    reader = RowReader(context, template, given)
    for row in reader.rows():
        if isinstance(row, Problem):
            yield from _reported(row, context.repeats)
        else:
            yield from _made(context, template, row, identities)
    if (count := reader.count()) is not None:
        counted(count)


def _row_problems(context: ItemContext, index: int) -> Iterator[Problem]:
    """Yield the problems of the rows of a dispatch without a job. If templates give the rows, there are none."""
    if not any(templates_of_rows(context.for_each(index))):
        for row in expand(context.document, index, context.files):
            if isinstance(row, Problem):
                yield from _reported(row, context.repeats)


def _unset(document: Document, env: Mapping[str, str]) -> Iterator[Problem]:
    for number, name in enumerate(_listed(document)):
        if name.upper() in CREDENTIALS:
            place, hint = document.position("env", number), "templates must not read it: leave it out"
            yield document.problem("DF015", place, f"{name} is a credential", hint)
        if name not in env:
            yield document.problem("DF036", document.position("env", number), f"{name} is not set in the environment")


def _visible(document: Document, env: Mapping[str, str]) -> Names:
    """Return the environment for templates. An unset variable has its name as its value: one problem is enough."""
    return Names("env", {name: env.get(name, name) for name in _listed(document)}, "the manifest's list `env`")


def _listed(document: Document) -> list[str]:
    return cast("list[str]", document.data.get("env", []))


def _reported(problem: Problem, repeats: Repeats) -> list[Problem]:
    """Return a problem with a row, of which a file may have many at different lines."""
    return repeats.told(problem.code, problem.position.file, lambda: problem)


def _made(
    context: ItemContext, template: DispatchTemplate, row: Row, identities: _Identities
) -> Sequence[Item | Problem]:
    builder = ItemBuilder(context, template, row)
    item = builder.item()
    place = row.position or template.position
    clashes = identities.clashes_of_id(builder.id, place, is_written=template.id is not None)
    if item is not None:
        clashes += identities.clashes_of_token(item, place)
    for clash in clashes:
        builder.report(*clash)
    return builder.problems if item is None or clashes else [*builder.problems, item]


Clash = tuple[str, str, str, str]  # code, what was found, what would be right, the manifest's key


class _Identities:
    """The ids and tokens met so far, and where."""

    def __init__(self) -> None:
        self._ids: dict[str, Position] = {}
        self._tokens: dict[tuple[str, str, str, str], Position] = {}

    def clashes_of_id(self, item_id: str | None, place: Position, *, is_written: bool) -> list[Clash]:
        if item_id is None:
            return []
        known = short_id(item_id)
        first = self._ids.get(known)
        if first is None:
            self._ids[known] = place
            return []
        if is_written:
            return [("DF020", f"duplicate id {item_id!r}", f"first used at {first}", "id")]
        return [("DF020", f"job, meta and payload are the same as at {first}", "give each an id", "id")]

    def clashes_of_token(self, item: Item, place: Position) -> list[Clash]:
        request = item.request
        if request.token is None:
            return []
        key = (request.region, request.namespace, request.job, request.token)
        first = self._tokens.get(key)
        if first is None:
            self._tokens[key] = place
            return []
        found = f"duplicate token {request.token!r} for job {request.job!r}"
        hint = f"first used at {first}; Nomad would return that item's child"
        return [("DF027", found, hint, "idempotency_token")]
