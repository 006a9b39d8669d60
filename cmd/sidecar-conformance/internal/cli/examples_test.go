package cli

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"sidecar-conformance": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(Run(ctx, os.Args[1:], Standard()))
		},
	})
}

// TestExamples runs every example of every help text, exactly as printed, next to the files of testdata/examples.
func TestExamples(t *testing.T) {
	scripts := t.TempDir()
	walk(newRoot(Standard()), func(command *cobra.Command) {
		if command.Example == "" {
			t.Errorf("%s has no example", command.CommandPath())
		}
		script := ""
		for line := range strings.Lines(command.Example) {
			line = strings.TrimSpace(line)
			if !strings.HasPrefix(line, command.CommandPath()) {
				t.Errorf("%s: the example %q is of another command", command.CommandPath(), line)
			}
			script += fmt.Sprintf("exec sh -c '%s'\n", strings.ReplaceAll(line, "'", "''"))
		}
		name := strings.ReplaceAll(command.CommandPath(), " ", "_") + ".txtar"
		if err := os.WriteFile(filepath.Join(scripts, name), []byte(script), 0o644); err != nil {
			t.Fatal(err)
		}
	})
	testscript.Run(t, testscript.Params{
		Dir: scripts,
		Setup: func(env *testscript.Env) error {
			return os.CopyFS(env.WorkDir, os.DirFS(filepath.Join("..", "..", "testdata", "examples")))
		},
	})
}

// walk visits the commands that the project writes: those of cobra have help of their own.
func walk(command *cobra.Command, visit func(*cobra.Command)) {
	if command.Name() == "completion" || command.Hidden {
		return
	}
	visit(command)
	for _, child := range command.Commands() {
		walk(child, visit)
	}
}
