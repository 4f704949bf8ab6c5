"""The index in SQL, every point included: `connect().execute("select ...")`."""

from runstore.query.sql.connecting import connect

__all__ = ["connect"]
