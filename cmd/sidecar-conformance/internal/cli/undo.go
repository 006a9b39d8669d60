package cli

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/cmd/sidecar-conformance/internal/guard"
)

// newUndo is the guardian. The program starts it; people have no use for it.
func newUndo(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:    "undo",
		Short:  "Take away what the program that writes to standard input leaves behind",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			// Who stops all processes at once means the program, and that it cleans up. Nor does a terminal or a reader of the
			// messages matter that has gone.
			signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
			if guard.NewGuardian(s.Err).Serve(context.WithoutCancel(command.Context()), s.In) != nil {
				return &exitError{code: exitEnvironment}
			}
			return nil
		},
	}
}

// newGuard returns what the verbs tell of the clusters and namespaces that they make; nil without Self.
func (s Streams) newGuard() *guard.Guard {
	if s.Self == nil {
		return nil
	}
	return guard.New(func() (*exec.Cmd, error) {
		self, err := s.Self()
		if err != nil {
			return nil, err
		}
		command := exec.Command(self, "undo")
		command.Args[0] = "sidecar-conformance"
		command.Stderr = s.Err
		return command, nil
	}, func(err error) {
		fmt.Fprintf(s.Err, "warning: if the program is killed now, what it has made stays: %v\n", err)
	})
}

// guardNamespaces is for observe.Options. The clusters whose kubeconfigs are below the directory are ours.
func (s Streams) guardNamespaces(dir string) func(*clusters.Existing, string) func() {
	return func(e *clusters.Existing, name string) func() {
		own := strings.HasPrefix(e.From.File, filepath.Clean(dir)+string(filepath.Separator))
		return s.guard.Do(guard.Undo{Namespace: &guard.Namespace{Name: name, From: e.From, Own: own}})
	}
}

// guardClusters is for clusters that the provider of the flags makes.
func (f *providerFlags) guardClusters(s Streams) func(string) func() {
	return func(name string) func() {
		return s.guard.Do(guard.Undo{Cluster: &guard.Cluster{Name: name, Dir: f.dir, Runtime: f.runtime, Maker: os.Getpid()}})
	}
}
