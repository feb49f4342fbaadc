"""Works through archives in parts, so that any interruption is survived and the output is the same as without one.

job.py      what to make of an archive         workers.py   who works on parts: here, processes, Ray
paths.py    the files a run owns               run.py       hand out, put together, manifest
plan.py     files -> parts                     rescue.py    a part that ends its worker
part.py     records -> rows -> bytes           report.py    counts
rows.py     record and digest -> row
"""
