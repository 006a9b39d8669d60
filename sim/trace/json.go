package trace

import (
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// The JSON form, by example. Absent fields are zero; positions start at 0; an event's causes name earlier events.
//
//	{"version": "sidecar-conformance.dev/trace/v1alpha1",
//	 "target": "1.29.15", "scenario": "two-lanes", "ending": "steady", "endedAt": "120s",
//	 "containers": [{"name":"proxy","role":"sidecar"}, {"name":"app","role":"main"}],
//	 "events": [
//	  {"at":"0s","kind":"podCreated"},
//	  {"at":"1.02s","kind":"running","container":"proxy","run":0,"causes":[{"event":0,"because":"…","window":["0s","1s"]}]}],
//	 "statuses": [
//	  {"at":"0s","phase":"Pending","event":0,
//	   "conditions":[{"type":"Ready","status":"False","reason":"ContainersNotReady","message":"containers with unready status: [proxy app]"}],
//	   "containers":[{"name":"proxy","ready":false,"started":false,"restarts":0,"state":{"kind":"waiting","reason":"PodInitializing"}}]}],
//	 "jobStatuses": [
//	  {"at":"0.01s","event":1,"active":1,"ready":0,"terminating":0,"started":"0s"},
//	  {"at":"14s","event":9,"active":0,"succeeded":1,"ready":0,"terminating":0,"started":"0s","completed":"14s",
//	   "conditions":[{"type":"Complete","status":"True","reason":"CompletionsReached","message":"…"}]}],
//	 "choices": [{"at":"40s","point":"kill order","options":2,"taken":1}],
//	 "unknown": [{"field":"spec.resizePolicy","why":"…"}]}

// MarshalJSON writes the JSON form. It refuses a trace that ReadJSON would not give back unchanged.
func (t *Trace) MarshalJSON() ([]byte, error) { return t.AppendJSON(nil) }

// AppendJSON appends the JSON form to dst, with one line for each event and each status, and no line break at its end.
func (t *Trace) AppendJSON(dst []byte) ([]byte, error) {
	return t.appendJSON(dst, "\n ", "\n  ")
}

// AppendJSONLine appends the JSON form to dst without a line break, for streams with one trace in each line.
func (t *Trace) AppendJSONLine(dst []byte) ([]byte, error) {
	return t.appendJSON(dst, "", "")
}

func (t *Trace) appendJSON(dst []byte, outer, inner string) ([]byte, error) {
	if err := t.writable(); err != nil {
		return dst, fmt.Errorf("writing trace of %q on %q: %w", t.Scenario, t.Target, err)
	}
	w := writer{out: dst, containers: t.Containers}
	w.out = append(w.out, '{')
	w.field("version").text(Version)
	w.raw(outer).field("target").text(t.Target)
	w.field("scenario").text(t.Scenario)
	w.field("ending").text(t.Ending.String())
	w.field("endedAt").instant(t.EndedAt)
	w.list(outer, "assumed", len(t.Assumed), inner, func(i int) { w.comma().text(t.Assumed[i]) })
	w.list(outer, "containers", len(t.Containers), inner, func(i int) { w.container(t.Containers[i]) })
	w.list(outer, "events", len(t.Events), inner, func(i int) { w.event(&t.Events[i]) })
	w.list(outer, "statuses", len(t.Statuses), inner, func(i int) { w.status(&t.Statuses[i]) })
	w.list(outer, "jobStatuses", len(t.JobStatuses), inner, func(i int) { w.jobStatus(&t.JobStatuses[i]) })
	w.list(outer, "choices", len(t.Choices), inner, func(i int) { w.choice(t.Choices[i]) })
	w.list(outer, "unknown", len(t.Unknown), inner, func(i int) { w.unknown(t.Unknown[i]) })
	w.close('}')
	return w.out, nil
}

// Message returns the condition's message as Kubernetes words it, or nothing where no container is named.
func (c Condition) Message(containers []Container) string {
	if c.Containers == 0 {
		return ""
	}
	names := make([]string, 0, bits.OnesCount64(uint64(c.Containers)))
	for i := range containers {
		if c.Containers.Has(i) {
			names = append(names, containers[i].Name)
		}
	}
	return c.Type.messagePrefix() + strings.Join(names, " ") + "]"
}

func (c ConditionType) messagePrefix() string {
	if c == PodInitialized {
		return "containers with incomplete status: ["
	}
	return "containers with unready status: ["
}

// writable reports what in the trace has no JSON form.
func (t *Trace) writable() error {
	problems := []error{t.Check(), checkNames(t.Containers)}
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if t.EndedAt < 0 || t.Ending.String() == "invalid" {
		bad("the ending %d at %v is not valid", t.Ending, t.EndedAt)
	}
	for i := range t.Events {
		if k := t.Events[i].Kind; k == KindNone || k >= kindCount {
			bad("event %d has no valid kind", i)
		}
	}
	for i := range t.Statuses {
		if err := t.Statuses[i].writable(t.Containers); err != nil {
			bad("status %d: %w", i, err)
		}
	}
	for i, c := range t.Choices {
		if c.At < 0 {
			bad("choice %d is at %v", i, c.At)
		}
	}
	return errors.Join(problems...)
}

func (s *Status) writable(containers []Container) error {
	if s.Phase.String() == "invalid" {
		return fmt.Errorf("phase %d is not valid", s.Phase)
	}
	for _, c := range s.Conditions {
		if c.Type.String() == "invalid" {
			return fmt.Errorf("condition type %d is not valid", c.Type)
		}
		if bits.Len64(uint64(c.Containers)) > len(containers) {
			return fmt.Errorf("condition %s names a container outside the table", c.Type)
		}
	}
	for i, c := range s.Containers {
		switch {
		case !c.Present && !c.empty():
			return fmt.Errorf("container %q is not present but has a status", containers[i].Name)
		case c.State.Kind.String() == "invalid" || c.Last.Kind.String() == "invalid":
			return fmt.Errorf("container %q has an invalid state", containers[i].Name)
		}
	}
	return nil
}

// empty reports whether the status says nothing. The run of a state that tells of none may be -1 or 0; both are read
// back as 0.
func (c ContainerStatus) empty() bool {
	for _, s := range [...]*ContainerState{&c.State, &c.Last} {
		if s.Run == -1 {
			s.Run = 0
		}
	}
	return c == ContainerStatus{}
}

func notInName(r rune) bool { return !(r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-') }

// checkNames reports names that could not stand for their container in the JSON form.
func checkNames(containers []Container) error {
	var problems []error
	for i, c := range containers {
		switch {
		case c.Name == "" || strings.ContainsFunc(c.Name, notInName):
			problems = append(problems, fmt.Errorf("containers[%d].name: %q is not a DNS label", i, c.Name))
		case c.Role.String() == "invalid":
			problems = append(problems, fmt.Errorf("containers[%d].role: %d is not valid", i, c.Role))
		}
		for _, earlier := range containers[:i] {
			if earlier.Name == c.Name {
				problems = append(problems, fmt.Errorf("containers[%d].name: %q is used twice", i, c.Name))
			}
		}
	}
	return errors.Join(problems...)
}
