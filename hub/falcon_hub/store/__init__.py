"""The one place where anything is kept: alerts, how far each sink has come, what people noted, who they are.

    Store (facade, asyncio) -> writer (one thread, group commit) -> database
                            -> readers (threads)                 -> database

An alert is accepted when it is committed, so the store is the spool of every sink as well. SQLite or PostgreSQL by
SQLAlchemy Core; what differs between the two is in `dialects`. Nothing in here knows HTTP, sinks or the page.
"""
