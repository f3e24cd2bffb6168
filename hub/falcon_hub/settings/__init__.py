"""What a user can set: names, defaults, units, meaning.

`model` is plain data that every part of the hub may read; `load` makes it from a file, `-o` and the environment;
`document` prints it for people. The options of each kind of sink stand beside that kind, in `sinks`.
"""
