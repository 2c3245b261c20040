"""Proves a Copier template in every combination of answers.

The harness knows nothing of this template's questions: another template can use it as it is.

- `template.Template` is all that it has to be told; `conftest.py` hands it over.
- `plugin` is the pytest plug-in, with the fixtures of `fixtures`: a test for each combination,
  suites and gates in the background, `--changed`.
- `enumeration.combinations(template)` yields every combination of choices that a person can reach,
  as decided by Copier itself.
- `rendering.render(template, answers, destination)` renders one, in process and without trust;
  `rendering.sped_up()` makes that fast without changing a byte.
- `gates` has the checks that a rendered project must pass; each returns a list of complaints.
- `forkserver.ForkServer` runs the suites of projects, each in an isolated process.
- `record.Record` remembers which combinations have passed, for `make changed`.
- `progress.Progress` says how many suites are done and how long the others will take.
- `faults` reads faults from data files and puts them into a copy of a template.
- `python -m tests.harness combo KEY=VALUE ...` reproduces one combination on the command line.

Another template copies this folder and `test_combinations.py`, and writes a `conftest.py` of some
ten lines, as `test_changed.py` does: it names the plug-in and returns a `Template`. Tools that its
projects run and do not import stand in its `pyproject.toml`, under `[tool.harness.only-run]`.
"""
