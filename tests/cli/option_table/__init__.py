"""
The option table: what each option of each command does, tried out.

`test_option_table.py` reads the options from the program itself and fails for one that has no row here. To add a row
for a new option:

1. Choose the file: `connection` (how Nomad is reached), `display` (what is shown), `steering` (settings and how far a
   run waits), `manifests` (what a manifest is given), `agents` (embedded agents and `init`), `history` (`runs`,
   `prune`), `plans` (`plan` and plan files), `own` (other options of one command or two).
2. Add `("command", "--option"): check` to its `ROWS`. A check takes the `Stage` and asserts the option's effect: call
   the command with the option, and compare with what happens without it, what a file or the journal holds, or what the
   recording server was asked for. That the option is accepted is no effect.
3. If the option has no effect beside another one, the command refuses the two: add the command line and the whole
   message to `REFUSED` in `refusals`.

A common option that has nothing to change in a command gets `changes_nothing(...)`: the check compares the whole
output with and without it.
"""
