{{/* A headless Service: the pods themselves, for what scrapes or kills them one by one. Arguments: root, component,
     name, admin (port), pool. */}}
{{- define "runtail.podsService" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "runtail.metadata" (merge (dict "labels" (dict "runtail.io/scrape" "true")) .) | nindent 2 }}
spec:
  {{- with .root.Values.ipFamilyPolicy }}
  ipFamilyPolicy: {{ . }}
  {{- end }}
  clusterIP: None
  selector:
    {{- include "runtail.selectorLabels" . | nindent 4 }}
  ports:
    - name: admin
      port: {{ .admin }}
      targetPort: {{ .target | default "admin" }}
{{- end }}
