"""The Python in which the package is tested as installed: that of the tests, or that of an environment of the wheel."""

import os
import sys

PYTHON = os.environ.get("INSTALLED_PYTHON") or sys.executable
