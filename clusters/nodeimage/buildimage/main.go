// Command buildimage builds the image of a kind node for a release of Kubernetes from Go modules and Debian packages:
//
//	go run ./clusters/nodeimage/buildimage -release 1.29
//
// Progress goes to standard error, the name of the image to standard output. Its exit status is 0, 2 for wrong flags, 3 for a
// build that failed, or 130 when it was interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/clusters/nodeimage"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("buildimage", flag.ContinueOnError)
	flags.SetOutput(stderr)
	var o nodeimage.Options
	var release string
	var planOnly bool
	flags.StringVar(&release, "release", "", "release of Kubernetes, such as 1.29 (the newest patch release that is known) or 1.29.4")
	flags.StringVar(&o.Image, "image", "", "name of the image (default sidecar-conformance/node:vRELEASE)")
	flags.StringVar(&o.Cache, "cache", "", "folder that keeps the results of steps (default below the user's cache folder)")
	flags.StringVar(&o.Mirror, "mirror", "", "address of a mirror of Debian (default that of debootstrap)")
	flags.IntVar(&o.Jobs, "jobs", 0, "programs that the compiler runs at once (default one for each processor)")
	flags.BoolVar(&planOnly, "plan", false, "print the steps and build nothing")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	var err error
	if flags.NArg() > 0 {
		err = fmt.Errorf("argument %q: want flags only", flags.Arg(0))
	} else if o.Release, err = gates.ParseRelease(release); err == nil {
		err = o.Validate()
	}
	if err != nil {
		fmt.Fprintf(stderr, "buildimage: %v\n", err)
		return 2
	}

	if planOnly {
		err = printPlan(ctx, o, stdout)
	} else {
		o.Progress = func(p nodeimage.Progress) { printProgress(stderr, p) }
		if err = nodeimage.Build(ctx, o); err == nil {
			fmt.Fprintln(stdout, o.Image)
		}
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintf(stderr, "buildimage: interrupted; finished steps are kept\n")
		return 130
	}
	fmt.Fprintf(stderr, "buildimage: %v\n", err)
	return 3
}

func printPlan(ctx context.Context, o nodeimage.Options, w io.Writer) error {
	steps, err := nodeimage.Plan(ctx, o)
	for i, s := range steps {
		state := "to do"
		if s.Cached {
			state = "cached"
		}
		fmt.Fprintf(w, "%2d  %-24s %s  %-6s  %s\n", i+1, s.Name, s.Key, state, s.Title)
	}
	return err
}

// printProgress prints a line for each report: it must be readable in a log as well.
func printProgress(w io.Writer, p nodeimage.Progress) {
	head := fmt.Sprintf("[%2d/%d] %s", p.Number, p.Of, p.Title)
	switch p.State {
	case nodeimage.Started:
		fmt.Fprintf(w, "%s\n", head)
	case nodeimage.Running:
		fmt.Fprintf(w, "%s: %s, %.100s\n", head, p.Elapsed.Round(time.Second), p.Line)
	case nodeimage.Done:
		fmt.Fprintf(w, "%s: done in %s\n", head, p.Elapsed.Round(100*time.Millisecond))
	case nodeimage.Cached:
		fmt.Fprintf(w, "%s: cached\n", head)
	}
}
