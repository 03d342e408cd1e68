{{- define "stack.labels" -}}
app.kubernetes.io/part-of: lockflight
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{/* The targets as YAML: a list of {namespace, environment, tier, application}. */}}
{{- define "stack.targets" -}}
{{- $stack := required "stack: name the stack" .Values.stack }}
{{- $seen := dict }}
{{- range $env := .Values.environments }}
{{- $pattern := dig "spec" "target" "namespace" (printf "{application}-%s" $env.name) $env }}
{{- range $app := ($.Values.applications | default (list $stack)) }}
{{- $namespace := replace "{application}" $app $pattern }}
{{- if gt (len $namespace) 63 }}
{{- fail (printf "namespace %s has more than 63 characters: set spec.target.namespace of environment %s" $namespace $env.name) }}
{{- end }}
{{- if eq $namespace $stack }}
{{- fail (printf "environment %s deploys into the stack's own namespace %s: set another spec.target.namespace" $env.name $stack) }}
{{- end }}
{{- $owner := get $seen $namespace }}
{{- if and $owner (ne $owner $env.name) }}
{{- fail (printf "environments %s and %s both deploy into namespace %s: a target namespace belongs to one" $owner $env.name $namespace) }}
{{- end }}
{{- if not $owner }}
{{- $_ := set $seen $namespace $env.name }}
- {namespace: {{ $namespace }}, environment: {{ $env.name }}, tier: {{ $env.tier }}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Those of the targets whose guard the self-test probes. */}}
{{- define "stack.guarded" -}}
{{- range include "stack.targets" . | fromYamlArray }}
{{- if has .tier (list "UAT" "Production") }}
- {namespace: {{ .namespace }}}
{{- end }}
{{- end }}
{{- end }}

{{/* Rights that are held by name: whom values.people lists, the job, and verb and virtual resource. */}}
{{- define "stack.rights" -}}
- {people: approvers, job: approver, verb: approve, also: [review], resource: approvalroles}
- {people: signers, job: signer, verb: sign-off, resource: approvalroles}
- {people: attesters, job: attester, verb: attest, resource: evidencetypes}
- {people: waivers, job: waiver, verb: waive, resource: approvalroles}
- {people: deputies, job: deputy, verb: deputize, resource: approvalroles}
- {people: relays, job: relay, verb: relay, resource: approvalroles}
{{- end }}

{{/* Who attests what, as values.people says; where it names nobody for any type that is asked for, the releasers do. */}}
{{- define "stack.attesters" -}}
{{- $found := deepCopy (.Values.people.attesters | default dict) }}
{{- $types := list "static-analysis" "unit-tests" "integration-tests" }}
{{- range .Values.environments }}
{{- $entry := dig "entry" dict (.spec | default dict) }}
{{- $types = concat $types ($entry.evidence | default list) }}
{{- end }}
{{- $named := false }}
{{- range $types }}
{{- $named = or $named (hasKey $found .) }}
{{- end }}
{{- if not $named }}
{{- range uniq $types }}
{{- $found = set $found . ($.Values.people.releasers | default list) }}
{{- end }}
{{- end }}
{{- toYaml $found }}
{{- end }}

{{/* A RoleBinding in the stack's namespace to the Role or ClusterRole of the same name: dict root, name, subjects, kind. */}}
{{- define "stack.binding" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  name: {{ .name }}
  namespace: {{ .root.Values.stack }}
  labels: {{- include "stack.labels" .root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ .kind | default "Role" }}
  name: {{ .name }}
subjects:
{{- range .subjects }}
- kind: {{ .kind }}
  name: {{ .name | quote }}
  {{- if eq .kind "ServiceAccount" }}
  namespace: {{ .namespace }}
  {{- else }}
  apiGroup: rbac.authorization.k8s.io
  {{- end }}
{{- end }}
{{- end }}

{{/* The head of a Role in the stack's namespace: dict root, name. */}}
{{- define "stack.role" }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  name: {{ .name }}
  namespace: {{ .root.Values.stack }}
  labels: {{- include "stack.labels" .root | nindent 4 }}
rules:
{{- end }}
