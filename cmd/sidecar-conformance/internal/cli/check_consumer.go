package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

// consumerTimeout is how long a program may take for one Pod.
const consumerTimeout = 30 * time.Second

// consumer tries a program that reads statuses: check STA004.
func (c *inspection) consumer(ctx context.Context) error {
	list, err := fixtures.StatusFixtures()
	if err != nil {
		return err
	}
	for i := range list {
		askConsumer(ctx, c.flags.consumer, &list[i])
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	outcome := rules.JudgeConsumer(list)
	i := slices.Index(c.which, outcome.Rule)
	if i < 0 {
		return nil // it was left out
	}
	object := report.Checked{Object: "Program/-/" + strings.Fields(c.flags.consumer)[0], File: strings.Fields(c.flags.consumer)[0], Line: 1, Target: "any", Results: make([]report.CheckResult, len(c.which))}
	for j := range object.Results {
		object.Results[j].Reason = "it is about Pods"
	}
	result := &object.Results[i]
	result.Verdict, result.Reason = outcome.Verdict, outcome.Reason
	result.Answers = []report.CheckAnswer{{Engine: rules.Static, Verdict: outcome.Verdict, Reason: outcome.Reason}}
	for _, f := range outcome.Findings {
		object.Findings = append(object.Findings, report.CheckFinding{
			Rule: i, Verdict: f.Verdict, Severity: f.Severity, At: fixtures.Position{File: object.File, Line: 1, Column: 1}, Message: f.Message, Remedy: f.Remedy,
		})
	}
	return c.written(c.report.Add([]report.Checked{object}))
}

// askConsumer gives the program one Pod on its standard input, and reads its answer: the first word of its output.
func askConsumer(ctx context.Context, command string, f *rules.StatusFixture) {
	ctx, cancel := context.WithTimeout(ctx, consumerTimeout)
	defer cancel()
	program := exec.CommandContext(ctx, "sh", "-c", command)
	program.Stdin = bytes.NewReader(f.Pod)
	program.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	program.Stdout, program.Stderr = &stdout, &stderr
	err := program.Run()
	words := strings.Fields(stdout.String())
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		f.Problem = fmt.Sprintf("it takes longer than %v", consumerTimeout)
	case err != nil:
		first, _, _ := strings.Cut(strings.TrimSpace(stderr.String()), "\n")
		f.Problem = strings.TrimSpace(err.Error() + " " + first)
	case len(words) == 0:
		f.Problem = "it prints nothing"
	default:
		f.Got = words[0]
	}
}
