module github.com/sidecar-conformance/sidecar-conformance/oracle/drive

go 1.26.0

require github.com/sidecar-conformance/sidecar-conformance v0.0.0

require (
	github.com/klauspost/compress v1.20.3 // indirect
	go.yaml.in/yaml/v4 v4.0.0 // indirect
)

replace github.com/sidecar-conformance/sidecar-conformance => ../..
