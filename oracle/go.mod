// The source that all releases share. It names no dependency on purpose: the
// module of the release that builds it (v1.28 … v1.37) decides every version.
module github.com/sidecar-conformance/sidecar-conformance/oracle

go 1.26
