"""The tests of the service."""

import sys

# Here, since with -OO the libraries that conftest.py imports do not even load.
if not __debug__:
    sys.exit("error: run the tests without -O and PYTHONOPTIMIZE, which switch assertions off")
