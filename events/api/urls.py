"""Addresses of inbound events, below /api/v1/."""

from __future__ import annotations

from events.actions import EVENT
from events.api import inbound_api
from web.verb_api import verb_paths

app_name = "events-api"
urlpatterns = verb_paths(EVENT, collection=inbound_api.Events, detail=inbound_api.EventDetail)
