{{/* Names of objects. Services end in a word that no setting has: the variables that Kubernetes makes of them
     (RUNTAIL_WEB_PORT=tcp://...) must not look like settings of Runtail's. */}}

{{- define "runtail.chartName" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "runtail.fullname" -}}
{{- $name := include "runtail.chartName" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{/* Where one asks for the page: the gateway's Service, or web's without a gateway. */}}
{{- define "runtail.doorName" -}}
{{- include "runtail.fullname" . }}{{ .Values.gateway.enabled | ternary "" "-web-http" -}}
{{- end }}

{{- define "runtail.doorPort" -}}
{{- .Values.gateway.enabled | ternary .Values.gateway.service.port 8000 -}}
{{- end }}

{{- define "runtail.doorUrl" -}}
{{- printf "http://%s:%v%s" (include "runtail.doorName" .) (include "runtail.doorPort" .) .Values.access.basePath -}}
{{- end }}

{{- define "runtail.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "runtail.fullname" .) -}}
{{- else -}}
{{- .Values.serviceAccount.name | default "default" -}}
{{- end -}}
{{- end }}

{{/* The Secret with the passwords of the bundled store. */}}
{{- define "runtail.passwordSecretName" -}}
{{- .Values.store.auth.existingSecret | default (printf "%s-store" (include "runtail.fullname" .)) -}}
{{- end }}

{{/* The Secret with the keys of sealed parameters; empty: there are none. */}}
{{- define "runtail.sealSecretName" -}}
{{- if .Values.sealing.enabled -}}
{{- .Values.sealing.existingSecret | default (ternary (printf "%s-seal" (include "runtail.fullname" .)) "" (eq (include "runtail.makesPasswords" .) "true")) -}}
{{- end -}}
{{- end }}

{{/* "true" if the chart makes that Secret. */}}
{{- define "runtail.makesPasswords" -}}
{{- if and (eq .Values.store.mode "bundled") (not .Values.store.auth.existingSecret) }}true{{ end -}}
{{- end }}
