"""`python -m pytest_matalign` is `matalign`."""

import sys

from pytest_matalign.cli import main

sys.exit(main())
