{{/* A quantity of Kubernetes ("512Mi", "1G", 1073741824) in bytes, rounded down. */}}
{{- define "runtail.bytes" -}}
{{- $text := kindIs "string" . | ternary . (toJson .) -}}
{{- $number := regexFind "^[0-9]+(\\.[0-9]+)?" $text | float64 -}}
{{- $unit := regexReplaceAll "^[0-9]+(\\.[0-9]+)?" $text "" -}}
{{- $units := dict "" 1 "k" 1000 "M" 1000000 "G" 1000000000 "T" 1000000000000
  "Ki" 1024 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 -}}
{{- if not (hasKey $units $unit) -}}
{{- fail (printf "%q is not an amount of memory: write it as 512Mi or 2Gi." $text) -}}
{{- end -}}
{{- mulf $number (get $units $unit) | int64 -}}
{{- end }}

{{/* A number that settings give, or its default. Arguments: root, name. Numbers arrive as they are, or as text. */}}
{{- define "runtail.setting" -}}
{{- $known := get (.root.Files.Get "files/settings.json" | fromJson) .name -}}
{{- $value := get .root.Values.settings .name -}}
{{- if not (hasKey .root.Values.settings .name) -}}
{{- $value = $known.default -}}
{{- end -}}
{{- kindIs "string" $value | ternary $value (toJson $value) -}}
{{- end }}
