package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

func newVersion(s Streams) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the version, and which Kubernetes releases are known",
		Example: examples("version"),
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintf(s.Out, "sidecar-conformance %s (%s, %s/%s)\nKubernetes %s to %s\ntrace format %s\n",
				buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH, gates.Oldest(), gates.Newest(), trace.Version)
			return err
		},
	}
}

// buildVersion is the module's version, and for a build from a working copy the commit.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	return info.Main.Version
}
