package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/sidecar-conformance/sidecar-conformance/cmd/sidecar-conformance/internal/guard"
	"github.com/sidecar-conformance/sidecar-conformance/cmd/sidecar-conformance/internal/show"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
)

// The exit statuses, the same for every verb and output format.
const (
	exitClean       = 0
	exitFindings    = 1
	exitUsage       = 2
	exitEnvironment = 3
	exitUnknown     = 4
	exitInterrupted = 130
)

// Streams are what a verb may touch of the world.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// Files is where names of files lead to.
	Files fs.FS
	// Create makes a file to write, for --report.
	Create func(name string) (io.WriteCloser, error)
	// Env looks up an environment variable.
	Env func(name string) string
	// Terminal is true where Out is a terminal; Width is its number of columns, 0 if unknown.
	Terminal bool
	Width    int
	// ErrTerminal is true where Err is a terminal, ErrWidth its number of columns, 0 if unknown.
	ErrTerminal bool
	ErrWidth    int
	// Self finds the file of the program, for a second process that takes away what this one leaves behind if it is killed. Nil
	// for no such process.
	Self func() (string, error)

	guard *guard.Guard
}

// Standard returns the streams of the process.
func Standard() Streams {
	s := Streams{
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Files: fixtures.OS{}, Env: os.Getenv,
		Create: func(name string) (io.WriteCloser, error) { return os.Create(name) },
		Self:   os.Executable,
	}
	if fd := int(os.Stdout.Fd()); term.IsTerminal(fd) {
		s.Terminal = true
		if width, _, err := term.GetSize(fd); err == nil {
			s.Width = width
		}
	}
	if fd := int(os.Stderr.Fd()); term.IsTerminal(fd) {
		s.ErrTerminal = s.Env("TERM") != "dumb"
		if width, _, err := term.GetSize(fd); err == nil {
			s.ErrWidth = width
		}
	}
	return s
}

// Options returns how to show things on Out.
func (s Streams) options() show.Options {
	o := show.Options{Width: 80, Color: s.Terminal && s.Env("NO_COLOR") == "" && s.Env("TERM") != "dumb"}
	if s.Width > 0 {
		o.Width = s.Width
	}
	if columns, err := strconv.Atoi(s.Env("COLUMNS")); err == nil && columns > 0 {
		o.Width = columns
	}
	return o
}

// exitError is an error that says with which status to end. Its text may be empty where all has been said.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *exitError) Unwrap() error { return e.err }

// errSaid ends with the status for bad input after the problems have been printed.
var errSaid = error(&exitError{code: exitUsage})

func usage(format string, args ...any) error {
	return &exitError{exitUsage, fmt.Errorf(format, args...)}
}

// Run runs one command line and returns the exit status.
func Run(ctx context.Context, args []string, s Streams) int {
	out := bufio.NewWriterSize(s.Out, 64<<10)
	s.Out = out
	s.guard = s.newGuard()
	defer s.guard.Close()
	root := newRoot(s)
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(out)
	root.SetErr(s.Err)
	command, err := root.ExecuteContextC(ctx)
	if flushErr := out.Flush(); err == nil {
		err = flushErr
	}
	return status(ctx, command, err, s.Err)
}

// status prints what ended the run, and turns it into an exit status.
func status(ctx context.Context, command *cobra.Command, err error, stderr io.Writer) int {
	known, ok := errors.AsType[*exitError](err)
	if ok && known.code == exitClean {
		return exitClean // an interrupt was how the verb is meant to end
	}
	if ctx.Err() != nil {
		fmt.Fprintln(stderr, "interrupted")
		return exitInterrupted
	}
	if err == nil {
		return exitClean
	}
	code := exitUsage
	if ok {
		code = known.code
	}
	if text := err.Error(); text != "" {
		for line := range strings.Lines(text) {
			fmt.Fprintf(stderr, "error: %s\n", strings.TrimSuffix(line, "\n"))
		}
		if code == exitUsage {
			fmt.Fprintf(stderr, "%s --help says more\n", command.CommandPath())
		}
	}
	return code
}

func newRoot(s Streams) *cobra.Command {
	root := &cobra.Command{
		Use:   "sidecar-conformance",
		Short: "In what order do the containers of this Pod start, restart and stop on that Kubernetes?",
		Long: "sidecar-conformance answers one question: in what order will the containers of a Pod start, restart and\n" +
			"stop on a given Kubernetes release? It runs the kubelet's mechanism in virtual time: no cluster is needed.\n\n" +
			"Exit status: 0 clean, 1 findings or a divergence, 2 bad usage or unreadable input, 3 environment failure or\n" +
			"inconclusive, 4 only unknowns under --strict, 130 interrupted.",
		Example:       examples("simulate -f pod.yaml", "simulate -f pod.yaml --target 1.28..1.37", "scenario list", "matrix releases", "verify --against sim reverse-stop-order"),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(command *cobra.Command, _ []string) error { return command.Help() },
	}
	root.AddCommand(newSimulate(s), newMatrix(s), newScenario(s), newClusters(s), newVerify(s), newRecord(s), newJudge(s), newDoctor(s), newCheck(s), newExplain(s), newVersion(s), newUndo(s))
	root.SetHelpCommand(&cobra.Command{Hidden: true})
	return root
}

// examples lays out the example lines of a help text. A test runs each of them as printed.
func examples(lines ...string) string {
	return "  sidecar-conformance " + strings.Join(lines, "\n  sidecar-conformance ")
}
