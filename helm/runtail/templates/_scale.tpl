{{/* How many pods. Arguments: root, component, pool, name (of the workload, after the fullname), it. */}}

{{/* An autoscaled Deployment keeps the number that it has: no number at all would mean 1 when the autoscaler is
     switched on, and a fixed one would be undone at each upgrade. */}}
{{- define "runtail.replicas" -}}
{{- $scaled := .it.autoscaling | default dict -}}
{{- if eq ($scaled.type | default "none") "none" -}}
replicas: {{ int .it.replicas }}
{{- else -}}
{{- $name := printf "%s-%s" (include "runtail.fullname" .root) .name -}}
{{- with lookup "apps/v1" "Deployment" .root.Release.Namespace $name -}}
replicas: {{ int .spec.replicas }}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "runtail.pdb" -}}
{{- if .it.pdb.enabled }}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "runtail.metadata" . | nindent 2 }}
spec:
  maxUnavailable: {{ .it.pdb.maxUnavailable }}
  {{- with .it.pdb.unhealthyPodEvictionPolicy }}
  unhealthyPodEvictionPolicy: {{ . }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "runtail.selectorLabels" . | nindent 6 }}
{{- end }}
{{- end }}

{{- define "runtail.scaleDown" -}}
{{- with .it.autoscaling.scaleDown -}}
scaleDown:
  {{- if eq (toString .enabled) "false" }}
  # Getting fewer would end tasks.
  selectPolicy: Disabled
  {{- else }}
  stabilizationWindowSeconds: {{ int .stabilizationSeconds }}
  policies:
    - type: Pods
      value: {{ int .pods }}
      periodSeconds: {{ int .periodSeconds }}
  {{- end }}
{{- end -}}
{{- end }}

{{/* Further arguments: metrics (of a HorizontalPodAutoscaler). */}}
{{- define "runtail.hpa" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "runtail.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "runtail.fullname" .root }}-{{ .name }}
  minReplicas: {{ int .it.autoscaling.minReplicas }}
  maxReplicas: {{ int .it.autoscaling.maxReplicas }}
  {{- with include "runtail.scaleDown" . }}
  behavior:
    {{- . | nindent 4 }}
  {{- end }}
  metrics:
    {{- toYaml .metrics | nindent 4 }}
{{- end }}

{{/* Further arguments: triggers (of a ScaledObject), fallback. */}}
{{- define "runtail.keda" -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "runtail.metadata" . | nindent 2 }}
spec:
  scaleTargetRef:
    name: {{ include "runtail.fullname" .root }}-{{ .name }}
  minReplicaCount: {{ int .it.autoscaling.minReplicas }}
  maxReplicaCount: {{ int .it.autoscaling.maxReplicas }}
  {{- if .fallback }}
  # Without an answer of Prometheus it stays as it is.
  fallback:
    failureThreshold: 3
    replicas: {{ int .it.autoscaling.minReplicas }}
    behavior: currentReplicas
  {{- end }}
  {{- with include "runtail.scaleDown" . }}
  advanced:
    horizontalPodAutoscalerConfig:
      behavior:
        {{- . | nindent 8 }}
  {{- end }}
  triggers:
    {{- toYaml .triggers | nindent 4 }}
{{- end }}

{{- define "runtail.cpuMetric" -}}
type: Resource
resource:
  name: cpu
  target:
    type: Utilization
    averageUtilization: {{ . }}
{{- end }}

{{- define "runtail.cpuTrigger" -}}
type: cpu
metricType: Utilization
metadata:
  value: {{ . | quote }}
{{- end }}

{{/* Arguments: address, query, threshold. */}}
{{- define "runtail.prometheusTrigger" -}}
type: prometheus
metricType: AverageValue
metadata:
  serverAddress: {{ .address | quote }}
  query: {{ .query | quote }}
  threshold: {{ .threshold | quote }}
  # No value is an error, not a zero: it would take pods away.
  ignoreNullValues: "false"
{{- end }}

{{/* Which series are this release's. */}}
{{- define "runtail.selector" -}}
namespace={{ .Release.Namespace | quote }},release={{ .Release.Name | quote }}
{{- end }}
