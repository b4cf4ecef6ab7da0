"""One judgement of a candidate on a split: what harms fails, what helps passes.

`judge.judge` holds a candidate against its baseline, `floor.first_release` a model without one
against untrained networks. Each check is a module of its own and yields a `Finding`.
"""
