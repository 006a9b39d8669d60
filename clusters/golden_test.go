package clusters

import (
	"flag"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/internal/golden"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden files")

// wantFile compares text with a file of testdata, or writes the file with -rewrite.
func wantFile(t *testing.T, name, got string) {
	t.Helper()
	golden.Want(t, *rewrite, name, got)
}
