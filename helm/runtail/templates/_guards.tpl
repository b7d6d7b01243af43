{{/* What cannot work is refused with a sentence: which value, why, and what to do. Numbers as in the documentation. */}}

{{/* How Runtail is reached from outside, in words; empty if it is not. */}}
{{- define "runtail.exposure" -}}
{{- $ways := list -}}
{{- if .Values.ingress.enabled -}}{{- $ways = append $ways "ingress.enabled" -}}{{- end -}}
{{- if .Values.httpRoute.enabled -}}{{- $ways = append $ways "httpRoute.enabled" -}}{{- end -}}
{{- if and .Values.gateway.enabled (ne .Values.gateway.service.type "ClusterIP") -}}
{{- $ways = append $ways (printf "gateway.service.type=%s" .Values.gateway.service.type) -}}
{{- end -}}
{{- join ", " $ways -}}
{{- end }}

{{- define "runtail.guards" -}}
{{- include "runtail.guardsOfAccess" . -}}
{{- include "runtail.guardsOfOidc" . -}}
{{- include "runtail.guardsOfSettings" . -}}
{{- include "runtail.guardsOfServices" . -}}
{{- include "runtail.guardsOfWorkers" . -}}
{{- include "runtail.guardsOfStore" . -}}
{{- end }}

{{- define "runtail.guardsOfAccess" -}}
{{- $exposure := include "runtail.exposure" . -}}
{{- /* 1 */ -}}
{{- if and $exposure (not (include "runtail.hasLogin" .)) -}}
{{- fail (printf "%s lets people in from outside, and with auth.mode=none each of them is an administrator: set auth.mode to password, or reach it by kubectl port-forward." $exposure) -}}
{{- end -}}
{{- /* 21 */ -}}
{{- $auth := .Values.auth -}}
{{- if and (not (include "runtail.hasLogin" .)) (or $auth.policy $auth.existingPolicy $auth.password.existingSecret $auth.password.users $auth.proxy.existingSecret $auth.tokens.existingSecret) -}}
{{- fail "auth.mode=none lets everybody do everything, so that passwords, policy and tokens in auth would protect nothing: set auth.mode to password, or leave them out." -}}
{{- end -}}
{{- if and $auth.password.existingSecret $auth.password.users -}}
{{- fail "auth.password.existingSecret and auth.password.users exclude each other: leave out one of them; the file of users can have a user admin, too." -}}
{{- end -}}
{{- if and $auth.policy $auth.existingPolicy -}}
{{- fail "auth.policy and auth.existingPolicy exclude each other: leave out one of them." -}}
{{- end -}}
{{- if include "runtail.asksProxy" . -}}
{{- if not $auth.proxy.cidrs -}}
{{- fail "auth.mode=proxy believes nobody while auth.proxy.cidrs is empty: list the networks that connect to web and relay, which are those of the gateway's pods, or without the gateway those of your proxy." -}}
{{- end -}}
{{- range $auth.proxy.cidrs -}}
{{- if hasSuffix "/0" . -}}
{{- fail (printf "auth.proxy.cidrs has %s, which is every address there is: list only the networks that connect to web and relay." .) -}}
{{- end -}}
{{- end -}}
{{- if not $auth.proxy.existingSecret -}}
{{- fail (printf "auth.mode=proxy needs auth.proxy.existingSecret: a Secret with a long random text (key %s), which the proxy sends in the header Runtail-Proxy-Secret." $auth.proxy.key) -}}
{{- end -}}
{{- if not $auth.proxy.userHeader -}}
{{- fail "auth.mode=proxy needs auth.proxy.userHeader: the header with the user's name." -}}
{{- end -}}
{{- end -}}
{{- /* 12 */ -}}
{{- if not (or .Values.gateway.enabled .Values.ingress.enabled .Values.httpRoute.enabled) -}}
{{- fail "gateway.enabled=false leaves page and relay without a common address: enable ingress or httpRoute, which route both paths, or the gateway." -}}
{{- end -}}
{{- /* 8 */ -}}
{{- if and .Values.monitoring.podMonitor.enabled .Values.monitoring.serviceMonitor.enabled -}}
{{- fail "monitoring.podMonitor and monitoring.serviceMonitor would scrape everything twice, and sums would double: enable one of them." -}}
{{- end -}}
{{- end }}

{{- define "runtail.guardsOfSettings" -}}
{{- $known := .Files.Get "files/settings.json" | fromJson -}}
{{- range $name, $value := .Values.settings -}}
{{- /* 2 */ -}}
{{- with (get $known $name).instead -}}
{{- fail (printf "settings.%s is the chart's own: %s." $name .) -}}
{{- end -}}
{{- end -}}
{{- /* 13 */ -}}
{{- $beat := include "runtail.setting" (dict "root" $ "name" "RUNTAIL_BEAT_SECONDS") -}}
{{- $lease := include "runtail.setting" (dict "root" $ "name" "RUNTAIL_LEASE_SECONDS") -}}
{{- if gt (mulf $beat 2) (float64 $lease) -}}
{{- fail (printf "settings.RUNTAIL_BEAT_SECONDS=%s is more than half of RUNTAIL_LEASE_SECONDS=%s, so that living workers would count as gone: lower it, or raise the lease." $beat $lease) -}}
{{- end -}}
{{- $head := include "runtail.setting" (dict "root" $ "name" "RUNTAIL_HEAD_BYTES") -}}
{{- $quota := include "runtail.setting" (dict "root" $ "name" "RUNTAIL_QUOTA_BYTES") -}}
{{- if ge (float64 $head) (float64 $quota) -}}
{{- fail (printf "settings.RUNTAIL_HEAD_BYTES=%s leaves nothing of RUNTAIL_QUOTA_BYTES=%s for the end of a log: lower it, or raise the quota." $head $quota) -}}
{{- end -}}
{{- $ceiling := include "runtail.setting" (dict "root" $ "name" "RUNTAIL_LOG_CEILING") -}}
{{- if or (le (float64 $ceiling) 0.0) (gt (float64 $ceiling) 1.0) -}}
{{- fail (printf "settings.RUNTAIL_LOG_CEILING=%s is a part of the store's memory: more than 0, and at most 1." $ceiling) -}}
{{- end -}}
{{- end }}

{{- define "runtail.guardsOfServices" -}}
{{- $relay := .Values.relay -}}
{{- /* 3 */ -}}
{{- $drain := include "runtail.setting" (dict "root" $ "name" "RUNTAIL_DRAIN_SECONDS") -}}
{{- $needed := addf $relay.preStopSeconds $drain 8 | ceil | int -}}
{{- if lt (int $relay.terminationGracePeriodSeconds) $needed -}}
{{- fail (printf "relay.terminationGracePeriodSeconds=%d cuts viewers off: it takes relay.preStopSeconds + RUNTAIL_DRAIN_SECONDS + 8 = %d seconds to send them to another relay." (int $relay.terminationGracePeriodSeconds) $needed) -}}
{{- end -}}
{{- /* 4 */ -}}
{{- $needed = add .Values.web.preStopSeconds 15 | int -}}
{{- if lt (int .Values.web.terminationGracePeriodSeconds) $needed -}}
{{- fail (printf "web.terminationGracePeriodSeconds=%d cuts requests off: it takes web.preStopSeconds + 15 = %d seconds to end them." (int .Values.web.terminationGracePeriodSeconds) $needed) -}}
{{- end -}}
{{- /* 6 */ -}}
{{- with ($relay.resources.limits | default dict).memory -}}
{{- $limit := include "runtail.bytes" . -}}
{{- $viewers := include "runtail.setting" (dict "root" $ "name" "RUNTAIL_MAX_CONNECTIONS") -}}
{{- $need := addf 105906176 (mulf $viewers 71680) -}}
{{- if lt (mulf $limit 0.7) $need -}}
{{- fail (printf "relay.resources.limits.memory=%v is too little for RUNTAIL_MAX_CONNECTIONS=%s viewers: give it %dMi, or allow fewer viewers per relay." . $viewers (divf $need 734003.2 | ceil | int)) -}}
{{- end -}}
{{- end -}}
{{- /* 9 */ -}}
{{- range $name, $component := dict "web" .Values.web "relay" .Values.relay -}}
{{- include "runtail.guardOfAutoscaling" (dict "root" $ "name" (printf "%s.autoscaling" $name) "scaling" $component.autoscaling "prometheus" (eq $name "relay")) -}}
{{- end -}}
{{- if and (eq $relay.autoscaling.type "keda") (not $relay.autoscaling.viewersPerReplica) -}}
{{- fail "relay.autoscaling.viewersPerReplica=0 leaves KEDA nothing to scale by: say how many viewers a relay should have, or use the type hpa." -}}
{{- end -}}
{{- /* 18 */ -}}
{{- if semverCompare "<1.33.0-0" .Capabilities.KubeVersion.Version -}}
{{- range $name, $component := dict "pod" .Values.pod "web" .Values.web "relay" .Values.relay "gateway" .Values.gateway "store" .Values.store "canary" .Values.canary "worker.defaults" .Values.worker.defaults -}}
{{- if eq (dig "scheduling" "hostUsers" true $component | toString) "false" -}}
{{- fail (printf "%s.scheduling.hostUsers=false needs Kubernetes 1.33, and this cluster is %s: leave it out." $name $.Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- /* 16 */ -}}
{{- if and .Values.tests.enabled .Values.tests.killRelay (lt (int $relay.replicas) 2) (eq $relay.autoscaling.type "none") -}}
{{- fail (printf "tests.killRelay kills a relay and expects another to go on, but relay.replicas=%d: give it two, or set tests.killRelay to false." (int $relay.replicas)) -}}
{{- end -}}
{{- end }}

{{/* Arguments: name, scaling, prometheus (whether KEDA asks one). */}}
{{- define "runtail.guardOfAutoscaling" -}}
{{- if gt (int .scaling.minReplicas) (int .scaling.maxReplicas) -}}
{{- fail (printf "%s.minReplicas=%d is more than maxReplicas=%d: lower it, or raise maxReplicas." .name (int .scaling.minReplicas) (int .scaling.maxReplicas)) -}}
{{- end -}}
{{- if and .prometheus (eq .scaling.type "keda") (not .scaling.prometheus) -}}
{{- fail (printf "%s.type=keda scales by what Prometheus says: set %s.prometheus to its address, such as http://prometheus.monitoring:9090." .name .name) -}}
{{- end -}}
{{- end }}

{{- define "runtail.guardsOfWorkers" -}}
{{- if .Values.worker.enabled -}}
{{- range $pool, $own := .Values.worker.pools -}}
{{- $it := include "runtail.pool" (dict "root" $ "pool" $pool) | fromYaml -}}
{{- $name := printf "worker.pools.%s" $pool -}}
{{- /* 14 */ -}}
{{- if or (not (regexMatch "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$" $pool)) (gt (len $pool) 20) -}}
{{- fail (printf "%s is no name for a pool, since pods are named after it: small letters, digits and - between them, at most 20." $name) -}}
{{- end -}}
{{- /* 5 */ -}}
{{- if lt (int $it.terminationGracePeriodSeconds) 30 -}}
{{- fail (printf "%s.terminationGracePeriodSeconds=%d is too short: a worker needs 25 seconds to end its tasks and store their output; give it 30 or more." $name (int $it.terminationGracePeriodSeconds)) -}}
{{- end -}}
{{- /* 17 */ -}}
{{- if and $it.command (ne $it.app $.Values.worker.defaults.app) -}}
{{- fail (printf "%s has both a command and an app, and the command says what runs: leave out one of them." $name) -}}
{{- end -}}
{{- /* 7 */ -}}
{{- with ($it.resources.limits | default dict).memory -}}
{{- $spool := include "runtail.setting" (dict "root" $ "name" "RUNTAIL_SPOOL_BYTES") -}}
{{- $need := addf 262144000 $spool (mulf $it.concurrency 71303168) -}}
{{- if lt (include "runtail.bytes" . | float64) $need -}}
{{- fail (printf "%s.resources.limits.memory=%v is too little for concurrency=%d: give it %dMi and what the tasks take, or run fewer at once." $name . (int $it.concurrency) (divf $need 1048576 | ceil | int)) -}}
{{- end -}}
{{- end -}}
{{- include "runtail.guardOfAutoscaling" (dict "root" $ "name" (printf "%s.autoscaling" $name) "scaling" $it.autoscaling "prometheus" true) -}}
{{- end -}}
{{- end -}}
{{- /* 19 */ -}}
{{- if and .Values.canary.enabled (not (include "runtail.checks" .)) -}}
{{- fail "canary.enabled needs a worker that has the task runtail.check: enable worker with a pool whose app is runtail_worker.app, or leave the canary out." -}}
{{- end -}}
{{- end }}

{{- define "runtail.guardsOfStore" -}}
{{- $store := .Values.store -}}
{{- if eq $store.mode "external" -}}
{{- /* 11 */ -}}
{{- if not $store.external.existingSecret -}}
{{- fail "store.mode=external needs store.external.existingSecret: a Secret with the store's URL under the key store-url; a URL in values would show its password." -}}
{{- end -}}
{{- else -}}
{{- /* 10 */ -}}
{{- range regexSplit "\n" $store.extraConfig -1 -}}
{{- $word := regexFind "^[a-z-]+" (trim . | lower) -}}
{{- if has $word (list "maxmemory" "maxmemory-policy" "appendonly" "save" "aclfile" "dir") -}}
{{- fail (printf "store.extraConfig sets %s, with which the store could lose runs or be unreachable: leave it out (maxmemory is store.maxmemory, fsync store.appendfsync)." $word) -}}
{{- end -}}
{{- end -}}
{{- if and $store.exporter.enabled (not (or $store.exporter.image.tag $store.exporter.image.digest)) -}}
{{- fail "store.exporter.image has no tag: set store.exporter.image.tag, so that an upgrade does not change it unseen." -}}
{{- end -}}
{{- include "runtail.guardOfStoreVolume" . -}}
{{- end -}}
{{- end }}

{{/* A claim with runs is not left behind, and Kubernetes changes nothing of the claim that a StatefulSet was made with. */}}
{{- define "runtail.guardOfStoreVolume" -}}
{{- $volume := .Values.store.persistence -}}
{{- $name := printf "%s-store" (include "runtail.fullname" .) -}}
{{- $claim := printf "data-%s-0" $name -}}
{{- /* 15 */ -}}
{{- if not $volume.enabled -}}
{{- if lookup "v1" "PersistentVolumeClaim" .Release.Namespace $claim -}}
{{- fail (printf "store.persistence.enabled=false would leave the runs in the claim %[1]s behind: keep persistence on, or, to begin without these runs, back them up, run kubectl -n %[2]s delete --ignore-not-found statefulset/%[3]s persistentvolumeclaim/%[1]s and upgrade again." $claim .Release.Namespace $name) -}}
{{- end -}}
{{- end -}}
{{- /* 20 */ -}}
{{- with lookup "apps/v1" "StatefulSet" .Release.Namespace $name -}}
{{- $delete := printf "kubectl -n %s delete statefulset %s --cascade=orphan" $.Release.Namespace $name -}}
{{- $was := .spec.volumeClaimTemplates | default list -}}
{{- $own := and $volume.enabled (not $volume.existingClaim) -}}
{{- if ne (not $was) (not $own) -}}
{{- fail (printf "store.persistence: the StatefulSet %s was made %s a claim of its own, and an upgrade cannot change that: set store.persistence back, or run %s and upgrade again; the store then starts with the volume that the new values name." $name ($was | empty | ternary "without" "with") $delete) -}}
{{- end -}}
{{- if and $own (ne (include "runtail.bytes" (first $was).spec.resources.requests.storage) (include "runtail.bytes" $volume.size)) -}}
{{- fail (printf "store.persistence.size=%v is not the %v that the StatefulSet %s was made with, and an upgrade cannot change that: enlarge the claim %s if its storage class can, run %s and upgrade again." $volume.size (first $was).spec.resources.requests.storage $name $claim $delete) -}}
{{- end -}}
{{- if $own -}}
{{- $before := pick (first $was).spec "accessModes" "storageClassName" | toJson -}}
{{- $now := pick (include "runtail.storeClaim" $ | fromYaml) "accessModes" "storageClassName" | toJson -}}
{{- if ne $before $now -}}
{{- fail (printf "store.persistence asks for a claim with %s, but the StatefulSet %s was made with %s, and an upgrade cannot change that: set storageClass and accessModes back, or make a claim of the new kind, copy the store's files into it, name it as store.persistence.existingClaim, run %s and upgrade again." $now $name $before $delete) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end }}
