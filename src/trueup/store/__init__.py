"""The one place where rows are read and written.

`Store.open` gives a store; the modules beside it (`traces`, `queues`, `datasets`, `runs`,
`releases`, `lineage`) are functions on an open transaction.
"""

from trueup.store.databases import find_store
from trueup.store.engine import Store, Tx, default_store
from trueup.store.ids import content_hash, derived_id, new_id

__all__ = [
    "Store",
    "Tx",
    "content_hash",
    "default_store",
    "derived_id",
    "find_store",
    "new_id",
]
