"""From rule files to a bundle: names resolved, exceptions applied, everything type-checked.

Each rule compiles on its own: one that cannot yields diagnostics and drops out, the others go
on. Nothing here reads files or evaluates anything.
"""
