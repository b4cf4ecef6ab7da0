"""`python -m pytest_matalign.splits.build`: see `make`."""

import sys

from pytest_matalign.splits.build.make import main

sys.exit(main())
