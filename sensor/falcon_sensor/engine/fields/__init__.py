"""What each field of the rules language means for a record.

One module per class of fields. An extractor takes an `event.Event` and gives text as bytes,
numbers as int, truth as bool, addresses as 4 or 16 bytes, list and any-of fields as tuples, and
None for "unavailable". Extractors never raise and never block; nothing here knows about rules.
"""
