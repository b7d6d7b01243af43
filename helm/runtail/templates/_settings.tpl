{{/* Runtail's settings as pods get them. Numbers as they are written: `quote` makes 1.073741824e+09 of 1073741824. */}}

{{- define "runtail.allowedHosts" -}}
{{- $hosts := list "localhost" "127.0.0.1" "[::1]" -}}
{{- $full := include "runtail.fullname" . -}}
{{- range list $full (printf "%s-web-http" $full) (printf "%s-relay-ws" $full) -}}
{{- $hosts = concat $hosts (list . (printf "%s.%s" . $.Release.Namespace) (printf "%s.%s.svc" . $.Release.Namespace)) -}}
{{- end -}}
{{- if .Values.ingress.enabled -}}
{{- $hosts = concat $hosts .Values.ingress.hosts -}}
{{- end -}}
{{- if .Values.httpRoute.enabled -}}
{{- $hosts = concat $hosts .Values.httpRoute.hostnames -}}
{{- end -}}
{{- concat $hosts .Values.access.hosts | uniq | join "," -}}
{{- end }}

{{- define "runtail.settingsData" -}}
RUNTAIL_ADMIN_HOST: {{ .Values.bind | quote }}
RUNTAIL_ALLOWED_HOSTS: {{ include "runtail.allowedHosts" . | quote }}
{{- with .Values.access.origins }}
RUNTAIL_ALLOWED_ORIGINS: {{ join "," . | quote }}
{{- end }}
{{- if .Values.gateway.enabled }}
RUNTAIL_PORT_FORWARD_COMMAND: {{ printf "kubectl -n %s port-forward service/%s {port}:%v" .Release.Namespace (include "runtail.fullname" .) .Values.gateway.service.port | quote }}
{{- end }}
{{- if and (eq .Values.store.mode "bundled") (not (hasKey .Values.settings "RUNTAIL_BUDGET_BYTES")) }}
RUNTAIL_BUDGET_BYTES: {{ div (include "runtail.bytes" .Values.store.maxmemory | int64) 2 | toString | quote }}
{{- end }}
{{- range $name, $value := .Values.settings }}
{{ $name }}: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
{{- end }}
{{- end }}

{{/* What restarts pods when it changes. */}}
{{- define "runtail.checksums" -}}
checksum/settings: {{ include "runtail.settingsData" . | sha256sum }}
{{- end }}
