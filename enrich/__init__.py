"""enrich: thin events in, the current truth fetched from the systems that own it, derived edges out."""

from __future__ import annotations

from enrich.cycle import cycle
from enrich.enrichment import Enrichment
from enrich.errors import EnrichError, EventError, HydrateError, SourceError, UriError
from enrich.events import Dead, Events
from enrich.explain import Derivation, why
from enrich.hydrate import hydrate
from enrich.ingest import IngestReport, ingest
from enrich.lifecycle import Policy, Retry, Standing, due, standing
from enrich.outcomes import EntityMap, Failed, Found, Gone, Outcome, Partial, Unchanged
from enrich.refresh import Refreshed, hydrate_levels, refresh
from enrich.report import CycleReport, EdgeChange, Plan, Status
from enrich.rule_checks import check
from enrich.rules import EdgeRule, RuleBook
from enrich.schema import install
from enrich.sources import Source, Sources
from enrich.sources.http import HttpSource
from enrich.telling import Cited, Condition, Cut, Premise, Witness
from enrich.uris import Parts, Ref, parse, ref, uri

__all__ = [
    "Cited",
    "Condition",
    "Cut",
    "CycleReport",
    "Dead",
    "Derivation",
    "EdgeChange",
    "EdgeRule",
    "EnrichError",
    "Enrichment",
    "EntityMap",
    "EventError",
    "Events",
    "Failed",
    "Found",
    "Gone",
    "HttpSource",
    "HydrateError",
    "IngestReport",
    "Outcome",
    "Partial",
    "Parts",
    "Plan",
    "Policy",
    "Premise",
    "Ref",
    "Refreshed",
    "Retry",
    "RuleBook",
    "Source",
    "SourceError",
    "Sources",
    "Standing",
    "Status",
    "Unchanged",
    "UriError",
    "Witness",
    "check",
    "cycle",
    "due",
    "hydrate",
    "hydrate_levels",
    "ingest",
    "install",
    "parse",
    "ref",
    "refresh",
    "standing",
    "uri",
    "why",
]
