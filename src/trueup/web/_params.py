"""What handlers ask for: the store, who asks and what they have to be allowed, names in a path."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path

from trueup.people import Actor
from trueup.store import Store
from trueup.web._access import allowed, anybody, person, store_of
from trueup.web._desk import Desk, desk

__all__ = [
    "Anybody",
    "AtDesk",
    "Auditor",
    "Exporter",
    "Importer",
    "Judge",
    "Labeller",
    "Manager",
    "Name",
    "Opened",
    "Person",
    "Reader",
    "Senior",
    "Tracer",
]

Opened = Annotated[Store, Depends(store_of)]
Name = Annotated[str, Path(min_length=1, max_length=200)]

Anybody = Annotated[Actor, Depends(anybody)]
Person = Annotated[Actor, Depends(person)]
Reader = Annotated[Actor, Depends(allowed("read_queue"))]
AtDesk = Annotated[Desk, Depends(desk)]
Labeller = Annotated[Actor, Depends(allowed("label"))]
Senior = Annotated[Actor, Depends(allowed("adjudicate"))]
Judge = Annotated[Actor, Depends(allowed("read_quality"))]
Tracer = Annotated[Actor, Depends(allowed("read_lineage"))]
Manager = Annotated[Actor, Depends(allowed("manage_queue"))]
Importer = Annotated[Actor, Depends(allowed("ingest"))]
Exporter = Annotated[Actor, Depends(allowed("export"))]
Auditor = Annotated[Actor, Depends(allowed("read_audit"))]
