package clusters

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"sigs.k8s.io/kind/pkg/cluster"
	"sigs.k8s.io/kind/pkg/cluster/nodes"
	kindexec "sigs.k8s.io/kind/pkg/exec"
	"sigs.k8s.io/kind/pkg/log"
)

// kind is what is used of the library of kind. A test plays it.
type kind interface {
	Create(name string, options ...cluster.CreateOption) error
	Delete(name, kubeconfig string) error
	List() ([]string, error)
	ListInternalNodes(name string) ([]nodes.Node, error)
	CollectLogs(name, dir string) error
}

// containers is what is asked of the container runtime itself, because kind cannot be interrupted while it does.
type containers interface {
	// Available returns an error that says why no container can be run.
	Available(ctx context.Context) error
	// Ensure pulls an image that is not there.
	Ensure(ctx context.Context, image string) error
}

// command is a container runtime by its command line: docker, podman or nerdctl.
type command string

func (c command) Available(ctx context.Context) error {
	_, err := c.run(ctx, "info", "--format", "{{json .}}")
	return err
}

func (c command) Ensure(ctx context.Context, image string) error {
	if _, err := c.run(ctx, "image", "inspect", image); err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	_, err := c.run(ctx, "pull", "--quiet", image)
	return err
}

// run runs a command. The error holds the last line that it wrote, which says more than its status.
func (c command) run(ctx context.Context, args ...string) (string, error) {
	var out, errs strings.Builder
	run := exec.CommandContext(ctx, string(c), args...)
	run.Stdout, run.Stderr = &out, &errs
	err := run.Run()
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		if text := strings.TrimSpace(errs.String()); text != "" {
			lines := strings.Split(text, "\n")
			err = fmt.Errorf("%w: %s", err, lines[len(lines)-1])
		}
		return "", fmt.Errorf("%s %s: %w", c, args[0], err)
	}
	return out.String(), nil
}

// newKind returns the library, with a logger of its own: kind tells its progress through that.
func newKind(runtime string, logger log.Logger) (kind, error) {
	var option cluster.ProviderOption
	switch runtime {
	case "docker":
		option = cluster.ProviderWithDocker()
	case "podman":
		option = cluster.ProviderWithPodman()
	case "nerdctl":
		option = cluster.ProviderWithNerdctl("")
	default:
		return nil, fmt.Errorf("container runtime %q: want docker, podman or nerdctl", runtime)
	}
	return cluster.NewProvider(cluster.ProviderWithLogger(logger), option), nil
}

// Progress is one step of something that takes long.
type Progress struct {
	// Cluster is the cluster's name.
	Cluster string
	// Step is what is done, such as "Preparing nodes".
	Step string
	// State is Begun, Done, Failed or Warning.
	State ProgressState
}

// ProgressState is how far a step is.
type ProgressState uint8

// The states. A Warning is no step: Step is what the warning says.
const (
	Begun ProgressState = iota
	Done
	Failed
	Warning
)

// progressLogger turns the lines that kind logs into steps.
type progressLogger struct {
	cluster string
	report  func(Progress)
}

func (l progressLogger) say(state ProgressState, text string) {
	// Images were pulled before, and said so.
	if step := plain(text); step != "" && !strings.HasPrefix(step, "Ensuring node image") {
		l.report(Progress{l.cluster, step, state})
	}
}

func (l progressLogger) Warn(message string)               { l.say(Warning, message) }
func (l progressLogger) Warnf(format string, args ...any)  { l.Warn(fmt.Sprintf(format, args...)) }
func (l progressLogger) Error(message string)              { l.say(Warning, message) }
func (l progressLogger) Errorf(format string, args ...any) { l.Error(fmt.Sprintf(format, args...)) }
func (l progressLogger) V(level log.Level) log.InfoLogger  { return progressInfo{l, level} }

type progressInfo struct {
	progressLogger
	level log.Level
}

func (i progressInfo) Enabled() bool                    { return i.level == 0 }
func (i progressInfo) Infof(format string, args ...any) { i.Info(fmt.Sprintf(format, args...)) }

// Info reads the bullets that kind writes where there is no terminal (pkg/internal/cli/status.go).
func (i progressInfo) Info(message string) {
	if i.level > 0 {
		return
	}
	text := strings.TrimSpace(message)
	for _, mark := range []struct {
		prefix string
		state  ProgressState
	}{{"•", Begun}, {"✓", Done}, {"✗", Failed}} {
		if step, found := strings.CutPrefix(text, mark.prefix); found {
			i.say(mark.state, step)
			return
		}
	}
}

// plain takes pictures, dots and blanks off the ends of a line.
func plain(text string) string {
	text = strings.Map(func(r rune) rune {
		if r > 0x2000 && r != '≤' && r != '…' {
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(strings.TrimSuffix(strings.TrimSpace(text), "...")), " ")
}

// output returns what a command of kind wrote, for an error: kind keeps it apart.
func output(err error) error {
	run := kindexec.RunErrorForError(err)
	if run == nil {
		return err
	}
	said := ""
	for line := range strings.Lines(string(run.Output)) {
		line = strings.TrimSpace(line)
		// kubeadm writes the error, and then where in its code it was.
		if line != "" && (said == "" || !strings.Contains(strings.ToLower(said), "error") || strings.HasPrefix(strings.ToLower(line), "error")) {
			said = line
		}
	}
	if said == "" {
		return err
	}
	return fmt.Errorf("%w: %s", err, said)
}
