"""Reads archives: any format they are held in, as a stream of records in order. A record that cannot be read is an
error in its place, never an end. Knows nothing of what is done with records.

    texts.py    folders of text files          lines.py   JSON lines, CSV
    columns.py  Parquet                        ninjs.py   IPTC's news in JSON
    webs.py     WARC                           feeds.py   RSS and Atom
"""

from seeds.readers.archive import FORMATS, Archive, Record, open_archive
from seeds.readers.fields import Fields

__all__ = ["FORMATS", "Archive", "Fields", "Record", "open_archive"]
