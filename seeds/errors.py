"""What can go wrong with records and with the results kept beside them.

SeedError
├── RecordError
│   ├── UnknownRecord      there is no record of that id
│   ├── UnreadableRecord   the file is there but holds no readable article
│   │   └── BrokenOff      a file, or a part of one, cannot be read any further
│   ├── NoRecords          the folder is missing or holds no records
│   ├── ArticleExists      another article has the same id
│   └── InvalidQuery       what is searched for, or the page, cannot be understood
└── StoreError
    ├── StoreUnavailable   the store cannot be opened, read or written
    └── StoreCorrupt       the file is not a store, or a newer Dateline wrote it
"""


class SeedError(Exception):
    """Something is wrong with the seeds."""


class RecordError(SeedError):
    """The record cannot be used."""


class UnknownRecord(RecordError):
    """There is no such record."""


class UnreadableRecord(RecordError):
    """The record cannot be read."""


class BrokenOff(UnreadableRecord):
    """Part of a file cannot be read: more than one record may be lost."""


class NoRecords(RecordError):
    """There are no records."""


class ArticleExists(RecordError):
    """Another article has the same id."""


class InvalidQuery(RecordError):
    """The query cannot be understood."""


class StoreError(SeedError):
    """The result store failed."""


class StoreUnavailable(StoreError):
    """The result store cannot be used now."""


class StoreCorrupt(StoreError):
    """The result store is not one that this version can read."""
