"""The one language that the kernel side and the rest of the sensor share: records.

`layout` declares every record once; the C structs are generated from it, the decoder reads by
it. No I/O and nothing about how records travel: that is `kernel`.
"""
