{{/* Labels. Arguments: root, component, and pool for workers. */}}

{{/* What never changes, for selectors and claim templates. */}}
{{- define "runtail.selectorLabels" -}}
app.kubernetes.io/name: {{ include "runtail.chartName" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- with .pool }}
runtail.io/pool: {{ . | quote }}
{{- end }}
{{- end }}

{{- define "runtail.labels" -}}
{{- with .root.Values.global.commonLabels }}
{{ toYaml . }}
{{- end }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- if .component }}
{{ include "runtail.selectorLabels" . }}
{{- else }}
app.kubernetes.io/name: {{ include "runtail.chartName" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
{{- end }}

{{/* Metadata of an object: name, namespace, labels, annotations. Further arguments: name (appended to the fullname),
     labels, annotations, namespace. */}}
{{- define "runtail.metadata" -}}
name: {{ include "runtail.fullname" .root }}{{ with .name }}-{{ . }}{{ end }}
namespace: {{ .namespace | default .root.Release.Namespace }}
labels:
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- include "runtail.labels" . | trim | nindent 2 }}
{{- with merge (dict) (.annotations | default dict) .root.Values.global.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
