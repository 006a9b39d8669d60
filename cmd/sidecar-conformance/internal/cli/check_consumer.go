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
	return c.program(c.flags.consumer, rules.JudgeConsumer(list))
}

// policy tries a validating policy: check CMP008.
func (c *inspection) policyProgram(ctx context.Context) error {
	list := rules.PolicyFixtures()
	for i := range list {
		f := &list[i]
		f.MainAccepted, f.Problem = askPolicy(ctx, c.flags.policy, f.Main)
		if f.Problem == "" {
			f.SidecarAccepted, f.Problem = askPolicy(ctx, c.flags.policy, f.Sidecar)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return c.program(c.flags.policy, rules.JudgePolicy(list))
}

// program reports what came of trying a program.
func (c *inspection) program(command string, outcome rules.Outcome) error {
	name := strings.Fields(command)[0]
	object, used := c.other(outcome, "Program/-/"+name, fixtures.Position{File: name, Line: 1, Column: 1})
	for i, n := range used {
		c.used[i] += n
	}
	if object == nil {
		return nil
	}
	return c.written(c.report.Add([]report.Checked{*object}))
}

// other is what a check says of something that is no Pod, nil if the check was left out, and how often each suppression was used.
func (c *inspection) other(outcome rules.Outcome, name string, at fixtures.Position) (object *report.Checked, used []int) {
	used = make([]int, len(c.used))
	i := slices.Index(c.which, outcome.Rule)
	if i < 0 {
		return nil, used
	}
	object = &report.Checked{Object: name, File: at.File, Line: at.Line, Target: "any", Results: make([]report.CheckResult, len(c.which))}
	for j := range object.Results {
		object.Results[j].Reason = "it is about Pods"
	}
	result := &object.Results[i]
	result.Verdict, result.Reason = outcome.Verdict, outcome.Reason
	result.Answers = []report.CheckAnswer{{Engine: rules.Static, Verdict: outcome.Verdict, Reason: outcome.Reason}}
	reason := ""
	if s := c.config.Suppresses(outcome.Rule.ID, name, c.today); s >= 0 && len(outcome.Findings) > 0 {
		used[s]++
		reason = c.config.Suppressions[s].Reason
		result.Suppressed = true
	}
	for _, f := range outcome.Findings {
		place := at
		if f.At.In == rules.Elsewhere {
			place = fixtures.Position{File: f.At.File, Line: f.At.Line, Column: f.At.Column, Field: f.At.Path}
		}
		object.Findings = append(object.Findings, report.CheckFinding{
			Rule: i, Verdict: f.Verdict, Severity: f.Severity, At: place, Message: f.Message, Explanation: f.Explanation, Remedy: f.Remedy, Suppressed: reason,
		})
	}
	return object, used
}

// askPolicy gives a policy one Pod on its standard input. Status 0 says that it accepts the Pod, status 1 that it refuses it.
func askPolicy(ctx context.Context, command string, pod []byte) (accepted bool, problem string) {
	_, stderr, err := give(ctx, command, pod)
	var status *exec.ExitError
	switch {
	case err == nil:
		return true, ""
	case errors.As(err, &status) && status.ExitCode() == 1:
		return false, ""
	}
	return false, strings.TrimSpace(err.Error() + " " + stderr)
}

// give runs a shell command with a Pod on its standard input, and returns its output, and the first line of what it says besides.
func give(ctx context.Context, command string, pod []byte) (stdout, stderr string, err error) {
	ctx, cancel := context.WithTimeout(ctx, consumerTimeout)
	defer cancel()
	program := exec.CommandContext(ctx, "sh", "-c", command)
	program.Stdin = bytes.NewReader(pod)
	program.WaitDelay = time.Second
	var out, said bytes.Buffer
	program.Stdout, program.Stderr = &out, &said
	err = program.Run()
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = fmt.Errorf("it takes longer than %v", consumerTimeout)
	}
	stderr, _, _ = strings.Cut(strings.TrimSpace(said.String()), "\n")
	return out.String(), stderr, err
}

// askConsumer gives the program one Pod on its standard input, and reads its answer: the first word of its output.
func askConsumer(ctx context.Context, command string, f *rules.StatusFixture) {
	stdout, stderr, err := give(ctx, command, f.Pod)
	words := strings.Fields(stdout)
	switch {
	case err != nil:
		f.Problem = strings.TrimSpace(err.Error() + " " + stderr)
	case len(words) == 0:
		f.Problem = "it prints nothing"
	default:
		f.Got = words[0]
	}
}
