"""What a user can set, in one place: names, defaults, units, meaning.

`model` is plain data that every part of the sensor may read; `load` makes it from a file, `-o`
and the environment; `document` prints it for people. Nothing here acts on a setting.
"""
