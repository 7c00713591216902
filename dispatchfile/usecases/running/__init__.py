"""
The way of a run from its manifest or its journal to its summary, in parts; each knows only those above it.

- `control`: how the run is interrupted from outside.
- `ends`: what it came to.
- `connect`: the client, for as long as a command works on the run.
- `prepare`: options and a manifest to items and settings, without a server.
- `preflight`: what the server says of the items.
- `specs`: items and answers to the specification that the engine works off.
- `baselines`: what the jobs had before the run's first dispatch.
- `resume_state`: where every item stands, by the run's journal.
- `children`: which jobs in Nomad are the run's, and which of them live.
- `adopt`: what Nomad already has of the run's items.
- `execute`: a specification through the engine to a summary, with the journal closed behind it.
- `start`: a new run from its journal to its summary.

A command chooses among them: `run` prepares, asks, adopts and starts; `rerun` takes its items from a journal and then
does the same; `resume` and `stop` begin with the `resume_state` and execute what is left.
"""
