{{/* NetworkPolicies: the edges that docs/kubernetes.md lists. Each names who may come in, and where its pods may go. */}}

{{/* Arguments: root, component. */}}
{{- define "runtail.policyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "runtail.metadata" (dict "root" .root "component" .component "name" .component) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "runtail.selectorLabels" . | nindent 6 }}
  policyTypes: [Ingress, Egress]
{{- end }}

{{/* One component as a peer. Arguments: root, component. */}}
{{- define "runtail.peer" -}}
podSelector:
  matchLabels:
    {{- include "runtail.selectorLabels" . | nindent 4 }}
{{- end }}

{{/* From whoever scrapes to one port. Arguments: root, port, and test: "true" if test pods may as well. */}}
{{- define "runtail.metricsIngress" -}}
{{- $from := .root.Values.networkPolicy.metricsFrom -}}
{{- if .test -}}
{{- $from = concat $from (list (include "runtail.peer" (dict "root" .root "component" "test") | fromYaml)) -}}
{{- end -}}
{{- with $from -}}
- from:
    {{- toYaml . | nindent 4 }}
  ports:
    - port: {{ $.port }}
{{- end -}}
{{- end }}

{{/* What stands before web and relay. */}}
{{- define "runtail.doorPeers" -}}
{{- if .Values.gateway.enabled -}}
{{- toYaml (list (include "runtail.peer" (dict "root" . "component" "gateway") | fromYaml)) -}}
{{- else -}}
{{- with .Values.networkPolicy.gatewayFrom -}}
{{- $own := list -}}
{{- range list "test" "canary" -}}
{{- $own = append $own (include "runtail.peer" (dict "root" $ "component" .) | fromYaml) -}}
{{- end -}}
{{- toYaml (concat . $own) -}}
{{- end -}}
{{- end -}}
{{- end }}

{{- define "runtail.dnsEgress" -}}
- to:
    - namespaceSelector:
        matchLabels:
          kubernetes.io/metadata.name: {{ .Values.networkPolicy.dns.namespace }}
      podSelector:
        {{- if .Values.networkPolicy.dns.podLabels }}
        matchLabels:
          {{- toYaml .Values.networkPolicy.dns.podLabels | nindent 10 }}
        {{- else }} {}
        {{- end }}
  ports:
    - port: 53
      protocol: UDP
    - port: 53
      protocol: TCP
{{- end }}

{{/* To the bundled store; to an external one, whose address is in a Secret, anywhere. */}}
{{- define "runtail.storeEgress" -}}
{{- if eq .Values.store.mode "bundled" -}}
- to:
    - {{- include "runtail.peer" (dict "root" . "component" "store") | nindent 6 }}
  ports:
    - port: 6379
{{- else -}}
- {}
{{- end -}}
{{- end }}

{{/* To what serves the page, for test pods and canary. */}}
{{- define "runtail.doorEgress" -}}
{{- if .Values.gateway.enabled -}}
- to:
    - {{- include "runtail.peer" (dict "root" . "component" "gateway") | nindent 6 }}
  ports:
    - port: 8080
{{- else -}}
- to:
    - {{- include "runtail.peer" (dict "root" . "component" "web") | nindent 6 }}
  ports:
    - port: 8000
- to:
    - {{- include "runtail.peer" (dict "root" . "component" "relay") | nindent 6 }}
  ports:
    - port: 8010
{{- end -}}
{{- end }}
