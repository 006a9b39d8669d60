package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sidecar-conformance/sidecar-conformance/sim"
	"github.com/sidecar-conformance/sidecar-conformance/sim/gates"
)

// Judge holds a subject against rules on a target. The outcomes come in the order of the rules. The error is that of a Pod that
// package sim cannot run at all.
func Judge(s *Subject, t *Target, p *Policy, which []*Rule) ([]Outcome, error) {
	return new(Bench).Judge(s, t, p, which)
}

// Bench is where one subject after the other is judged: its runs use the memory of those before. The zero value is ready. It is not
// for two goroutines at once.
type Bench struct{ memory sim.Memory }

// Judge is the function Judge. The traces of its findings are valid until the next call.
func (b *Bench) Judge(s *Subject, t *Target, p *Policy, which []*Rule) ([]Outcome, error) {
	b.memory.Reset()
	e := examine(s, t, p)
	e.memory = &b.memory
	outcomes := make([]Outcome, len(which))
	for i, rule := range which {
		e.judge(rule, &outcomes[i])
	}
	return outcomes, e.err
}

// exam is what all rules share that look at one subject on one target.
type exam struct {
	subject *Subject
	target  *Target
	policy  *Policy
	// parts are the containers, the init containers first; inits is their number.
	parts []part
	inits int
	edges []edge
	runs  []run
	// memory is what the runs use; nil until there is one, where nobody gave any.
	memory *sim.Memory
	err    error
}

func examine(s *Subject, t *Target, p *Policy) *exam {
	pod := &s.Scenario.Pod
	e := &exam{subject: s, target: t, policy: p, inits: len(pod.Init), parts: make([]part, 0, len(pod.Init)+len(pod.Main))}
	for i := range pod.Init {
		e.parts = append(e.parts, part{Container: &pod.Init[i], Facts: &s.Init[i], init: true, index: i, position: i})
	}
	for i := range pod.Main {
		e.parts = append(e.parts, part{Container: &pod.Main[i], Facts: &s.Main[i], index: i, position: e.inits + i})
	}
	assign(e.parts, p)
	e.helpersGoOn()
	e.findEdges()
	return e
}

// Helpers returns the helpers among the mains whose lives nobody described, in a Pod that is meant to end. Judge takes them for
// servers that go on until they are stopped, where the default would be that they end with the mains.
func Helpers(s *Subject, p *Policy) []string {
	e := examine(s, &Target{}, p)
	var list []string
	for _, helper := range e.classics() {
		if e.runsOnce() && !helper.Known.Life {
			list = append(list, helper.Name)
		}
	}
	return list
}

// helpersGoOn takes helpers among the mains for servers. The subject stays as it is.
func (e *exam) helpersGoOn() {
	changed := false
	for i := range e.parts {
		p := &e.parts[i]
		if !p.classic() || p.Known.Life || !e.runsOnce() {
			continue
		}
		if !changed {
			subject, scenario := *e.subject, *e.subject.Scenario
			scenario.Pod.Main = slices.Clone(scenario.Pod.Main)
			subject.Scenario, e.subject = &scenario, &subject
			changed = true
			for j := range scenario.Pod.Main {
				e.parts[e.inits+j].Container = &scenario.Pod.Main[j]
			}
		}
		everyRun(p.Container, func(r *sim.Process) { r.For = sim.Forever })
	}
}

func (e *exam) judge(rule *Rule, o *Outcome) {
	o.Rule = rule
	for engine, check := range [engines]func(*checking){Static: rule.static, Simulate: rule.simulate} {
		if check == nil {
			continue
		}
		c := checking{exam: e, rule: rule, engine: Engine(engine)}
		nodes := 1
		if c.engine == Simulate {
			nodes = len(e.target.Nodes)
		}
		for c.node = range nodes {
			c.said = Answer{Asked: true}
			before := len(c.findings)
			check(&c)
			if c.said.Reason == "" {
				panic("rule " + rule.ID + " said nothing about " + e.subject.Name)
			}
			c.needModel(before)
			if c.said.Verdict > c.answer.Verdict || !c.answer.Asked {
				c.answer = c.said
			}
		}
		o.Answers[engine] = c.answer
		o.add(c.findings)
		if c.answer.Verdict > o.Verdict || o.Reason == "" {
			o.Verdict, o.Reason = c.answer.Verdict, c.answer.Reason
		}
	}
}

// add takes the findings of an engine. One that the other engine has too is kept once, with the run that proves it.
func (o *Outcome) add(findings []Finding) {
	for _, f := range findings {
		same := slices.IndexFunc(o.Findings, func(other Finding) bool { return other.At == f.At && other.Message == f.Message && other.Node == "" })
		if same < 0 {
			o.Findings = append(o.Findings, f)
			continue
		}
		o.Findings[same].Trace, o.Findings[same].Events = f.Trace, f.Events
	}
}

// checking is one rule at work on one subject, with one engine.
type checking struct {
	*exam
	rule   *Rule
	engine Engine
	// node is the kind of node that is looked at.
	node int
	// said is the answer so far for this node, answer the worst of the nodes before.
	said, answer Answer
	findings     []Finding
}

// say keeps the worst verdict with its reason.
func (c *checking) say(v Verdict, reason string) {
	if v > c.said.Verdict || c.said.Reason == "" {
		c.said.Verdict, c.said.Reason = v, reason
	}
}

func (c *checking) pass(format string, args ...any)    { c.say(Pass, fmt.Sprintf(format, args...)) }
func (c *checking) skip(format string, args ...any)    { c.say(Skip, fmt.Sprintf(format, args...)) }
func (c *checking) unknown(format string, args ...any) { c.say(Unknown, fmt.Sprintf(format, args...)) }

// fail and warn add a finding, whose texts may be completed.
func (c *checking) fail(at Pointer, format string, args ...any) *Finding {
	return c.find(Fail, c.rule.Severity, at, fmt.Sprintf(format, args...))
}

func (c *checking) warn(at Pointer, format string, args ...any) *Finding {
	severity := c.rule.Severity.less()
	if c.rule.OnlyWarns {
		severity = c.rule.Severity
	}
	return c.find(Warn, severity, at, fmt.Sprintf(format, args...))
}

// note is a warning that matters least.
func (c *checking) note(at Pointer, format string, args ...any) *Finding {
	return c.find(Warn, Note, at, fmt.Sprintf(format, args...))
}

// failOrWarn warns where what it rests on was inferred.
func (c *checking) failOrWarn(inferred bool, at Pointer, format string, args ...any) *Finding {
	if inferred {
		return c.warn(at, format, args...)
	}
	return c.fail(at, format, args...)
}

func (c *checking) find(v Verdict, s Severity, at Pointer, message string) *Finding {
	c.say(v, message)
	f := Finding{Verdict: v, Severity: s, Engine: c.engine, At: at, Message: fitting(message), Remedy: c.rule.Remedy}
	if len(c.target.Nodes) > 1 && c.engine == Simulate {
		f.Node = c.here().Target.Nodes[0].String()
	}
	c.findings = append(c.findings, f)
	return &c.findings[len(c.findings)-1]
}

// because completes a finding with its explanation.
func (f *Finding) because(format string, args ...any) *Finding {
	f.Explanation = fmt.Sprintf(format, args...)
	return f
}

// do completes a finding with its own remedy.
func (f *Finding) do(format string, args ...any) *Finding {
	f.Remedy = fmt.Sprintf(format, args...)
	return f
}

// proof completes a finding with the events of a run that show it; negative positions are left out.
func (f *Finding) proof(r *run, events ...int32) *Finding {
	f.Trace = r.Trace
	for _, event := range events {
		if event >= 0 {
			f.Events = append(f.Events, event)
		}
	}
	slices.Sort(f.Events)
	f.Events = slices.Compact(f.Events)
	return f
}

// here is the target with the kind of node that is looked at.
func (c *checking) here() *gates.Resolved { return &c.target.Nodes[c.node] }

// capable reports whether all components of a target understand sidecars.
func capable(r *gates.Resolved) bool {
	return r.API.SidecarContainers && r.Scheduler.SidecarContainers && r.Kubelet.SidecarContainers
}

// allCapable reports whether that holds for every kind of node.
func (e *exam) allCapable() bool {
	for i := range e.target.Nodes {
		if !capable(&e.target.Nodes[i]) {
			return false
		}
	}
	return true
}

// sidecars returns the native sidecars, in their order.
func (e *exam) sidecars() []*part { return e.those((*part).sidecar) }

// classics returns the helpers among the mains.
func (e *exam) classics() []*part { return e.those((*part).classic) }

func (e *exam) those(is func(*part) bool) []*part {
	var list []*part
	for i := range e.parts {
		if is(&e.parts[i]) {
			list = append(list, &e.parts[i])
		}
	}
	return list
}

func (e *exam) has(is func(*part) bool) bool {
	return slices.ContainsFunc(e.parts, func(p part) bool { return is(&p) })
}

// mains returns the entries of containers that are no helpers.
func (e *exam) mains() []*part {
	return e.those(func(p *part) bool { return !p.init && !p.classic() })
}

// part returns the container with the name, nil if there is none.
func (e *exam) part(name string) *part {
	for i := range e.parts {
		if e.parts[i].Name == name {
			return &e.parts[i]
		}
	}
	return nil
}

// runsOnce reports whether the Pod is meant to end: it is a Job's, or its mains are not always restarted.
func (e *exam) runsOnce() bool {
	return e.subject.Job != nil || e.subject.Scenario.Pod.RestartPolicy != sim.RestartAlways
}

// needSidecars skips a Pod without sidecars.
func (c *checking) needSidecars() bool {
	if !c.has((*part).sidecar) {
		c.skip("the Pod has no native sidecar")
		return false
	}
	return true
}

// names lists containers for a message.
func names(parts []*part) string {
	list := make([]string, len(parts))
	for i, p := range parts {
		list[i] = p.Name
	}
	return and(list)
}

// and joins words as a sentence does.
func and(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

// fitting cuts a message to its greatest length.
func fitting(text string) string {
	runes := []rune(text)
	if len(runes) <= MaxMessage {
		return text
	}
	return string(runes[:MaxMessage-1]) + "…"
}
