"""All judges of what the chart makes."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.chart import contents, graph, pods
from tests.support.chart import Object

Judge = Callable[[list[Object]], Iterator[str]]

JUDGES: tuple[Judge, ...] = (
    graph.services_reach_one_workload,
    graph.selectors_are_stable_and_apart,
    graph.what_selects_finds_something,
    graph.monitors_see_every_component,
    graph.what_is_named_exists,
    pods.probes_ask_what_they_may,
    pods.pods_are_restricted,
    pods.resources_are_bounded,
    pods.init_stays_the_first_process,
    pods.disruptions_leave_pods,
    pods.graces_are_long_enough,
    pods.what_changes_restarts,
    contents.passwords_are_in_secrets_only,
    pods.autoscalers_are_alone,
    contents.gateway_hands_on_what_services_compare,
    graph.names_are_valid,
    pods.images_are_exact,
    contents.policies_let_dns_through,
    contents.store_forgets_nothing,
    contents.rights_are_the_tests_only,
)
