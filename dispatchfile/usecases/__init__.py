"""
The use cases, one file for each command. They connect the rooms, take and return values, and print nothing.

What `run`, `resume`, `rerun` and `stop` share is in `running`. The other files hold what several commands need: a past
run (`past`, `folding`, `reruns`), a manifest (`load`, `select`, `variables`, `sensitive`), the server's view of the
jobs (`parents`), and who is told (`reporting`).
"""
