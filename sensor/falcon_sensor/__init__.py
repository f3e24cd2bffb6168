"""The sensor: rules in, kernel events seen, alerts out. One process per node.

The only package that touches the kernel. It knows nothing of custom resources: what it is
given is a bundle (`falcon_rules.bundle`), whoever made it.
"""
