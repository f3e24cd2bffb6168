"""One module per source of container metadata: each reads one runtime's own state files.

A source maps a container id to a `description.Description` or None, never raises on what it
finds in files, and reads no file without a bound on its size. Nothing here talks over a network.
"""
