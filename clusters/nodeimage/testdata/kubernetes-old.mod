// This is a generated file. Do not edit directly.

module k8s.io/kubernetes

go 1.20

require (
	github.com/spf13/cobra v1.7.0
	k8s.io/api v0.0.0
	k8s.io/utils v0.0.0-20230406110748-d93618cff8a2 // indirect
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/client-go => ./staging/src/k8s.io/client-go
	k8s.io/legacy-cloud-providers => ./staging/src/k8s.io/legacy-cloud-providers
	k8s.io/sample-apiserver => ./staging/src/k8s.io/sample-apiserver
)
