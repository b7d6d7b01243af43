{{/* What all pods share. Arguments: root, component, it (the component's values over those of `pod`), pool for workers,
     image and tag, checksums (what a change of restarts the pods), account. */}}

{{- define "runtail.podMetadata" -}}
{{- $root := .root -}}
labels:
  {{- with merge (dict) .it.metadata.labels .root.Values.global.commonLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- include "runtail.selectorLabels" . | nindent 2 }}
  {{- if .storeAccess }}
  runtail.io/store-access: "true"
  {{- end }}
{{- $annotations := merge (dict) .it.metadata.annotations .root.Values.global.commonAnnotations -}}
{{- if and .root.Values.monitoring.annotations .admin -}}
{{- $annotations = merge (dict "prometheus.io/scrape" "true" "prometheus.io/port" (toString .admin)) $annotations -}}
{{- end }}
{{- with merge (dict) (.checksums | default dict) $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "runtail.isOpenShift" -}}
{{- $asked := toString .Values.global.openshift -}}
{{- if or (has $asked (list "on" "true")) (and (eq $asked "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) -}}
true
{{- end -}}
{{- end }}

{{- define "runtail.podSpec" -}}
{{- $root := .root -}}
{{- $it := .it -}}
{{- if .account }}
serviceAccountName: {{ .account }}
automountServiceAccountToken: true
{{- else }}
serviceAccountName: {{ include "runtail.serviceAccountName" $root }}
automountServiceAccountToken: {{ $root.Values.serviceAccount.automountToken }}
{{- end }}
# The variables of other Services are none of ours, and there may be thousands.
enableServiceLinks: false
terminationGracePeriodSeconds: {{ int $it.terminationGracePeriodSeconds }}
{{- $context := deepCopy ($it.podSecurityContext | default dict) -}}
{{- if include "runtail.isOpenShift" $root -}}
{{- $context = omit $context "runAsUser" "runAsGroup" "fsGroup" -}}
{{- end }}
{{- with $context }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $it.scheduling.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $it.scheduling.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with $it.scheduling.schedulerName }}
schedulerName: {{ . }}
{{- end }}
{{- if not (kindIs "invalid" $it.scheduling.hostUsers) }}
hostUsers: {{ $it.scheduling.hostUsers }}
{{- end }}
{{- with $it.scheduling.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $it.scheduling.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $it.scheduling.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $it.scheduling.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if kindIs "slice" $it.topologySpread }}
{{- with $it.topologySpread }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- else if has $it.topologySpread (list "soft" "hard") }}
topologySpreadConstraints:
  {{- $context := . }}
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ eq $it.topologySpread "hard" | ternary "DoNotSchedule" "ScheduleAnyway" }}
    labelSelector:
      matchLabels:
        {{- include "runtail.selectorLabels" $context | nindent 8 }}
    {{- if $context.rolls }}
    # Counts the pods of one version only, or a rollout would fill the wrong nodes.
    matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
{{- end }}
{{- with $it.extra.initContainers }}
initContainers:
  {{- tpl (toYaml .) $root | nindent 2 }}
{{- end }}
{{- end }}

{{/* The main container, but for ports, probes and what else it has of its own. */}}
{{- define "runtail.container" -}}
image: {{ include "runtail.image" (dict "root" .root "image" .it.image "tag" .root.Chart.AppVersion) | quote }}
imagePullPolicy: {{ .it.image.pullPolicy | default "IfNotPresent" }}
{{- with .it.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .it.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
# What a container says before it ends is the reason that `kubectl describe` shows.
terminationMessagePolicy: FallbackToLogsOnError
{{- end }}

{{/* Environment: settings, the store, extras. Further arguments: user (of the store), variables (a dict). */}}
{{- define "runtail.environment" -}}
{{- $root := .root -}}
envFrom:
  - configMapRef:
      name: {{ include "runtail.fullname" .root }}-settings
  {{- with .root.Values.existingSettings }}
  - configMapRef:
      name: {{ . }}
  {{- end }}
  {{- with .it.extra.envFrom }}
  {{- tpl (toYaml .) $root | nindent 2 }}
  {{- end }}
env:
  {{- include "runtail.storeEnvironment" . | nindent 2 }}
  {{- with and (has .component (list "web" "worker")) (include "runtail.sealSecretName" .root) }}
  - name: RUNTAIL_SEAL_KEYS
    valueFrom:
      secretKeyRef:
        name: {{ . }}
        key: RUNTAIL_SEAL_KEYS
  {{- end }}
  {{- with and (has .component (list "web" "worker")) .root.Values.messages.existingSecret }}
  - name: RUNTAIL_MESSAGE_KEYS
    valueFrom:
      secretKeyRef:
        name: {{ . }}
        key: RUNTAIL_MESSAGE_KEYS
  {{- end }}
  {{- range $name, $value := .variables }}
  - name: {{ $name }}
    value: {{ $value | quote }}
  {{- end }}
  {{- with .it.extra.env }}
  {{- tpl (toYaml .) $root | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Mounts and volumes: /tmp, the store's authorities, extras. Further argument: folders (a dict of path to size). */}}
{{- define "runtail.mounts" -}}
{{- $root := .root -}}
volumeMounts:
  {{- range $name, $folder := .folders }}
  - name: {{ $name }}
    mountPath: {{ $folder.path }}
  {{- end }}
  {{- with include "runtail.authMounts" . }}
  {{- . | trim | nindent 2 }}
  {{- end }}
  {{- with include "runtail.storeMounts" . }}
  {{- . | trim | nindent 2 }}
  {{- end }}
  {{- with .mounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .it.extra.volumeMounts }}
  {{- tpl (toYaml .) $root | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "runtail.volumes" -}}
{{- $root := .root -}}
volumes:
  {{- range $name, $folder := .folders }}
  - name: {{ $name }}
    emptyDir:
      {{- if not (or $folder.medium $folder.size) }} {}{{ end }}
      {{- with $folder.medium }}
      medium: {{ . }}
      {{- end }}
      {{- with $folder.size }}
      sizeLimit: {{ . }}
      {{- end }}
  {{- end }}
  {{- with include "runtail.authVolumes" . }}
  {{- . | trim | nindent 2 }}
  {{- end }}
  {{- with include "runtail.storeVolumes" . }}
  {{- . | trim | nindent 2 }}
  {{- end }}
  {{- with .volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .it.extra.volumes }}
  {{- tpl (toYaml .) $root | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Probes with the component's changes. Arguments: it, probes (a dict of startup, readiness, liveness). */}}
{{- define "runtail.probes" -}}
{{- $changes := .it.probes | default dict -}}
{{- range $name := list "startup" "readiness" "liveness" }}
{{- with mergeOverwrite (deepCopy (get $.probes $name | default dict)) (get $changes $name | default dict) }}
{{ $name }}Probe:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
