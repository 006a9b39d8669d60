module github.com/sidecar-conformance/sidecar-conformance/oracle/drive

go 1.26.0

require github.com/sidecar-conformance/sidecar-conformance v0.0.0

replace github.com/sidecar-conformance/sidecar-conformance => ../..
