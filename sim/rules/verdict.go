package rules

import "github.com/sidecar-conformance/sidecar-conformance/sim/trace"

// Verdict is the answer of a rule.
type Verdict uint8

// The verdicts, the best first. Of two engines the worse answer holds.
const (
	// Skip: the rule does not apply to the Pod or the target.
	Skip Verdict = iota
	Pass
	// Unknown: what was given does not suffice to decide.
	Unknown
	Warn
	Fail
)

var verdictWords = [...]string{"skip", "pass", "unknown", "warn", "fail"}

// String returns the word for people.
func (v Verdict) String() string { return verdictWords[v] }

// Verdicts returns all verdicts, the worst first.
func Verdicts() []Verdict { return []Verdict{Fail, Warn, Unknown, Pass, Skip} }

// ParseVerdict reads the word of a verdict.
func ParseVerdict(word string) (Verdict, bool) {
	for i := range verdictWords {
		if verdictWords[i] == word {
			return Verdict(i), true
		}
	}
	return 0, false
}

// Severity is how much a finding matters.
type Severity uint8

// The severities, the least first.
const (
	Note Severity = iota
	Warning
	Error
)

var severityWords = [...]string{"note", "warning", "error"}

// String returns the word for people, which is SARIF's too.
func (s Severity) String() string { return severityWords[s] }

// ParseSeverity reads the word of a severity.
func ParseSeverity(word string) (Severity, bool) {
	for i := range severityWords {
		if severityWords[i] == word {
			return Severity(i), true
		}
	}
	return 0, false
}

// less is one level lower.
func (s Severity) less() Severity {
	if s == Note {
		return Note
	}
	return s - 1
}

// Engine is who decided.
type Engine uint8

// The engines.
const (
	// Static looks at the object alone.
	Static Engine = iota
	// Simulate runs the Pod in virtual time.
	Simulate
	engines
)

// String returns the word for people.
func (e Engine) String() string { return [...]string{"static", "simulate"}[e] }

// Place is the object that a Pointer is relative to.
type Place uint8

// The places.
const (
	// InPod: below the Pod's template, so that paths begin with metadata or spec.
	InPod Place = iota
	// InJob: below the JobSpec.
	InJob
	// InObject: below the workload's own spec, such as that of a Deployment.
	InObject
	// Elsewhere: in another file, at the line and column that the Pointer says.
	Elsewhere
)

// Pointer names a field of the object that was judged.
type Pointer struct {
	In Place
	// Path is in kubectl's notation: spec.initContainers[1].startupProbe. Empty names the whole. A field that is not written is
	// legal; whoever looks it up takes the nearest one around it.
	Path string
	// File, Line and Column are set for Elsewhere alone.
	File         string
	Line, Column int
}

// Finding is one thing that a rule has against a Pod.
type Finding struct {
	// Verdict is Fail or Warn.
	Verdict  Verdict
	Severity Severity
	Engine   Engine
	// Node is the kind of node that the finding is about, where the target has several; else empty.
	Node string
	// At is the field to change.
	At Pointer
	// Message is one line of at most MaxMessage characters. It begins with what is wrong.
	Message string
	// Explanation says why, with the numbers; may be empty.
	Explanation string
	// Remedy says what to change.
	Remedy string
	// Trace is the run that proves the finding, nil for the static engine; Events are the positions in it to look at.
	Trace  *trace.Trace
	Events []int32
}

// MaxMessage is the greatest length of a message, in characters.
const MaxMessage = 120

// Answer is what one engine says.
type Answer struct {
	// Asked is false where the rule does not use the engine.
	Asked   bool
	Verdict Verdict
	// Reason says why, in one line. For Fail and Warn it is the message of the worst finding.
	Reason string
}

// Outcome is what one rule says of one subject on one target.
type Outcome struct {
	Rule *Rule
	// Verdict is the worst of the engines' answers.
	Verdict Verdict
	Reason  string
	// Answers are the engines', by Engine.
	Answers  [engines]Answer
	Findings []Finding
}

// Severity is that of the worst finding, Note where there is none.
func (o *Outcome) Severity() Severity {
	worst := Note
	for i := range o.Findings {
		worst = max(worst, o.Findings[i].Severity)
	}
	return worst
}
