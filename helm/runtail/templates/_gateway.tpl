{{- define "runtail.gatewayConfig" -}}
nginx.conf: |
  {{- tpl (.Files.Get "files/gateway/nginx.conf") . | nindent 2 }}
headers.conf: |
  {{- .Files.Get "files/gateway/headers.conf" | nindent 2 }}
start.sh: |
  {{- .Files.Get "files/gateway/start.sh" | nindent 2 }}
{{- end }}
