package nodeimage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"time"
)

// builder is one build.
type builder struct {
	options Options
	steps   []step
	cache   cache
	run     runner
	root    bool  // whether we are root, as debootstrap wants
	said    *tail // what the programs of the running step said
}

// Build builds a node image and leaves it in Docker's store under its name. What earlier builds left is used again.
//
// A failing step returns a *StepError. When ctx is cancelled, programs are ended, unfinished results and containers removed,
// and the error wraps the cause; finished steps are kept.
func Build(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	b := &builder{options: o, cache: cache{o.Cache}, run: run, root: os.Geteuid() == 0}
	return b.build(ctx)
}

// Step is a step of a build, for people.
type Step struct {
	Name, Title string
	Key         string // what its result is known by
	Cached      bool   // Build would skip it
}

// Plan returns what Build would do. It asks Docker what images there are, and the compiler for its version, and runs nothing else.
// Without Docker there are no images.
func Plan(ctx context.Context, o Options) ([]Step, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	b := &builder{options: o, cache: cache{o.Cache}, run: run, root: os.Geteuid() == 0}
	wanted, err := b.prepare(ctx)
	if err != nil {
		return nil, err
	}
	var steps []Step
	for _, s := range b.steps {
		steps = append(steps, Step{s.name, s.title, s.key, !wanted[s.name]})
	}
	return steps, nil
}

func (b *builder) build(ctx context.Context) error {
	if err := b.checkTool(ctx, docker); err != nil {
		return err
	}
	wanted, err := b.prepare(ctx)
	if err != nil {
		return err
	}
	if err := b.check(ctx, wanted); err != nil {
		return err
	}
	if err := errors.Join(b.cache.sweep(), b.sweepContainers(ctx)); err != nil {
		return err
	}
	for i := range b.steps {
		s := &b.steps[i]
		if !wanted[s.name] {
			b.options.Progress(Progress{Number: i + 1, Of: len(b.steps), Name: s.name, Title: s.title, State: Cached})
			continue
		}
		if err := b.perform(ctx, i); err != nil {
			return err
		}
	}
	return nil
}

// prepare makes the plan and finds out which steps must run: the last, unless its image is there, and before it whatever
// it needs and is not there.
func (b *builder) prepare(ctx context.Context) (wanted map[string]bool, err error) {
	goVersion, err := output(ctx, b.run, command{args: []string{"go", "env", "GOVERSION"}})
	if err != nil {
		return nil, b.toolError(compiler, err)
	}
	if b.steps, err = plan(b.options, goVersion, runtime.GOARCH); err != nil {
		return nil, err
	}
	wanted = map[string]bool{}
	var want func(name string) error
	want = func(name string) error {
		s := b.step(name)
		there, err := b.has(ctx, s)
		if there || wanted[name] || err != nil {
			return err
		}
		wanted[name] = true
		for _, needed := range s.needs {
			if err := want(needed); err != nil {
				return err
			}
		}
		return nil
	}
	return wanted, want(b.steps[len(b.steps)-1].name)
}

func (b *builder) step(name string) *step {
	for i := range b.steps {
		if b.steps[i].name == name {
			return &b.steps[i]
		}
	}
	panic("a plan without the step " + name)
}

// has reports whether the result of a step is there.
func (b *builder) has(ctx context.Context, s *step) (bool, error) {
	if !s.inDocker {
		return b.cache.has(s.name, s.key), nil
	}
	return b.hasImage(ctx, s)
}

// result returns the folder of an earlier step.
func (b *builder) result(name string) string { return b.cache.path(name, b.step(name).key) }

// tick is how often a running step is reported.
const tick = 10 * time.Second

// perform runs one step and reports it.
func (b *builder) perform(ctx context.Context, i int) error {
	s := &b.steps[i]
	b.said = &tail{}
	started := time.Now()
	report := func(state State, line string) {
		b.options.Progress(Progress{i + 1, len(b.steps), s.name, s.title, state, time.Since(started), line})
	}
	report(Started, "")

	done := make(chan struct{})
	var ticking sync.WaitGroup
	said := b.said
	ticking.Go(func() {
		ticker := time.NewTicker(tick)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
				report(Running, said.last())
			}
		}
	})
	var err error
	if s.inDocker {
		err = s.run(b, ctx, "")
	} else {
		err = b.cache.fill(s.name, s.key, func(dir string) error { return s.run(b, ctx, dir) })
	}
	close(done)
	ticking.Wait()
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return &StepError{Number: i + 1, Of: len(b.steps), Name: s.name, Title: s.title, Remedy: s.remedy, Err: err}
	}
	report(Done, "")
	return nil
}

// do runs a command of the running step.
func (b *builder) do(ctx context.Context, c command) error {
	c.said = b.said
	return b.run(ctx, c)
}

// StepError is a step that failed.
type StepError struct {
	Number, Of          int
	Name, Title, Remedy string
	Err                 error // a *CommandError if a program failed
}

// Error says which step, what failed with its last lines, and what can be done.
func (e *StepError) Error() string {
	text := fmt.Sprintf("step %d of %d, %s: %v", e.Number, e.Of, e.Title, e.Err)
	if e.Remedy != "" && !errors.Is(e.Err, context.Canceled) {
		text += "\n  what can be done: " + e.Remedy
	}
	return text
}

// Unwrap returns what failed.
func (e *StepError) Unwrap() error { return e.Err }

// check looks for everything that the wanted steps need, before the first of them runs: all that is missing at once.
func (b *builder) check(ctx context.Context, wanted map[string]bool) error {
	var problems []error
	seen := map[tool]bool{docker: true, compiler: true} // both have been asked
	for _, s := range b.steps {
		for _, t := range s.tools {
			if wanted[s.name] && !seen[t] {
				seen[t] = true
				problems = append(problems, b.checkTool(ctx, t))
			}
		}
	}
	return errors.Join(problems...)
}

// prepareScript is where the script for bare hosts lies in the project. The program does not hold it: whoever runs it must have read it.
const prepareScript = "clusters/nodeimage/prepare-docker"

func (b *builder) checkTool(ctx context.Context, t tool) error {
	switch t {
	case docker:
		_, err := output(ctx, b.run, command{args: []string{"docker", "version", "--format", "{{.Server.Version}}"}})
		return b.toolError(t, err)
	case debootstrap:
		if !b.root {
			return errors.New("debootstrap needs root to make a root file system; run this once as root (sudo), or copy the folder rootfs-… of another machine's cache")
		}
		for _, program := range []string{"debootstrap", "unshare", "tar"} {
			if err := b.run(ctx, command{args: []string{program, "--version"}}); err != nil {
				return b.toolError(t, err)
			}
		}
	}
	return nil
}

// toolError explains why a tool cannot be used.
func (b *builder) toolError(t tool, err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	switch {
	case t == docker && missing(err):
		return fmt.Errorf("the program docker is not installed: %w\n  what can be done: on a bare Debian host run %s as root", exec.ErrNotFound, prepareScript)
	case t == docker:
		return fmt.Errorf("Docker does not answer: %w\n  what can be done: start its daemon, or on a bare Debian host run %s as root", err, prepareScript)
	case t == compiler:
		return fmt.Errorf("the Go compiler cannot be used: %w\n  what can be done: install Go, the version of this project's go.mod or newer", err)
	}
	return fmt.Errorf("debootstrap cannot be used: %w\n  what can be done: install the packages debootstrap and util-linux, or run %s as root", err, prepareScript)
}
