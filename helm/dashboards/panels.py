"""Tables of panels, and the JSON that Grafana takes, made of them.

A query is written as in Prometheus, with two words of ours in it: ``SCOPE`` stands where the selectors of the chosen
namespace and release come, and ``RATE`` for the interval that Grafana computes from the resolution.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

#: Grafana counts 24 columns; a row of panels is this high.
COLUMNS: Final = 24
HEIGHT: Final = 8
#: Of the dashboards' format; Grafana brings older ones up to date by itself.
SCHEMA_VERSION: Final = 39
#: Matches an installation whose Prometheus adds no such labels, too.
SCOPE: Final = 'namespace=~"$namespace",release=~"$release"'
DATASOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
#: What a series of one process is called: the pod where there is Kubernetes.
PROCESS: Final = "{{pod}} {{instance}}"
RUNBOOKS: Final = "https://github.com/runtail/runtail/blob/main/docs/runbooks"

Kind = Literal["timeseries", "stat", "heatmap"]


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel.

    :param legend: what its series are called, in Grafana's form.
    """

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    :param question: what it answers, as its text says.
    :param unit: in Grafana's words: ``short``, ``s``, ``bytes``, ``Bps``, ``percentunit``, ``bool_yes_no``.
    :param alerts: whose runbooks help; named in the text.
    :param width: of 24 columns.
    :param red_from: from this value on it is shown in red.
    :param red_below: below this value it is shown in red.
    :param empty: why it may have no data while all is well; left out: it must not.
    """

    title: str
    question: str
    unit: str
    queries: Sequence[Query]
    kind: Kind = "timeseries"
    alerts: tuple[str, ...] = ()
    width: int = 8
    red_from: float | None = None
    red_below: float | None = None
    empty: str = ""


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One dashboard."""

    uid: str
    title: str
    about: str
    panels: Sequence[Panel]


def render(dashboard: Dashboard) -> dict[str, Any]:
    """Return a dashboard as Grafana's JSON."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": ["runtail"],
        "editable": True,
        "graphTooltip": 1,
        "schemaVersion": SCHEMA_VERSION,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        "links": [
            {
                "title": "Runtail",
                "type": "dashboards",
                "tags": ["runtail"],
                "asDropdown": False,
                "includeVars": True,
                "keepTime": True,
                "targetBlank": False,
                "icon": "external link",
                "tooltip": "",
                "url": "",
            }
        ],
        "annotations": {"list": []},
        "templating": {"list": [_datasource(), _variable("namespace", ""), _variable("release", _NAMESPACE)]},
        "panels": [
            _panel(number, panel, place)
            for number, (panel, place) in enumerate(zip(dashboard.panels, _places(dashboard.panels), strict=True), 1)
        ],
    }


def prometheus_query(expr: str, *, scope: str = "", rate: str, range_: str) -> str:
    """Return a query as Prometheus takes it, for tests and pictures.

    :param scope: selectors; empty: everything.
    :param rate: instead of Grafana's rate interval.
    :param range_: instead of the shown range.
    """
    text = expr.replace("{SCOPE}", f"{{{scope}}}" if scope else "")
    text = text.replace("{SCOPE,", f"{{{scope}," if scope else "{").replace(",SCOPE}", f",{scope}}}" if scope else "}")
    return text.replace("RATE", rate).replace("RANGE", range_)


_NAMESPACE: Final = '{namespace=~"$namespace"}'


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1}


def _variable(name: str, selector: str) -> dict[str, Any]:
    query = f"label_values(runtail_build_info{selector}, {name})"
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "variable"},
        # 2: whenever the shown time changes.
        "refresh": 2,
        "sort": 1,
        "multi": False,
        "includeAll": True,
        # Also what has no such label, on a machine without Kubernetes.
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _places(panels: Sequence[Panel]) -> Iterable[dict[str, int]]:
    x = y = 0
    for panel in panels:
        if x + panel.width > COLUMNS:
            x, y = 0, y + HEIGHT
        yield {"x": x, "y": y, "w": panel.width, "h": HEIGHT}
        x += panel.width


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    runbooks = "".join(f"\n\nRunbook: [{alert}]({RUNBOOKS}/{alert}.md)" for alert in panel.alerts)
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": f"{panel.question}{runbooks}",
        "gridPos": place,
        "datasource": DATASOURCE,
        "targets": [_target(panel, query, letter) for query, letter in zip(panel.queries, _letters(), strict=False)],
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind],
    }


def _letters() -> Iterable[str]:
    return (chr(ord("A") + number) for number in itertools.count())


def _target(panel: Panel, query: Query, letter: str) -> dict[str, Any]:
    expr = query.expr.replace("SCOPE", SCOPE).replace("RATE", "$__rate_interval").replace("RANGE", "$__range")
    target = {"refId": letter, "datasource": DATASOURCE, "expr": expr, "legendFormat": query.legend or panel.title}
    if panel.kind == "stat":
        return {**target, "instant": True, "range": False}
    if panel.kind == "heatmap":
        return {**target, "instant": False, "range": True, "format": "heatmap", "legendFormat": "{{le}}"}
    return {**target, "instant": False, "range": True}


def _defaults(panel: Panel) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.red_from is not None:
        steps.append({"color": "red", "value": panel.red_from})
    if panel.red_below is not None:
        steps = [{"color": "red", "value": None}, {"color": "green", "value": panel.red_below}]
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "noValue": "none",
        "color": {"mode": "thresholds" if panel.kind == "stat" else "palette-classic"},
        "thresholds": {"mode": "absolute", "steps": steps},
    }
    if panel.unit != "bool_yes_no":
        defaults["min"] = 0
    if panel.kind == "timeseries":
        shown = "line" if len(steps) > 1 else "off"
        defaults["custom"] = {
            "drawStyle": "line",
            "lineWidth": 1,
            "fillOpacity": 10,
            "showPoints": "never",
            "spanNulls": False,
            "thresholdsStyle": {"mode": shown},
        }
    return defaults


_OPTIONS: Final[dict[Kind, dict[str, Any]]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "value",
        "graphMode": "none",
        "justifyMode": "auto",
        "orientation": "auto",
        "textMode": "auto",
        "showPercentChange": False,
        "percentChangeColorMode": "standard",
        "wideLayout": True,
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
    "heatmap": {
        "calculate": False,
        "cellGap": 1,
        "color": {
            "mode": "scheme",
            "scheme": "Oranges",
            "steps": 64,
            "exponent": 0.5,
            "fill": "dark-orange",
            "reverse": False,
        },
        "exemplars": {"color": "rgba(255,0,255,0.7)"},
        "filterValues": {"le": 1e-9},
        "legend": {"show": True},
        "rowsFrame": {"layout": "auto"},
        "showValue": "never",
        "tooltip": {"mode": "single", "yHistogram": False},
        "yAxis": {"axisPlacement": "left", "reverse": False, "unit": "s"},
    },
}
