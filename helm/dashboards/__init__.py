"""The four dashboards: tables of panels here, JSON for Grafana in ``helm/runtail/files/dashboards``."""

from typing import Final

from helm.dashboards.overview import OVERVIEW
from helm.dashboards.store import STORE
from helm.dashboards.viewers import VIEWERS
from helm.dashboards.workers import WORKERS

DASHBOARDS: Final = (OVERVIEW, VIEWERS, WORKERS, STORE)
