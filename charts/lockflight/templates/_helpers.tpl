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

{{/* MutatingAdmissionPolicy is v1 from Kubernetes 1.36 on, where it is not switched off. */}}
{{- define "lockflight.stamps" -}}
{{- $served := .Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy" }}
{{- if and $served (semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version) }}true{{ end -}}
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
