{{/* Pools of workers. */}}

{{/* A pool's values: its own over the defaults over those of `pod`. Arguments: root, pool. */}}
{{- define "runtail.pool" -}}
{{- $own := get .root.Values.worker.pools .pool | default dict -}}
{{- $it := mergeOverwrite (deepCopy .root.Values.pod) (deepCopy .root.Values.worker.defaults) (deepCopy $own) -}}
{{- /* The digest of the defaults is another image's than the one that a pool names. */}}
{{- $image := $own.image | default dict -}}
{{- if and (or $image.repository $image.tag) (not $image.digest) -}}
{{- $_ := set $it.image "digest" "" -}}
{{- end -}}
{{- toYaml $it -}}
{{- end }}

{{/* What a pool's container runs. Arguments: pool, it. */}}
{{- define "runtail.workerCommand" -}}
{{- $words := list "runtail" "worker" "--" "celery" "--app" .it.app "worker"
  "--hostname" (printf "%s@%%h" .pool) "--without-gossip" "--without-mingle" "--without-heartbeat"
  "--pool" .it.pool "--concurrency" (int .it.concurrency | toString) "--loglevel" .it.logLevel -}}
{{- with .it.queues -}}
{{- $words = concat $words (list "--queues" (join "," .)) -}}
{{- end -}}
{{- toYaml (concat $words .it.extraArgs) -}}
{{- end }}

{{/* The queues of a pool, as a regular expression of PromQL. Arguments: root, it. */}}
{{- define "runtail.queuePattern" -}}
{{- range $at, $queue := .it.queues | default (list "celery") -}}
{{- if $at }}|{{ end }}{{ regexQuoteMeta $queue -}}
{{- end -}}
{{- end }}

{{/* "true" if a pool runs the reference app, which has the task `runtail.check`. */}}
{{- define "runtail.checks" -}}
{{- if .Values.worker.enabled -}}
{{- $found := false -}}
{{- range $pool := keys .Values.worker.pools -}}
{{- $it := include "runtail.pool" (dict "root" $ "pool" $pool) | fromYaml -}}
{{- if and (eq $it.app "runtail_worker.app") (not $it.command) -}}
{{- $found = true -}}
{{- end -}}
{{- end -}}
{{- if $found }}true{{ end -}}
{{- end -}}
{{- end }}
