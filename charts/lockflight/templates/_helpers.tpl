{{/* Labels that select the operator's pod; they never change. */}}
{{- define "lockflight.selector" -}}
app.kubernetes.io/name: lockflight
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lockflight.labels" -}}
{{ include "lockflight.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "lockflight.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* MutatingAdmissionPolicy is v1 from Kubernetes 1.36 on. By version: `helm template` knows no APIs of the server. */}}
{{- define "lockflight.stamps" -}}
{{- if semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version }}true{{ end -}}
{{- end }}

{{/* The plurals of the kinds that the CRDs declare, as YAML. */}}
{{- define "lockflight.kinds" -}}
{{- range $path, $text := .Files.Glob "files/crds/*.yaml" }}
- {{ ($text | toString | fromYaml).spec.names.plural }}
{{- end }}
{{- end }}

{{/* The head of a ClusterRole whose rules are part of jobs: dict root, name, to, and labels besides (more). */}}
{{- define "lockflight.part" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: lockflight-to-{{ .name }}
  labels:
    {{- include "lockflight.labels" .root | nindent 4 }}
    {{- range .to }}
    lockflight.dev/aggregate-to-{{ . }}: "true"
    {{- end }}
    {{- range $key, $value := .more }}
    {{ $key }}: {{ $value | quote }}
    {{- end }}
rules:
{{- end }}

{{/* Subject to what it may write in a guarded namespace, as JSON, which is a CEL map as well. */}}
{{- define "lockflight.writers" -}}
{{- $lines := .Files.Get "files/writers/Kubernetes.yaml" | fromYamlArray }}
{{- range .Values.guard.platforms }}
{{- $lines = concat $lines ($.Files.Get (printf "files/writers/%s.yaml" .) | fromYamlArray) }}
{{- end }}
{{- $known := dict }}
{{- range concat $lines .Values.guard.writers }}
{{- $parts := splitList " " . }}
{{- $subject := first $parts }}
{{- $_ := set $known $subject (append (get $known $subject | default list) (rest $parts | join " ")) }}
{{- end }}
{{- toJson $known }}
{{- end }}

{{/* The tiers that are to be guarded so: dict root, how. */}}
{{- define "lockflight.tiers" -}}
{{- $tiers := list }}
{{- range $tier, $how := .root.Values.guard.enforcement }}
{{- if eq $how $.how }}{{ $tiers = append $tiers $tier }}{{ end }}
{{- end }}
{{- toJson $tiers }}
{{- end }}

{{/* A binding: dict root, name, policy, kind, actions (list), selector (dict). */}}
{{- define "lockflight.guard.binding" }}
---
apiVersion: admissionregistration.k8s.io/v1
kind: {{ .kind }}
metadata:
  name: {{ .name }}
  labels: {app.kubernetes.io/part-of: lockflight}
spec:
  policyName: {{ .policy }}
  {{- with .actions }}
  validationActions: {{ toJson . }}
  {{- end }}
  matchResources:
    namespaceSelector: {{- toYaml .selector | nindent 6 }}
{{- end }}
