"""What a kit brings to a device to verify, install, update and roll back itself.

These modules run before edgeall is installed: on the standard library of Python 3.11 alone, as the package `station` in
a kit and as `edgeall.station` on the workstation. They import one another by relative names, and nothing else of
edgeall. `unpacking` imports none of the others, because it is also sent to boards.
"""
