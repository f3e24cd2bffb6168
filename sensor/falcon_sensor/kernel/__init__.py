"""Everything that touches the kernel: programs in, records out.

`plan` decides what the rules need, `csource` prints the C, `loader` (a child process of its own,
the only importer of bcc) compiles and attaches it, `probes` holds what it hands over, `ring`
reads the records. Nothing here knows rules, alerts or containers; nothing elsewhere makes a
bpf() call.
"""
