"""Proves a Copier template in every combination of answers.

The harness knows nothing of this template's questions: another template can use it as it is.

- `enumeration.combinations(template)` yields every combination of choices that a person can reach,
  as decided by Copier itself.
- `rendering.render(template, answers, destination)` renders one, in process and without trust;
  `rendering.sped_up()` makes that fast without changing a byte.
- `gates` has the checks that a rendered project must pass; each returns a list of complaints.
- `forkserver.ForkServer` runs the suites of projects, each in an isolated process.
- `record.Record` remembers which combinations have passed, for `make changed`.
- `progress.Progress` says how many suites are done and how long the others will take.
- `python -m tests.harness combo KEY=VALUE ...` reproduces one combination on the command line.

Another template copies this folder, `conftest.py` and `test_combinations.py`, as `test_changed.py`
does, and says in its `conftest.py` which questions are set apart (those that touch no code), which
texts stand for its free texts, what each project needs of its own (a package name), and what takes
its time when a suite does it first (`WARMUP`, a test module).
"""
