{{/* How pods reach the store. */}}

{{/* The URLs of store and broker. Arguments: root, user. */}}
{{- define "runtail.storeEnvironment" -}}
{{- $store := .root.Values.store -}}
{{- if eq $store.mode "external" -}}
- name: RUNTAIL_STORE_URL
  valueFrom:
    secretKeyRef:
      name: {{ $store.external.existingSecret }}
      key: {{ $store.external.storeUrlKey }}
- name: RUNTAIL_BROKER_URL
  valueFrom:
    secretKeyRef:
      name: {{ $store.external.existingSecret }}
      key: {{ $store.external.brokerUrlKey | default $store.external.storeUrlKey }}
{{- else -}}
# Named like a password, so that its value is masked wherever a task should print it.
- name: STORE_PASSWORD
  valueFrom:
    secretKeyRef:
      name: {{ include "runtail.passwordSecretName" .root }}
      key: {{ .user }}
- name: RUNTAIL_STORE_URL
  value: {{ include "runtail.storeUrl" (dict "root" .root "user" .user "password" "$(STORE_PASSWORD)") }}
- name: RUNTAIL_BROKER_URL
  value: {{ include "runtail.storeUrl" (dict "root" .root "user" .user "password" "$(STORE_PASSWORD)") }}
{{- end -}}
{{- end }}

{{- define "runtail.storeUrl" -}}
redis://{{ .user }}:{{ .password }}@{{ include "runtail.fullname" .root }}-store:6379/0
{{- end }}

{{/* Where the files of TLS are found; the URL names them: ?ssl_ca_certs=/etc/runtail/store-ca/ca.crt */}}
{{- define "runtail.storeMounts" -}}
{{- $tls := .root.Values.store.tls -}}
{{- if and .user (eq .root.Values.store.mode "external") -}}
{{- if $tls.caSecret -}}
- name: store-ca
  mountPath: /etc/runtail/store-ca
  readOnly: true
{{ end -}}
{{- if $tls.clientSecret -}}
- name: store-client
  mountPath: /etc/runtail/store-client
  readOnly: true
{{ end -}}
{{- end -}}
{{- end }}

{{- define "runtail.storeVolumes" -}}
{{- $tls := .root.Values.store.tls -}}
{{- if and .user (eq .root.Values.store.mode "external") -}}
{{- if $tls.caSecret -}}
- name: store-ca
  secret:
    secretName: {{ $tls.caSecret }}
    items:
      - key: {{ $tls.caKey }}
        path: ca.crt
{{ end -}}
{{- if $tls.clientSecret -}}
- name: store-client
  secret:
    secretName: {{ $tls.clientSecret }}
{{ end -}}
{{- end -}}
{{- end }}

{{- define "runtail.keyPrefix" -}}
{{- .Values.settings.RUNTAIL_KEY_PREFIX | default "runtail:" -}}
{{- end }}

{{- define "runtail.storeConfig" -}}
valkey.conf: |
  {{- tpl (.Files.Get "files/store/valkey.conf") . | nindent 2 }}
start.sh: |
  {{- tpl (.Files.Get "files/store/start.sh") . | nindent 2 }}
{{- end }}

{{/* What is asked for as the store's volume. */}}
{{- define "runtail.storeClaim" -}}
{{- $volume := .Values.store.persistence -}}
accessModes:
  {{- toYaml $volume.accessModes | nindent 2 }}
{{- with $volume.storageClass }}
storageClassName: {{ eq . "-" | ternary "" . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ $volume.size | quote }}
{{- end }}
