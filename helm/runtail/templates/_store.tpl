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

{{/* Text that a pattern of an access list matches letter by letter. */}}
{{- define "runtail.aclLiteral" -}}
{{- regexReplaceAll "[\\\\*?\\[\\]]" . "\\${0}" -}}
{{- end }}

{{/* The queues of all workers, as JSON. */}}
{{- define "runtail.storeQueues" -}}
{{- $queues := list "celery" "runtail-check" -}}
{{- if .Values.worker.enabled -}}
{{- range $pool := .Values.worker.pools -}}
{{- $queues = concat $queues ((mergeOverwrite (deepCopy $.Values.worker.defaults) (deepCopy ($pool | default dict))).queues | default list) -}}
{{- end -}}
{{- end -}}
{{- concat $queues .Values.store.auth.queues | uniq | toJson -}}
{{- end }}

{{/* The lines of the store's access list: those of files/store/users.acl, filled in as `runtail acl` does. */}}
{{- define "runtail.storeUsers" -}}
{{- if not (hasSuffix ":" (include "runtail.keyPrefix" .)) -}}
{{- fail "settings.RUNTAIL_KEY_PREFIX must end in ':': in the store's access list its pattern would match the keys of sessions and tokens, too." -}}
{{- end -}}
{{- $runs := include "runtail.aclLiteral" (include "runtail.keyPrefix" .) -}}
{{- $auth := printf "%s-auth:" (trimSuffix ":" $runs) -}}
{{- $own := list "_kombu.*" "unacked*" "*.celery.pidbox*" -}}
{{- range $queue := include "runtail.storeQueues" . | fromJsonArray -}}
{{- if hasPrefix $queue (printf "%s-auth:" (trimSuffix ":" (include "runtail.keyPrefix" $))) -}}
{{- fail (printf "A queue named %q cannot be in the store's access list: its pattern would match the keys of sessions and tokens, too." $queue) -}}
{{- end -}}
{{- if regexMatch "\\s|\\$|`" $queue -}}
{{- fail (printf "A queue named %q cannot be in the store's access list: it has a space, $ or a backquote." $queue) -}}
{{- end -}}
{{- $own = append $own (printf "%s*" (include "runtail.aclLiteral" $queue)) -}}
{{- end -}}
{{- $kept := list "celery-task-meta-*" "celery-taskset-meta-*" -}}
{{- $words := dict
  "RUNS" (printf "~%s*" $runs) "READ_RUNS" (printf "%%R~%s*" $runs) "CHANNELS" (printf "&%s*" $runs)
  "TICKETS" (printf "(+getdel ~%sticket:*)" $auth)
  "EARLIER_RELAYS" (printf "(+evalsha ~%s*)" $runs) "EARLIER_WEB" "~"
  "AUTH" (printf "~%s*" $auth) "READ_AUTH" (printf "%%R~%s*" $auth) "AUTH_CHANNELS" (printf "&%s*" $auth)
  "QUEUES" (printf "~%s" (join " ~" $own)) "READ_QUEUES" (printf "%%R~%s" (join " %R~" $own))
  "EVENTS" "&/0.celeryev/* &/0.celeryev/worker.* &/0.celery.pidbox &/0.reply.celery.pidbox &/0.celery.pidbox/*"
  "RESULTS" (printf "~%s &%s" (join " ~" $kept) (join " &" $kept)) -}}
{{- range $line := .Files.Get "files/store/users.acl" | splitList "\n" -}}
{{- if hasPrefix "user " $line -}}
{{- range $name, $patterns := $words -}}
{{- $line = regexReplaceAllLiteral (printf "\\b%s\\b" $name) $line $patterns -}}
{{- end }}
{{ $line -}}
{{- end -}}
{{- end -}}
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
