package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/sidecar-conformance/sidecar-conformance/fixtures"
	"github.com/sidecar-conformance/sidecar-conformance/sim/rules"
	"github.com/sidecar-conformance/sidecar-conformance/suites/report"
)

const checkLong = `check holds Pods against the checks of the catalogue (profile workload): startup order, start gates, completion, restarts,
termination and grace, status, resources, compatibility. It looks at the object and runs it in virtual time, and says what is
wrong, where, why, and what to change.

Input is read as simulate does. Without --target the newest release is meant. What a process does is described as for simulate;
what nobody described is a default, and a check that depends on it says unknown. explain ID says more about a check.

Exit status: 1 if there is a finding of the severity of --fail-on or above, whatever the format; 2 if input cannot be used; 4
under --strict if nothing worse than unknown is left.`

// checkFlags are the flags of check.
type checkFlags struct {
	files             []string
	recursive         bool
	target, output    string
	behavior, reports []string
	config, failOn    string
	only, without     []string
	verbose, strict   bool
	hasTargets        bool
	queries           []string
	consumer, policy  string
	command           string
}

func newCheck(s Streams) *cobra.Command {
	var f checkFlags
	command := &cobra.Command{
		Use:   "check -f FILE|DIR|-",
		Short: "Say what is wrong with Pods that use sidecars, where, why, and what to change",
		Long:  checkLong,
		Example: examples(
			"check -f pod.yaml",
			"check -f pod.yaml --target 1.29..1.37 --fail-on error",
			"check -R -f . -o sarif --report junit=report.xml",
			"check -f pod.yaml --only ORD,GAT,TRM004 -v",
			"check -f - < pod.yaml",
		),
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			f.hasTargets = command.Flags().Changed("target")
			f.command, _ = commandLine(command, nil)
			return check(command.Context(), &f, s)
		},
	}
	flags := command.Flags()
	flags.StringArrayVarP(&f.files, "filename", "f", nil, "file, directory, or - for standard input; may be given several times")
	flags.BoolVarP(&f.recursive, "recursive", "R", false, "read the directories inside directories too")
	flags.StringVarP(&f.target, "target", "t", "", "Kubernetes releases, such as 1.29, 1.28+SidecarContainers, 1.29/{1.29,1.28} (API server/nodes),\nlists and ranges of them, or all")
	flags.StringVarP(&f.output, "output", "o", "text", "text, json, junit, sarif or markdown")
	flags.StringArrayVar(&f.reports, "report", nil, "also write FORMAT=FILE; may be given several times")
	flags.StringVar(&f.failOn, "fail-on", "error", "least severity of a finding that ends with status 1: error, warning or note")
	flags.StringSliceVar(&f.only, "only", nil, "checks or groups to make, such as ORD,TRM004")
	flags.StringSliceVar(&f.without, "without", nil, "checks or groups to leave out")
	flags.StringArrayVar(&f.behavior, "behavior", nil, "what a container's processes do, as CONTAINER=BEHAVIOR, in the form of a scenario's behavior")
	flags.StringVar(&f.config, "config", "", "file with roles, needs, budgets and suppressions")
	flags.StringArrayVar(&f.queries, "queries", nil, "file or directory of rules, alerts or dashboards that look at the Pods (STA005); may be given several times")
	flags.StringVar(&f.consumer, "status-consumer", "", "also try a program that reads statuses: a shell command that gets a Pod as JSON on its standard\ninput and prints initializing, running, ready, succeeded, failed or terminating (STA004)")
	flags.StringVar(&f.policy, "policy", "", "also try a validating policy: a shell command that gets a Pod as JSON on its standard input and ends with\nstatus 0 if it accepts the Pod, 1 if it refuses it (CMP008)")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "list every check with its reason, and the notes")
	flags.BoolVar(&f.strict, "strict", false, "end with status 4 if a check is unknown and there is no finding")
	return command
}

// checkSink is one place for the report.
type checkSink struct {
	format  report.CheckFormat
	options report.CheckTextOptions
	out     io.Writer
	close   func() error
}

// inspection is what the flags ask for.
type inspection struct {
	flags   *checkFlags
	streams Streams
	// targets are those of --target; nil means that each item says.
	targets []rules.Target
	newest  []rules.Target
	which   []*rules.Rule
	config  *fixtures.CheckConfig
	policy  rules.Policy
	// today is the day by which suppressions expire; used counts what each of them suppressed.
	today  time.Time
	used   []int
	failOn rules.Severity
	sinks  []checkSink
	report report.Checks
	// benches are where the documents are judged, each by one at a time.
	benches sync.Pool
	items   int
	bad     bool
}

func check(ctx context.Context, f *checkFlags, streams Streams) error {
	// A dozen runs for each Pod leave garbage behind and little else; memory is cheaper here than time.
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	c := &inspection{flags: f, streams: streams, today: time.Now(), benches: sync.Pool{New: func() any { return new(rules.Bench) }}}
	overrides, err := c.prepare()
	if err != nil {
		return err
	}
	options := fixtures.Options{Recursive: f.recursive, Stdin: streams.In, Defaults: c.config.Defaults(), Overrides: overrides}
	if err = c.begin(); err == nil && len(f.files) > 0 {
		err = c.run(ctx, fixtures.Documents(streams.Files, f.files, options))
	}
	if err == nil && f.consumer != "" {
		err = c.consumer(ctx)
	}
	if err == nil && f.policy != "" {
		err = c.policyProgram(ctx)
	}
	if err == nil {
		err = c.end()
	}
	return errors.Join(err, c.closeSinks())
}

// prepare checks the flags and turns them into values.
func (c *inspection) prepare() ([]fixtures.Override, error) {
	f := c.flags
	var problems []error
	if len(f.files) == 0 && f.consumer == "" && f.policy == "" {
		problems = append(problems, errors.New("nothing to check; name files with -f"))
	}
	var known bool
	if c.failOn, known = rules.ParseSeverity(f.failOn); !known {
		problems = append(problems, fmt.Errorf("--fail-on %q: want error, warning or note", f.failOn))
	}
	var err error
	if c.newest, err = checkTargets(""); err != nil {
		return nil, err
	}
	if f.hasTargets {
		if c.targets, err = checkTargets(f.target); err != nil {
			problems = append(problems, err)
		}
	}
	if c.which, err = chooseRules(f.only, f.without); err != nil {
		problems = append(problems, err)
	}
	if f.config != "" {
		if c.config, err = fixtures.LoadCheckConfig(c.streams.Files, f.config); err != nil {
			problems = append(problems, err)
		}
	}
	c.policy = c.config.Policy()
	queries, err := fixtures.LoadQueries(c.streams.Files, f.queries)
	if err != nil {
		problems = append(problems, err)
	}
	c.policy.Queries = append(slices.Clone(c.policy.Queries), queries...)
	if c.config != nil {
		c.used = make([]int, len(c.config.Suppressions))
	}
	overrides, wrong := parseOverrides(f.behavior)
	problems = append(problems, wrong...)
	if err := c.openSinks(); err != nil {
		problems = append(problems, err)
	}
	if len(problems) > 0 {
		return nil, &exitError{exitUsage, errors.Join(append(problems, c.closeSinks())...)}
	}
	return overrides, nil
}

// checkTargets resolves a list of targets; an empty one means the newest release. A target with several kinds of nodes stays one.
func checkTargets(list string) ([]rules.Target, error) {
	targets := newestTarget()
	if list != "" {
		var err error
		if targets, err = parseTargets(list); err != nil {
			return nil, err
		}
	}
	var resolved []rules.Target
	for _, t := range targets {
		one, err := rules.NewTarget(t)
		if err != nil {
			return nil, err
		}
		resolved = append(resolved, one)
	}
	return resolved, nil
}

// chooseRules picks checks by ID or group.
func chooseRules(only, without []string) ([]*rules.Rule, error) {
	var problems []error
	names := func(list []string) func(*rules.Rule) bool {
		for _, name := range list {
			if !slices.ContainsFunc(rules.All(), func(r *rules.Rule) bool { return named(r, name) }) {
				problems = append(problems, fmt.Errorf("there is no check or group %q; explain lists them", name))
			}
		}
		return func(r *rules.Rule) bool {
			return slices.ContainsFunc(list, func(name string) bool { return named(r, name) })
		}
	}
	wanted, unwanted := names(only), names(without)
	var chosen []*rules.Rule
	for _, r := range rules.All() {
		if (len(only) == 0 || wanted(r)) && !unwanted(r) {
			chosen = append(chosen, r)
		}
	}
	if len(problems) == 0 && len(chosen) == 0 {
		problems = append(problems, errors.New("no check is left"))
	}
	return chosen, errors.Join(problems...)
}

func named(r *rules.Rule, name string) bool {
	return strings.EqualFold(r.ID, name) || strings.EqualFold(string(r.Group), name)
}

func (c *inspection) openSinks() error {
	format, err := report.ParseCheckFormat(c.flags.output)
	if err != nil {
		return err
	}
	o := c.streams.options()
	c.sinks = []checkSink{{format, report.CheckTextOptions{Width: o.Width, Color: o.Color, All: c.flags.verbose}, c.streams.Out, nil}}
	for _, text := range c.flags.reports {
		file, err := c.streams.openReport(text, "sarif=report.sarif", func(word string) (err error) {
			format, err = report.ParseCheckFormat(word)
			return err
		})
		if err != nil {
			return err
		}
		c.sinks = append(c.sinks, checkSink{format, report.CheckTextOptions{Width: 100, All: c.flags.verbose}, file.out, file.close})
	}
	return nil
}

func (c *inspection) closeSinks() error {
	var closes []func() error
	for _, sink := range c.sinks {
		closes = append(closes, sink.close)
	}
	c.sinks = nil
	return closeReports(closes)
}

// checked is what has become of one document.
type checked struct {
	object []report.Checked // on each target
	notes  string
	item   bool
	bad    bool
	// suppressed counts what each suppression was used for.
	suppressed []int
}

// run checks all documents, in their order.
func (c *inspection) run(ctx context.Context, documents iter.Seq[fixtures.Document]) error {
	err := ordered(ctx, documents, runtime.GOMAXPROCS(0), func(d fixtures.Document) checked { return c.document(&d) }, func(r checked) error {
		if r.notes != "" {
			io.WriteString(c.streams.Err, r.notes)
		}
		c.bad = c.bad || r.bad
		if r.item {
			c.items++
		}
		for i, n := range r.suppressed {
			c.used[i] += n
		}
		if r.object == nil {
			return nil
		}
		return c.written(c.report.Add(r.object))
	})
	if err == nil && c.items == 0 && !c.bad {
		return usage("the input holds no Pod")
	}
	return err
}

// document checks what one document holds. It runs in several goroutines at once and changes nothing.
func (c *inspection) document(d *fixtures.Document) checked {
	switch {
	case d.Problems != nil:
		return checked{notes: d.Problems.Error() + "\n", bad: true}
	case d.Skipped != nil && d.Skipped.Definition != nil:
		s := d.Skipped
		object, used := c.other(rules.JudgeDefinition(s.Definition), s.Kind+"/-/"+s.Name, fixtures.Position{File: s.File, Line: s.Line, Column: 1})
		if object == nil {
			return checked{item: true}
		}
		return checked{item: true, object: []report.Checked{*object}, suppressed: used}
	case d.Skipped != nil:
		return checked{notes: fmt.Sprintf("%s:%d: %s %s holds no Pod, left out\n", d.Skipped.File, d.Skipped.Line, d.Skipped.Kind, d.Skipped.Name)}
	}
	r := checked{item: true, suppressed: make([]int, len(c.used))}
	targets := c.targets
	if targets == nil {
		targets = c.newest
	}
	subject := d.Item.Subject(c.config)
	assumed := d.Item.AssumptionsOf(rules.Helpers(subject, &c.policy))
	bench := c.benches.Get().(*rules.Bench)
	defer c.benches.Put(bench)
	for i := range targets {
		outcomes, err := bench.Judge(subject, &targets[i], &c.policy, c.which)
		if err != nil {
			return checked{item: true, bad: true, notes: fmt.Sprintf("%s:%d: on %s: %v\n", d.Item.File, d.Item.Line, targets[i].Target, err)}
		}
		object := report.NewChecked(d.Item, targets[i].Target.String(), outcomes, func(check string) string {
			i := c.config.Suppresses(check, d.Item.ObjectName(), c.today)
			if i < 0 {
				return ""
			}
			r.suppressed[i]++
			return c.config.Suppressions[i].Reason
		})
		object.Assumed = assumed
		r.object = append(r.object, object)
	}
	return r
}

// begin begins the report everywhere.
func (c *inspection) begin() error {
	r := &c.report
	r.Tool, r.Reproduce, r.Rules, r.FailOn = "sidecar-conformance "+buildVersion(), c.flags.command, c.which, c.failOn
	r.Partial = slices.ContainsFunc(rules.All(), func(rule *rules.Rule) bool { return rule.Core && !slices.Contains(c.which, rule) })
	targets := c.targets
	if targets == nil {
		targets = c.newest
	}
	for i := range targets {
		r.Targets = append(r.Targets, targets[i].Target.String())
	}
	for _, sink := range c.sinks {
		if err := c.written(r.To(sink.out, sink.format, sink.options)); err != nil {
			return err
		}
	}
	return nil
}

// written says of an error that it came from writing.
func (c *inspection) written(err error) error {
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}

// end ends the report, and turns it into an exit status.
func (c *inspection) end() error {
	c.noteSuppressions()
	if err := c.written(c.report.End()); err != nil {
		return err
	}
	r := &c.report
	worst, any := r.Worst()
	core, extended := r.Count(true), r.Count(false)
	switch {
	case c.bad:
		return errSaid
	case any && worst >= c.failOn:
		return &exitError{code: exitFindings}
	case c.flags.strict && core.Verdicts[rules.Unknown]+extended.Verdicts[rules.Unknown] > 0:
		return &exitError{code: exitUnknown}
	}
	return nil
}

// noteSuppressions says which suppressions have no effect: they have expired, or nothing is there for them.
func (c *inspection) noteSuppressions() {
	for i, n := range c.used {
		s := &c.config.Suppressions[i]
		switch {
		case s.Expired(c.today):
			c.report.Notes = append(c.report.Notes, fmt.Sprintf("the suppression of %s for %s expired on %s and has no effect", s.Check, s.Object, s.Expires.Format(time.DateOnly)))
		case n == 0:
			c.report.Notes = append(c.report.Notes, fmt.Sprintf("the suppression of %s for %s suppresses nothing; take it out", s.Check, s.Object))
		}
	}
}
