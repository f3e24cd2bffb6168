"""What people and reading programs ask: the page, and the JSON API behind it.

Everything but the page's own files needs a session or a reader's token. Nothing is decided here about alerts: questions
are put to the store, and answers are given the shape that `hub/web` (the page's sources) expects.
"""
