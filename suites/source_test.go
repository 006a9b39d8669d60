package suites

import (
	"context"
	"fmt"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/clusters"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/fixtures/recorded"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
	"github.com/sidecar-conformance/sidecar-conformance/suites/runner"
)

// source is what needs no cluster. Each spec judges its own case, so that a label filter costs nothing.
type source struct {
	targets []gates.Target
	judge   func(ctx context.Context, item *fixtures.Item, target gates.Target) (*report.Report, error)
}

func open(name report.Source) (*source, error) {
	s := &source{}
	run := runner.Simulate
	switch name {
	case report.Sim:
		s.targets = runner.MatrixTargets()
	case report.Oracle:
		s.targets, run = runner.OracleTargets(), runner.JudgeOracle
	case report.Recordings:
		from, err := recordings()
		if err != nil {
			return nil, err
		}
		if s.targets, err = from.All(); err != nil {
			return nil, err
		}
		run = func(ctx context.Context, c runner.Config) (*report.Report, error) { return runner.Judge(ctx, c, from) }
	}
	if settings.target != "" {
		var err error
		if s.targets, err = clusters.Find(settings.target); err != nil {
			return nil, err
		}
	}
	known, err := known(name)
	s.judge = func(ctx context.Context, item *fixtures.Item, target gates.Target) (*report.Report, error) {
		c := runner.DefaultConfig([]fixtures.Item{*item}, []gates.Target{target})
		c.Known, c.Again = known, again(name)
		return run(ctx, c)
	}
	return s, err
}

// known are the divergences to suppress: those of the recordings that are built in.
func known(name report.Source) ([]recorded.Known, error) {
	if name != report.Recordings || settings.recordings != "" {
		return nil, nil
	}
	return recorded.KnownDivergences()
}

// again is the command of the program that judges a case.
func again(name report.Source) func(scenario, target string) string {
	return func(scenario, target string) string {
		return fmt.Sprintf("sidecar-conformance verify %s --target %s --against %s", scenario, target, name)
	}
}

// recordings are those of the flags, or those that are built in, read once for each target: each spec wants one of them.
func recordings() (runner.Recordings, error) {
	if settings.recordings != "" {
		return runner.FromFiles(fixtures.OS{}, strings.Split(settings.recordings, ","))
	}
	return runner.BuiltIn().Remember(), nil
}
