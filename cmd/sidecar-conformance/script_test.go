package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the files in the scripts that output is compared with")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"sidecar-conformance": main})
}

// TestScripts runs testdata/script/VERB_CASE.txtar, each in a directory with the files of testdata/examples.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		UpdateScripts:       *rewrite,
		Setup: func(env *testscript.Env) error {
			env.Setenv("COLUMNS", "80")
			scenarios, err := filepath.Abs(filepath.Join("..", "..", "fixtures", "scenarios"))
			if err != nil {
				return err
			}
			env.Setenv("SCENARIOS", scenarios)
			return os.CopyFS(env.WorkDir, os.DirFS(filepath.Join("testdata", "examples")))
		},
	})
}
