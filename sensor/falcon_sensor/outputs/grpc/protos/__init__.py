"""What Falco's clients speak. The `_pb2` files are written by `scripts/protos` and checked in, so that neither an
installation nor an image needs a compiler; a test compares them.

Names and numbers are Falco's, as they decide what is on the wire; only files and Python packages are ours.
"""
