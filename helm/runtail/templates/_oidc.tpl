{{/* Logging in at an OpenID provider: web alone asks it, and alone has the client's secret. */}}

{{- define "runtail.hasOidc" -}}
{{- if has "oidc" (splitList "," .Values.auth.mode) }}true{{ end -}}
{{- end }}

{{/* As runtail.authFiles. */}}
{{- define "runtail.oidcFiles" -}}
{{- $oidc := .Values.auth.oidc -}}
{{- $files := dict -}}
{{- if include "runtail.hasOidc" . -}}
{{- $_ := set $files "oidc-secret" (dict "secret" $oidc.existingSecret "key" $oidc.key "setting" "RUNTAIL_AUTH_OIDC_CLIENT_SECRET_FILE") -}}
{{- if $oidc.caSecret -}}
{{- $_ := set $files "oidc-ca" (dict "secret" $oidc.caSecret "key" $oidc.caKey "setting" "RUNTAIL_AUTH_OIDC_CA_FILE") -}}
{{- end -}}
{{- end -}}
{{- toJson $files -}}
{{- end }}

{{/* The settings of web, which are no secrets. */}}
{{- define "runtail.oidcVariables" -}}
{{- $found := dict -}}
{{- if include "runtail.hasOidc" . -}}
{{- $oidc := .Values.auth.oidc -}}
{{- $found = dict
  "RUNTAIL_AUTH_OIDC_ISSUER" $oidc.issuer
  "RUNTAIL_AUTH_OIDC_CLIENT_ID" $oidc.clientId
  "RUNTAIL_AUTH_OIDC_SCOPES" $oidc.scopes
  "RUNTAIL_AUTH_OIDC_GROUPS_CLAIM" $oidc.groupsClaim
  "RUNTAIL_AUTH_OIDC_NAME_CLAIM" $oidc.nameClaim
  "RUNTAIL_AUTH_OIDC_DISPLAY_NAME" $oidc.displayName
  "RUNTAIL_AUTH_OIDC_REFRESH_SECONDS" ($oidc.refreshSeconds | toString)
  "RUNTAIL_AUTH_OIDC_LOGOUT" ($oidc.logout | ternary "on" "off")
-}}
{{- end -}}
{{- toJson $found -}}
{{- end }}

{{- define "runtail.guardsOfOidc" -}}
{{- $oidc := .Values.auth.oidc -}}
{{- if include "runtail.hasOidc" . -}}
{{- range $name := list "issuer" "clientId" "existingSecret" -}}
{{- if not (index $oidc $name) -}}
{{- fail (printf "auth.mode=%s logs people in at a provider, and auth.oidc.%s is not set: set it." $.Values.auth.mode $name) -}}
{{- end -}}
{{- end -}}
{{- if not (hasPrefix "https://" $oidc.issuer) -}}
{{- fail (printf "auth.oidc.issuer=%s does not begin with https://: whoever is on the way could log in as anybody. Take the provider's address with https." $oidc.issuer) -}}
{{- end -}}
{{- if not .Values.access.publicUrl -}}
{{- fail (printf "auth.mode=%s needs access.publicUrl, the address to which the provider sends browsers back: set it." .Values.auth.mode) -}}
{{- end -}}
{{- else if or $oidc.issuer $oidc.clientId $oidc.existingSecret -}}
{{- fail (printf "auth.oidc is set, and with auth.mode=%s nobody logs in there: set auth.mode to oidc, or leave it out." .Values.auth.mode) -}}
{{- end -}}
{{- end }}

{{/* From web to the provider: its address is a name, which policies do not know, so only the port counts. */}}
{{- define "runtail.oidcEgress" -}}
{{- if include "runtail.hasOidc" . -}}
{{- $port := regexFind "[0-9]+$" (urlParse .Values.auth.oidc.issuer).host | default "443" -}}
- ports:
    {{- range .Values.auth.oidc.ports | default (list $port) }}
    - port: {{ . }}
    {{- end }}
{{- end -}}
{{- end }}
