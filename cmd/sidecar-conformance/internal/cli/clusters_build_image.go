package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/nodeimage"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

const buildImageLong = `build-image builds the image of a kind node for a release of Kubernetes without a container registry: the programs come from Go
modules, everything else from Debian packages. A machine that reaches a registry needs none of it: kind has images of its own.

It needs Docker, Go, debootstrap, and root for debootstrap. The first image of a release takes about 12 minutes on two cores.
Results of steps are kept: what is there is not built again, and an interrupted build goes on where it was.

The name of the image is printed at the end, for clusters create --image; such images need --offline there.

Exit status: 2 for wrong flags, 3 for a build that failed.`

// buildImageFlags are the flags of build-image.
type buildImageFlags struct {
	nodeimage.Options
	dryRun bool
}

func newClustersBuildImage(s Streams) *cobra.Command {
	var f buildImageFlags
	command := &cobra.Command{
		Use:     "build-image RELEASE",
		Short:   "Build a node image of a release from Go modules and Debian packages",
		Long:    buildImageLong,
		Example: examples("clusters build-image 1.29 --dry-run"),
		Args:    cobra.MaximumNArgs(1),
		RunE:    func(command *cobra.Command, releases []string) error { return f.run(command.Context(), s, releases) },
	}
	flags := command.Flags()
	flags.StringVar(&f.Image, "image", "", "name of the image, NAME:TAG (default sidecar-conformance/node:vRELEASE)")
	flags.StringVar(&f.Cache, "cache", "", "directory that keeps the results of steps (default below the user's cache directory)")
	flags.StringVar(&f.Mirror, "mirror", "", "address of a mirror of Debian (default that of debootstrap)")
	flags.IntVar(&f.Jobs, "jobs", 0, "programs that the compiler runs at once; 0 is one for each processor")
	flags.BoolVar(&f.dryRun, "dry-run", false, "print the steps only, and which of them are done already")
	return command
}

func (f *buildImageFlags) run(ctx context.Context, s Streams, releases []string) error {
	if len(releases) == 0 {
		return usage("name the release: such as %s, its newest patch release, or one with its patch number", gates.Newest().Line())
	}
	release, err := gates.ParseRelease(releases[0])
	if err == nil {
		f.Release = release
		err = f.Validate()
	}
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if f.dryRun {
		return f.plan(ctx, s)
	}
	f.Progress = func(p nodeimage.Progress) { printStep(s.Err, p) }
	if err := nodeimage.Build(ctx, f.Options); err != nil {
		if errors.Is(err, context.Canceled) {
			fmt.Fprintln(s.Err, "finished steps are kept")
		}
		return environment(err)
	}
	_, err = fmt.Fprintln(s.Out, f.Image)
	return err
}

func (f *buildImageFlags) plan(ctx context.Context, s Streams) error {
	steps, err := nodeimage.Plan(ctx, f.Options)
	if err != nil {
		return environment(err)
	}
	w := tabwriter.NewWriter(s.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STEP\tNAME\tSTATE\tRESULT\tWHAT")
	for i, step := range steps {
		state := "to do"
		if step.Cached {
			state = "done"
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", i+1, step.Name, state, step.Key, step.Title)
	}
	return w.Flush()
}

// printStep prints a line for each report, which can be read in a log as well.
func printStep(w io.Writer, p nodeimage.Progress) {
	head := fmt.Sprintf("[%2d/%d] %s", p.Number, p.Of, p.Title)
	switch p.State {
	case nodeimage.Started:
		fmt.Fprintf(w, "%s\n", head)
	case nodeimage.Running:
		fmt.Fprintf(w, "%s: %s, %.100s\n", head, p.Elapsed.Round(time.Second), p.Line)
	case nodeimage.Done:
		fmt.Fprintf(w, "%s: done in %s\n", head, p.Elapsed.Round(100*time.Millisecond))
	case nodeimage.Cached:
		fmt.Fprintf(w, "%s: done before\n", head)
	}
}
