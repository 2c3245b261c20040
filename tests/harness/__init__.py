"""Proves a Copier template in every combination of answers.

The harness knows nothing of this template's questions: another template can use it as it is.

- `enumeration.combinations(template)` yields every combination of choices that a person can reach,
  as decided by Copier itself.
- `rendering.render(template, answers, destination)` renders one, in process and without trust.
- `gates` has the checks that a rendered project must pass; each returns a list of complaints.
- `python -m tests.harness combo KEY=VALUE ...` reproduces one combination on the command line.
"""
