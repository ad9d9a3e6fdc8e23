{{- define "sluice.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "sluice.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "sluice.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* What belongs to the cluster carries the namespace in its name: two releases of one name may live side by side. */}}
{{- define "sluice.clusterName" -}}
{{- printf "%s-%s" .Release.Namespace (include "sluice.fullname" .) -}}
{{- end -}}

{{- define "sluice.selectorLabels" -}}
app.kubernetes.io/name: {{ include "sluice.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "sluice.labels" -}}
{{ include "sluice.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "sluice.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "sluice.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "sluice.leaseName" -}}
{{- default (include "sluice.fullname" .) .Values.leaderElection.leaseName -}}
{{- end -}}

{{- define "sluice.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The operator needs its own grace, and a little more to give back the Lease and to exit. */}}
{{- define "sluice.terminationGracePeriodSeconds" -}}
{{- $grace := .Values.operator.shutdownGrace -}}
{{- $seconds := trimSuffix "m" (trimSuffix "s" $grace) | int -}}
{{- if hasSuffix "m" $grace -}}
{{- $seconds = mul $seconds 60 -}}
{{- end -}}
{{- add $seconds 10 -}}
{{- end -}}

{{/* What the operator may do where it watches. It never writes a spec or a Secret. */}}
{{- define "sluice.rules" -}}
- apiGroups: [sluice.dev]
  resources: [databasemigrations, migrationapprovals]
  verbs: [get, list, watch]
- apiGroups: [sluice.dev]
  resources: [databasemigrations/status]
  verbs: [get, patch, update]
- apiGroups: [""]
  resources: [configmaps, secrets]
  verbs: [get, list, watch]
# Plans are shown in ConfigMaps; those that are not the operator's own are never touched.
- apiGroups: [""]
  resources: [configmaps]
  verbs: [create, delete, patch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, patch]
# What checks of web services and workloads look at.
- apiGroups: [""]
  resources: [services]
  verbs: [get]
- apiGroups: [""]
  resources: [pods]
  verbs: [list]
- apiGroups: [apps]
  resources: [deployments, statefulsets, daemonsets]
  verbs: [get]
- apiGroups: [argoproj.io]
  resources: [rollouts]
  verbs: [get]
{{- end -}}

{{/* What belongs to no namespace and is read all the same: what the platform imposes, and whether approvals are guarded. */}}
{{- define "sluice.clusterRules" -}}
- apiGroups: [sluice.dev]
  resources: [migrationpolicies]
  verbs: [get, list, watch]
- apiGroups: [""]
  resources: [namespaces]
  verbs: [get, list, watch]
- apiGroups: [admissionregistration.k8s.io]
  resources: [validatingadmissionpolicies, validatingadmissionpolicybindings]
  resourceNames: [sluice-approvals, sluice-author]
  verbs: [get]
{{- end -}}

{{/* NAME=URL, separated by commas. */}}
{{- define "sluice.endpoints" -}}
{{- $pairs := list }}
{{- range $name, $url := . }}{{ $pairs = append $pairs (printf "%s=%s" $name $url) }}{{ end -}}
{{- join "," $pairs -}}
{{- end }}
