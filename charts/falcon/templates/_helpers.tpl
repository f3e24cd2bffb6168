{{- define "falcon.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "falcon.name" -}}
{{- default "falcon" .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Labels that pods are selected by: (list $ "operator"). They must never change, upgrades depend on it. */}}
{{- define "falcon.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "falcon.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of every object: (list $ "operator"). */}}
{{- define "falcon.labels" -}}
{{- $root := index . 0 -}}
{{ include "falcon.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* An image: (list $ "operator"). */}}
{{- define "falcon.image" -}}
{{- $root := index . 0 -}}
{{- $component := index . 1 -}}
{{- with (index $root.Values $component).image -}}
{{ . }}
{{- else -}}
{{ $root.Values.image.registry }}/{{ $component }}:{{ default $root.Chart.AppVersion $root.Values.image.tag }}
{{- end -}}
{{- end -}}

{{- define "falcon.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Secrets, each with one purpose; the operator fills them. */}}
{{- define "falcon.secret.ca" -}}{{ include "falcon.fullname" . }}-ca{{- end -}}
{{- define "falcon.secret.sensor" -}}{{ include "falcon.fullname" . }}-tls{{- end -}}
{{- define "falcon.secret.admission" -}}{{ include "falcon.fullname" . }}-admission{{- end -}}
{{- define "falcon.secret.held" -}}{{ include "falcon.fullname" . }}-held{{- end -}}

{{- define "falcon.hub" -}}{{ include "falcon.fullname" . }}-hub{{- end -}}
{{/* The hub's certificate, and apart from it what sensors may know too: the token that they send. */}}
{{- define "falcon.secret.hub" -}}{{ include "falcon.hub" . }}-tls{{- end -}}
{{- define "falcon.secret.hubToken" -}}
{{- default (printf "%s-token" (include "falcon.hub" .)) .Values.hub.ingest.existingSecret -}}
{{- end -}}

{{/* Whether the hub has a volume: several have none, as what they keep is in PostgreSQL. */}}
{{- define "falcon.hubVolume" -}}
{{- if and .Values.hub.persistence.enabled (le (int .Values.hub.replicas) 1) }}yes{{ end -}}
{{- end -}}

{{/* Whether sensors send their alerts to the hub: it is there, and no other receiver is named. */}}
{{- define "falcon.toHub" -}}
{{- if and .Values.hub.enabled (not .Values.sensor.settings.http_output.url) }}yes{{ end -}}
{{- end -}}

{{/* The container settings of everything that is not the sensor. */}}
{{- define "falcon.restricted" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{- define "falcon.restrictedPod" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}
