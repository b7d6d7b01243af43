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

{{/* Each proxy of Kubernetes' kinds adds the address that it was asked from. */}}
{{- define "runtail.proxyHops" -}}
{{- if kindIs "invalid" .Values.access.proxyHops -}}
{{- add (ternary 1 0 .Values.gateway.enabled) (ternary 1 0 (or .Values.ingress.enabled .Values.httpRoute.enabled)) -}}
{{- else -}}
{{- int .Values.access.proxyHops -}}
{{- end -}}
{{- end }}

{{- define "runtail.settingsData" -}}
RUNTAIL_ADMIN_HOST: {{ .Values.bind | quote }}
RUNTAIL_ALLOWED_HOSTS: {{ include "runtail.allowedHosts" . | quote }}
{{- with .Values.access.origins }}
RUNTAIL_ALLOWED_ORIGINS: {{ join "," . | quote }}
{{- end }}
{{- with .Values.access.publicUrl }}
RUNTAIL_PUBLIC_URL: {{ . | quote }}
{{- end }}
{{- with .Values.access.basePath }}
RUNTAIL_BASE_PATH: {{ . | quote }}
{{- end }}
RUNTAIL_PROXY_HOPS: {{ include "runtail.proxyHops" . | quote }}
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

{{/* What restarts pods when it changes: the settings, but for those that only other components read. Long tasks are
     interrupted by a restart. Arguments: root, component. */}}
{{- define "runtail.checksums" -}}
{{- $others := get (dict
  "web" "^RUNTAIL_(WORKER_|SOCKET_(HOST|PORT|ADMIN_PORT|ASYNC_MODE)$)"
  "relay" "^RUNTAIL_(WORKER_|WEB_|SOCKET_URL$|PORT_FORWARD_COMMAND$)"
  "worker" "^RUNTAIL_(WEB_|SOCKET_|AUTH_|PORT_FORWARD_COMMAND$|ALLOWED_ORIGINS$|PUBLIC_URL$|BASE_PATH$|PROXY_HOPS$)") .component -}}
{{- $read := dict -}}
{{- range $name, $value := include "runtail.settingsData" .root | fromYaml -}}
{{- if not (regexMatch $others $name) -}}
{{- $_ := set $read $name $value -}}
{{- end -}}
{{- end -}}
checksum/settings: {{ toJson $read | sha256sum }}
{{- end }}

{{/* `extra.env` of what is none of Runtail's programs: settings written there would only restart it.
     Arguments: root, env. */}}
{{- define "runtail.foreignEnv" -}}
{{- range .env -}}
{{- if not (hasPrefix "RUNTAIL_" .name) }}
{{ toYaml (list .) }}
{{- end -}}
{{- end -}}
{{- end }}
