{{/* The labels that dashboards and alerts select by. */}}
{{- define "runtail.relabelings" -}}
- sourceLabels: [__meta_kubernetes_pod_label_app_kubernetes_io_instance]
  targetLabel: release
- sourceLabels: [__meta_kubernetes_pod_label_app_kubernetes_io_component]
  targetLabel: component
- sourceLabels: [__meta_kubernetes_pod_label_runtail_io_pool]
  targetLabel: pool
{{- end }}
