# The chart on a real cluster, where the tool that makes one stands beside the repository. Sourced by .ci/run.
#
# What fails for reasons of the machine is told as "e2e not run: why", and is a failure with RUNTAIL_E2E=required only.
# A failing test is a failure always, and is not tried again.

e2e_tool=../shared/cluster/cluster
e2e_name=runtail-ci
e2e_log=build/e2e/log
# Of what follows the other tests, and when (in seconds since the start) all must be over.
E2E_SECONDS="${E2E_SECONDS:-1500}"
E2E_OVER="${E2E_OVER:-3300}"
# Less than this is not enough to begin: compile, images, tests.
E2E_LEAST=480
e2e_preparing=
e2e_scenarios="test_install or (test_login and not by-itself) or test_healthy or test_broken[host] or test_broken[no-worker] or test_relay_killed or test_worker_pod_deleted"

e2e_not_run() { # WHY
  echo "e2e not run: $1"
  [ ! -s "$e2e_log" ] || tail -n 15 "$e2e_log" | cut -c1-300
  [ "${RUNTAIL_E2E:-}" != required ]
}

# Compiles what the cluster runs, below everything else. What is compiled stays, however early it is ended.
e2e_prepare() {
  [ -x "$e2e_tool" ] && [ "$(id -u)" -eq 0 ] && command -v go >/dev/null || return 0
  mkdir -p "${e2e_log%/*}"
  setsid nice -n 19 "$e2e_tool" --name "$e2e_name" up >"$e2e_log" 2>&1 &
  e2e_preparing=$!
}

# Ends the compilation, and the cluster if it came up already: tests that measure follow.
e2e_pause() {
  [ -n "$e2e_preparing" ] || return 0
  kill -TERM -- "-$e2e_preparing" 2>/dev/null || true
  wait "$e2e_preparing" 2>/dev/null || true
  e2e_preparing=
  e2e_down
}

e2e_down() {
  [ ! -x "$e2e_tool" ] || timeout -k 10 120 "$e2e_tool" --name "$e2e_name" down >/dev/null 2>&1 || true
}

e2e_left() {
  local left=$((E2E_OVER - SECONDS))
  echo $((left < e2e_end - SECONDS ? left : e2e_end - SECONDS))
}

# Runs a step in what time is left.
e2e_step() { # COMMAND...
  local left
  left=$(e2e_left)
  [ "$left" -gt 0 ] || return 124
  timeout -k 30 "$left" nice -n 5 "$@" >"$e2e_log" 2>&1
}

e2e_run() {
  [ -x "$e2e_tool" ] || { e2e_not_run "there is no $e2e_tool"; return; }
  [ "$(id -u)" -eq 0 ] || { e2e_not_run "a cluster needs root"; return; }
  command -v go >/dev/null || { e2e_not_run "the cluster is compiled with Go, and there is none"; return; }
  mkdir -p "${e2e_log%/*}"
  e2e_end=$((SECONDS + E2E_SECONDS))
  local began=$SECONDS status=0
  [ "$(e2e_left)" -ge "$E2E_LEAST" ] || { e2e_not_run "only $(e2e_left) seconds are left"; return; }

  e2e_step "$e2e_tool" --name "$e2e_name" up || e2e_step "$e2e_tool" --name "$e2e_name" up ||
    { e2e_not_run "the cluster did not come up in two tries"; return; }
  echo "The cluster is up after $((SECONDS - began)) s"
  export RUNTAIL_CLUSTER_NAME="$e2e_name" RUNTAIL_CLUSTER_TOOL="$(realpath "$e2e_tool")"
  e2e_step "$e2e_tool" base python:3.13-slim || { e2e_not_run "the base image could not be made"; return; }
  eval "$("$e2e_tool" env)"
  e2e_step make images BASE=python:3.13-slim TAG=ci LOAD=cluster ||
    { e2e_not_run "the images could not be built"; return; }
  echo "The images are there after $((SECONDS - began)) s"
  [ -x "$(command -v helm)" ] || e2e_step "$e2e_tool" helm version || { e2e_not_run "Helm could not be built"; return; }

  local left
  left=$(e2e_left)
  [ "$left" -ge 240 ] || { e2e_not_run "only $left seconds are left for the tests"; return; }
  timeout -k 30 "$left" make e2e E="$e2e_scenarios" || status=$?
  echo "End to end: $((SECONDS - began)) s"
  # make ends with 2 for every failure, timeout with 124.
  [ "$status" -ne 124 ] || { : >"$e2e_log"; e2e_not_run "the tests took longer than $left seconds"; return; }
  return "$status"
}
