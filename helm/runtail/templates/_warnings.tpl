{{/* What works, and may hurt later. One a line. */}}
{{- define "runtail.warnings" -}}
{{- $found := list -}}
{{- $monitoring := .Values.monitoring -}}
{{- if and (eq .Values.store.mode "bundled") (not .Values.store.persistence.enabled) -}}
{{- $found = append $found "store.persistence.enabled=false: all runs and logs are lost with the store's pod." -}}
{{- end -}}
{{- $volume := .Values.store.persistence -}}
{{- if and (eq .Values.store.mode "bundled") (not $volume.existingClaim) (lt (include "runtail.bytes" $volume.size | float64) (mulf (include "runtail.bytes" .Values.store.maxmemory | float64) 3)) -}}
{{- $found = append $found (printf "store.persistence.size=%v is less than three times store.maxmemory=%v: the store's file can fill the volume while it is rewritten, and the store then takes no output." $volume.size .Values.store.maxmemory) -}}
{{- end -}}
{{- if and (eq .Values.relay.autoscaling.type "none") (lt (int .Values.relay.replicas) 2) -}}
{{- $found = append $found (printf "relay.replicas=%d: pages stop while it is replaced." (int .Values.relay.replicas)) -}}
{{- end -}}
{{- if eq .Values.store.mode "bundled" -}}
{{- $memory := include "runtail.bytes" .Values.store.maxmemory | float64 -}}
{{- $budget := divf $memory 2 -}}
{{- if hasKey .Values.settings "RUNTAIL_BUDGET_BYTES" -}}
{{- $budget = include "runtail.setting" (dict "root" $ "name" "RUNTAIL_BUDGET_BYTES") | float64 -}}
{{- end -}}
{{- $slots := 0 -}}
{{- if .Values.worker.enabled -}}
{{- range $pool := keys .Values.worker.pools -}}
{{- $it := include "runtail.pool" (dict "root" $ "pool" $pool) | fromYaml -}}
{{- $pods := eq $it.autoscaling.type "none" | ternary $it.replicas $it.autoscaling.maxReplicas -}}
{{- $slots = add $slots (mul $pods $it.concurrency) -}}
{{- end -}}
{{- end -}}
{{- $quota := include "runtail.setting" (dict "root" $ "name" "RUNTAIL_QUOTA_BYTES") -}}
{{- if gt (addf $budget (mulf $slots $quota)) (mulf $memory 0.85) -}}
{{- $found = append $found (printf "store.maxmemory=%v is little for %d tasks at once and their logs: above 85 %% no output is stored until there is room." .Values.store.maxmemory (int $slots)) -}}
{{- end -}}
{{- end -}}
{{- if and (or $monitoring.podMonitor.enabled $monitoring.serviceMonitor.enabled $monitoring.rules.enabled) (not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
{{- $found = append $found "monitoring: this cluster does not know monitoring.coreos.com/v1; install the Prometheus operator first." -}}
{{- end -}}
{{- $keda := or (eq .Values.web.autoscaling.type "keda") (eq .Values.relay.autoscaling.type "keda") -}}
{{- if and $keda (not (.Capabilities.APIVersions.Has "keda.sh/v1alpha1")) -}}
{{- $found = append $found "autoscaling: this cluster does not know keda.sh/v1alpha1; install KEDA first." -}}
{{- end -}}
{{- range $found }}
   {{ . }}
{{- end -}}
{{- end }}
