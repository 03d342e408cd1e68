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

{{/* MutatingAdmissionPolicy is v1 from Kubernetes 1.36 on. */}}
{{- define "lockflight.stamps" -}}
{{- if semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version }}true{{ end -}}
{{- end }}
