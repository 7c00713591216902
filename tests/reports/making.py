"""Results and summaries for tests of what is shown of them."""

from collections.abc import Mapping

from dispatchfile.events import Accepted, Cause, Ended, Outcome, Sending, Verdict
from dispatchfile.results import ItemFacts, Requests, Results, RunFacts, Summary, summarize
from dispatchfile.source import Position

STARTED_AT = 1_795_000_000.0
FACTS = RunFacts("k3v9x2ab", "nightly", "films.yaml", "http://127.0.0.1:4646", "completion", STARTED_AT)
REQUESTS = Requests(total=412, dispatches=3, retried=0, throttled=0, peak_connections=9)
GOOD = Verdict(Outcome.SUCCEEDED)
FAILED = Verdict(
    Outcome.FAILED, Cause.EXIT, "task encode: exit code 3", 3, "node-a", 2, "no such codec: \x1b[31mvp9\x1b[0m"
)
LOST = Verdict(Outcome.LOST, Cause.NODE_LOST, "its node went away")
UNSENT = Verdict(Outcome.UNSENT, Cause.INTERRUPTED, "definitely not sent")


def results_of(verdicts: Mapping[str, Verdict | None]) -> Results:
    """Items that were sent and ended so; None lives on."""
    results = Results(
        ItemFacts(item, "video-encode", "default", position=Position("films.yaml", line, 5))
        for line, item in enumerate(verdicts, start=1)
    )
    for item, verdict in verdicts.items():
        if verdict is None or verdict.outcome is not Outcome.UNSENT:
            results.apply(Sending(item, 1, STARTED_AT))
            results.apply(Accepted(item, 1, STARTED_AT + 1, f"video-encode/dispatch-k3v9x2ab-{item}-1-1-0", "e1"))
        if verdict is not None:
            results.apply(Ended(item, 1, STARTED_AT + 31, verdict))
    return results


def summary_of(verdicts: Mapping[str, Verdict | None], state: str = "finished") -> Summary:
    """Return the summary of a run of 750 seconds."""
    return summarize(results_of(verdicts), FACTS, state=state, finished_at=STARTED_AT + 750, requests=REQUESTS)
