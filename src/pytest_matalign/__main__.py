"""`python -m pytest_matalign` is `matalign`."""

import sys

from pytest_matalign.cli.main import main

sys.exit(main())
