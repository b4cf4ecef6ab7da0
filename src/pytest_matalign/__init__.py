"""Representational alignment of scientific foundation models, as a pytest benchmark suite.

import pytest_matalign as pm

a, b = (pm.prepare(pm.metric_spec("cknna"), rows) for rows in (mine, theirs))
pm.assess(a, b)

The names, each imported when it is first asked for, stand in the stub beside this file.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
