package suites

import (
	"bytes"
	"flag"
	"path/filepath"
	"testing"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/internal/golden"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
	"github.com/sidecar-conformance/sidecar-conformance/suites/runner"
)

var rewrite = flag.Bool("rewrite", false, "rewrite docs/verdicts.md")

// TestVerdictsPage keeps docs/verdicts.md true: the report over all recordings that are built in.
func TestVerdictsPage(t *testing.T) {
	items, err := fixtures.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	from := runner.BuiltIn()
	targets, err := from.All()
	if err != nil {
		t.Fatal(err)
	}
	c := runner.DefaultConfig(items, targets)
	c.Unlisted = true
	c.Again = again(report.Recordings)
	if c.Known, err = recorded.KnownDivergences(); err != nil {
		t.Fatal(err)
	}
	r, err := runner.Judge(t.Context(), c, from)
	if err != nil {
		t.Fatal(err)
	}
	r.Reproduce = "sidecar-conformance verify -o markdown"
	var page bytes.Buffer
	if err := r.Write(&page, report.Markdown); err != nil {
		t.Fatal(err)
	}
	golden.File(t, *rewrite, filepath.Join("..", "docs", "verdicts.md"), page.String())
}
