"""The rules language: text in, typed conditions and bundles out.

Pure on purpose: no I/O, no asyncio, no kernel, no cluster. Reading files and talking to
anything belongs to the products that import this package.
"""
