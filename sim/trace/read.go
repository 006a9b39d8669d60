package trace

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// ReadJSON reads the JSON form. It is strict: unknown fields, unknown words, names outside the table of containers and
// anything that Check refuses are errors that say where.
func ReadJSON(data []byte) (*Trace, error) {
	t := new(Trace)
	if err := t.UnmarshalJSON(data); err != nil {
		return nil, err
	}
	return t, nil
}

// UnmarshalJSON reads the JSON form as ReadJSON does.
func (t *Trace) UnmarshalJSON(data []byte) error {
	// The version comes first: in a form of another version, unknown fields are no surprise.
	var head struct{ Version string }
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("reading trace: %w", place(data, err))
	}
	if head.Version != Version {
		return fmt.Errorf("reading trace: version %q is not known; this program reads %s", head.Version, Version)
	}
	var document traceJSON
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("reading trace: %w", place(data, err))
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("reading trace: there is more after the end of the trace")
	}
	read, err := document.trace()
	if err != nil {
		return fmt.Errorf("reading trace of %q on %q: %w", document.Scenario, document.Target, err)
	}
	*t = *read
	return nil
}

// place adds line and column to the errors of encoding/json that know their offset.
func place(data []byte, err error) error {
	offset := int64(-1)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = syntax.Offset
	} else if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = kind.Offset
	}
	if offset < 0 || offset > int64(len(data)) {
		return err
	}
	before := data[:offset]
	line := 1 + bytes.Count(before, []byte("\n"))
	return fmt.Errorf("line %d, column %d: %w", line, len(before)-bytes.LastIndexByte(before, '\n')-1, err)
}

// reader turns words into values and remembers the first thing that is wrong, with the path to it.
type reader struct {
	containers []Container
	path       string
	err        error
}

func (r *reader) fail(field string, err error) {
	if r.err == nil {
		r.err = fmt.Errorf("%s: %w", strings.TrimPrefix(r.path+"."+field, "."), err)
	}
}

func (r *reader) instant(field, text string) Instant {
	i, err := ParseInstant(text)
	if err != nil {
		r.fail(field, err)
	}
	return i
}

func (r *reader) duration(field, text string) time.Duration {
	if text == "" {
		return 0
	}
	d, err := parseDuration(text)
	if err != nil {
		r.fail(field, err)
	}
	return d
}

func (r *reader) container(field, name string) int {
	for i := range r.containers {
		if r.containers[i].Name == name {
			return i
		}
	}
	r.fail(field, fmt.Errorf("the trace has no container %q", name))
	return NoContainer
}

// readWord looks a word up.
func readWord[T any](r *reader, field, text string, parse func(string) (T, bool)) T {
	value, ok := parse(text)
	if !ok {
		r.fail(field, fmt.Errorf("%q is not a known word", text))
	}
	return value
}

// readList turns each element of a list into a value; an empty list is nil.
func readList[J, T any](r *reader, name string, list []J, element func(*J) T) []T {
	if len(list) == 0 {
		return nil
	}
	outer := r.path
	values := make([]T, len(list))
	for i := range list {
		r.path = fmt.Sprintf("%s%s[%d]", outer, name, i)
		values[i] = element(&list[i])
		if r.err != nil {
			break
		}
	}
	r.path = outer
	return values
}

func (d *traceJSON) trace() (*Trace, error) {
	r := &reader{}
	t := &Trace{Target: d.Target, Scenario: d.Scenario}
	if len(d.Assumed) > 0 {
		t.Assumed = d.Assumed
	}
	t.Ending = readWord(r, "ending", d.Ending, ParseEnding)
	t.EndedAt = r.instant("endedAt", d.EndedAt)
	t.Containers = readList(r, "containers", d.Containers, func(c *containerJSON) Container {
		return Container{c.Name, readWord(r, "role", c.Role, ParseRole)}
	})
	if err := checkNames(t.Containers); err != nil && r.err == nil {
		return nil, err
	}
	r.containers = t.Containers
	t.Events = readList(r, "events", d.Events, r.event)
	t.Statuses = readList(r, "statuses", d.Statuses, r.status)
	t.JobStatuses = readList(r, "jobStatuses", d.Jobs, r.jobStatus)
	t.Choices = readList(r, "choices", d.Choices, func(c *choiceJSON) Choice {
		return Choice{r.instant("at", c.At), c.Point, c.Options, c.Taken}
	})
	t.Unknown = readList(r, "unknown", d.Unknown, func(u *unknownJSON) Unknown { return Unknown(*u) })
	if r.err != nil {
		return nil, r.err
	}
	return t, t.writable()
}

func (r *reader) event(e *eventJSON) Event {
	event := Event{
		At:        r.instant("at", e.At),
		Pod:       PodRef(e.Pod),
		Container: NoContainer,
		Run:       e.Run,
		Kind:      readWord(r, "kind", e.Kind, ParseKind),
		ExitCode:  e.ExitCode,
		Reason:    e.Reason,
		Span:      r.duration("span", e.Span),
	}
	if e.Container != nil {
		event.Container = int16(r.container("container", *e.Container))
	}
	event.Causes = readList(r, ".causes", e.Causes, r.cause)
	return event
}

func (r *reader) cause(c *causeJSON) Cause {
	cause := Cause{Event: c.Event, Because: c.Because}
	switch len(c.Window) {
	case 0:
	case 2:
		cause.Window = Window{r.duration("window[0]", c.Window[0]), r.duration("window[1]", c.Window[1])}
	default:
		r.fail("window", errors.New("want two lengths, the shortest and the longest delay"))
	}
	return cause
}

func (r *reader) status(s *statusJSON) Status {
	status := Status{
		At:       r.instant("at", s.At),
		Pod:      PodRef(s.Pod),
		Phase:    readWord(r, "phase", s.Phase, ParsePhase),
		Reason:   s.Reason,
		Message:  s.Message,
		Deleting: s.Deleting,
		Event:    -1,
	}
	if s.Event != nil {
		status.Event = *s.Event
	}
	status.Conditions = readList(r, ".conditions", s.Conditions, r.condition)
	if s.Containers == nil || len(r.containers) == 0 {
		return status
	}
	status.Containers = make([]ContainerStatus, len(r.containers))
	readList(r, ".containers", s.Containers, func(c *containerStatusJSON) bool {
		i := r.container("name", c.Name)
		if i == NoContainer {
			return false
		}
		if status.Containers[i].Present {
			r.fail("name", fmt.Errorf("container %q has two entries", c.Name))
		}
		status.Containers[i] = ContainerStatus{Present: true, State: r.state("state", c.State), Last: r.state("lastState", c.LastState),
			Started: c.Started, Ready: c.Ready, Restarts: c.Restarts}
		return true
	})
	return status
}

func (r *reader) condition(c *conditionJSON) Condition {
	condition := Condition{Type: readWord(r, "type", c.Type, ParseConditionType), Reason: c.Reason, True: c.Status == "True"}
	if c.Status != "True" && c.Status != "False" {
		r.fail("status", fmt.Errorf("%q is neither True nor False", c.Status))
	}
	if c.Message == "" {
		return condition
	}
	names, isList := strings.CutPrefix(c.Message, condition.Type.messagePrefix())
	names, closed := strings.CutSuffix(names, "]")
	if !isList || !closed {
		r.fail("message", fmt.Errorf("%q is not of the form %q", c.Message, condition.Type.messagePrefix()+"a b]"))
		return condition
	}
	for _, name := range strings.Fields(names) {
		if i := r.container("message", name); i != NoContainer {
			condition.Containers = condition.Containers.With(i)
		}
	}
	return condition
}

func (r *reader) state(field string, s *stateJSON) ContainerState {
	if s == nil {
		return ContainerState{}
	}
	state := ContainerState{Kind: readWord(r, field+".kind", s.Kind, ParseStateKind), Reason: s.Reason, ExitCode: s.ExitCode, Run: -1}
	if s.Run != nil {
		state.Run = *s.Run
	}
	return state
}
