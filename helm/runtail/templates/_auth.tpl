{{/* How people and programs log in. Web gets all of it; the relay what it judges by: grants and tokens. */}}

{{- define "runtail.hasLogin" -}}
{{- if ne .Values.auth.mode "none" }}true{{ end -}}
{{- end }}

{{- define "runtail.takesPasswords" -}}
{{- if has "password" (splitList "," .Values.auth.mode) }}true{{ end -}}
{{- end }}

{{- define "runtail.asksProxy" -}}
{{- if has "proxy" (splitList "," .Values.auth.mode) }}true{{ end -}}
{{- end }}

{{/* "true" if the chart makes the password of `admin`. */}}
{{- define "runtail.makesAdminPassword" -}}
{{- $password := .Values.auth.password -}}
{{- if and (include "runtail.takesPasswords" .) (not $password.users) (not $password.existingSecret) }}true{{ end -}}
{{- end }}

{{/* "true" if the chart makes the token of `helm test` and canary. */}}
{{- define "runtail.makesToken" -}}
{{- if and (include "runtail.hasLogin" .) (not .Values.auth.tokens.existingSecret) }}true{{ end -}}
{{- end }}

{{/* The Secret with what the chart made for logging in. */}}
{{- define "runtail.loginSecretName" -}}
{{ include "runtail.fullname" . }}-login
{{- end }}

{{/* The Secrets and ConfigMaps that a component reads, by the name of the volume: kind, name, key, file, and the setting
     that names the file. Kubernetes renews them in the pods, and Runtail reads them again. Arguments: root, component. */}}
{{- define "runtail.authFiles" -}}
{{- $auth := .root.Values.auth -}}
{{- $made := include "runtail.loginSecretName" .root -}}
{{- $files := dict -}}
{{- if and (has .component (list "web" "relay")) (include "runtail.hasLogin" .root) -}}
{{- if or $auth.policy $auth.existingPolicy -}}
{{- $name := $auth.existingPolicy | default (printf "%s-policy" (include "runtail.fullname" .root)) -}}
{{- $_ := set $files "policy" (dict "configMap" $name "key" "policy.toml" "setting" "RUNTAIL_AUTH_POLICY_FILE") -}}
{{- end -}}
{{- $key := empty $auth.tokens.existingSecret | ternary "tokens" $auth.tokens.key -}}
{{- $_ := set $files "tokens" (dict "secret" ($auth.tokens.existingSecret | default $made) "key" $key "setting" "RUNTAIL_AUTH_TOKENS_FILE") -}}
{{- if eq .component "web" -}}
{{- /* For `kubectl exec ... runtail`. Whoever runs a command in this pod can make tokens of any kind. */ -}}
{{- $key := empty $auth.tokens.existingSecret | ternary "token" $auth.tokens.checkKey -}}
{{- $_ := set $files "token" (dict "secret" ($auth.tokens.existingSecret | default $made) "key" $key "setting" "RUNTAIL_TOKEN_FILE" "optional" true) -}}
{{- end -}}
{{- if and (eq .component "web") (include "runtail.takesPasswords" .root) -}}
{{- if $auth.password.users -}}
{{- $_ := set $files "users" (dict "secret" $auth.password.users "key" $auth.password.usersKey "setting" "RUNTAIL_AUTH_USERS_FILE") -}}
{{- else -}}
{{- $key := empty $auth.password.existingSecret | ternary "password" $auth.password.key -}}
{{- $_ := set $files "password" (dict "secret" ($auth.password.existingSecret | default $made) "key" $key "setting" "RUNTAIL_AUTH_ADMIN_PASSWORD_FILE") -}}
{{- end -}}
{{- end -}}
{{- if include "runtail.asksProxy" .root -}}
{{- $_ := set $files "proxy" (dict "secret" $auth.proxy.existingSecret "key" $auth.proxy.key "setting" "RUNTAIL_AUTH_PROXY_SECRET_FILE") -}}
{{- end -}}
{{- end -}}
{{- if eq .component "web" -}}
{{- $files = merge $files (include "runtail.oidcFiles" .root | fromJson) -}}
{{- end -}}
{{- toJson $files -}}
{{- end }}

{{/* The settings of web and relay, which are no secrets. Arguments: root, component. */}}
{{- define "runtail.authVariables" -}}
{{- $found := dict "RUNTAIL_AUTH_MODE" .root.Values.auth.mode -}}
{{- if not (include "runtail.hasLogin" .root) -}}
{{- /* A pod listens for the whole cluster; what would let in more than that is refused. */ -}}
{{- $_ := set $found "RUNTAIL_AUTH_NONE_ANYWHERE" "on" -}}
{{- end -}}
{{- if eq .component "web" -}}
{{- $found = merge $found (include "runtail.oidcVariables" .root | fromJson) -}}
{{- end -}}
{{- if include "runtail.asksProxy" .root -}}
{{- $proxy := .root.Values.auth.proxy -}}
{{- $_ := set $found "RUNTAIL_AUTH_PROXY_CIDRS" (join "," $proxy.cidrs) -}}
{{- $_ := set $found "RUNTAIL_AUTH_PROXY_USER_HEADER" $proxy.userHeader -}}
{{- $_ := set $found "RUNTAIL_AUTH_PROXY_GROUPS_HEADER" $proxy.groupsHeader -}}
{{- $_ := set $found "RUNTAIL_AUTH_PROXY_NAME_HEADER" $proxy.nameHeader -}}
{{- $_ := set $found "RUNTAIL_AUTH_PROXY_LOGOUT_URL" $proxy.logoutUrl -}}
{{- $_ := set $found "RUNTAIL_AUTH_PROXY_STREAM_SECONDS" (toString $proxy.streamSeconds) -}}
{{- end -}}
{{- range $name, $file := include "runtail.authFiles" . | fromJson -}}
{{- $_ := set $found $file.setting (printf "/etc/runtail/login/%[1]s/%[1]s" $name) -}}
{{- end -}}
{{- toJson $found -}}
{{- end }}

{{- define "runtail.authMounts" -}}
{{- range $name, $_ := include "runtail.authFiles" . | fromJson }}
- name: login-{{ $name }}
  mountPath: /etc/runtail/login/{{ $name }}
  readOnly: true
{{- end -}}
{{- end }}

{{- define "runtail.authVolumes" -}}
{{- range $name, $file := include "runtail.authFiles" . | fromJson }}
- name: login-{{ $name }}
  {{- if $file.configMap }}
  configMap:
    name: {{ $file.configMap }}
  {{- else }}
  secret:
    secretName: {{ $file.secret }}
    {{- if $file.optional }}
    optional: true
    {{- end }}
  {{- end }}
    items:
      - key: {{ $file.key }}
        path: {{ $name }}
{{- end -}}
{{- end }}

{{/* The token of `helm test` and canary, as an environment variable. */}}
{{- define "runtail.checkToken" -}}
{{- if include "runtail.hasLogin" . -}}
- name: RUNTAIL_TOKEN
  valueFrom:
    secretKeyRef:
      name: {{ .Values.auth.tokens.existingSecret | default (include "runtail.loginSecretName" .) }}
      key: {{ empty .Values.auth.tokens.existingSecret | ternary "token" .Values.auth.tokens.checkKey }}
{{- end -}}
{{- end }}
