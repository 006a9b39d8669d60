package judge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// Version names the JSON form of observations. It changes when a reader of the old form would misread the new one.
const Version = "sidecar-conformance.dev/observation/v1alpha1"

// The JSON form, field by field. Events and statuses are those of a trace, their "at" the earliest instant; "latest" is left out where
// it is the same.
type (
	observationJSON struct {
		Version    string          `json:"version"`
		Scenario   string          `json:"scenario"`
		Target     string          `json:"target"`
		Provenance provenanceJSON  `json:"provenance"`
		Sources    []string        `json:"sources"`
		Removals   bool            `json:"removals,omitempty"`
		Containers []containerJSON `json:"containers"`
		ClockPhase string          `json:"clockPhase,omitempty"`
		Slack      string          `json:"slack"`
		Horizon    string          `json:"horizon"`
		Gaps       []gapJSON       `json:"gaps,omitempty"`
		Foreign    []string        `json:"foreign,omitempty"`
		Sentinels  []sentinelJSON  `json:"sentinels,omitempty"`
		Seen       []seenJSON      `json:"seen,omitempty"`
		Statuses   []seenJSON      `json:"statuses,omitempty"`
	}
	containerJSON struct {
		Name string `json:"name"`
		Role string `json:"role"`
	}
	provenanceJSON struct {
		APIServer string     `json:"apiserver,omitempty"`
		Kubelet   string     `json:"kubelet,omitempty"`
		Gates     []gateJSON `json:"gates,omitempty"`
		Runtime   string     `json:"runtime,omitempty"`
		NodeImage string     `json:"nodeImage,omitempty"`
		Node      string     `json:"node,omitempty"`
		Date      string     `json:"date,omitempty"`
		Tool      string     `json:"tool,omitempty"`
	}
	gateJSON struct {
		Component string `json:"component"`
		Name      string `json:"name"`
		On        bool   `json:"on"`
	}
	gapJSON struct {
		Source  string `json:"source"`
		From    string `json:"from"`
		To      string `json:"to"`
		Planned bool   `json:"planned,omitempty"`
		Why     string `json:"why,omitempty"`
	}
	sentinelJSON struct {
		Node    string `json:"node"`
		Before  bool   `json:"before"`
		Started bool   `json:"started"`
		Exited  bool   `json:"exited"`
	}
	seenJSON struct {
		Event  json.RawMessage `json:"event,omitempty"`
		Status json.RawMessage `json:"status,omitempty"`
		Latest string          `json:"latest,omitempty"`
		Source string          `json:"source,omitempty"`
	}
)

// MarshalJSON writes the JSON form. It refuses an observation that Check refuses.
func (o *Observation) MarshalJSON() ([]byte, error) {
	if err := o.Check(); err != nil {
		return nil, fmt.Errorf("writing the observation of %q on %q: %w", o.Scenario, o.Target, err)
	}
	p := &o.Provenance
	d := observationJSON{
		Version: Version, Scenario: o.Scenario, Target: o.Target, Slack: trace.FormatDuration(o.Slack), Horizon: o.Horizon.String(), Foreign: o.Foreign, Removals: o.Removals,
		Provenance: provenanceJSON{APIServer: p.APIServer, Kubelet: p.Kubelet, Runtime: p.Runtime, NodeImage: p.NodeImage, Node: p.Node, Date: p.Date, Tool: p.Tool},
	}
	if o.ClockPhase >= 0 {
		d.ClockPhase = trace.FormatDuration(o.ClockPhase)
	}
	for _, g := range p.Gates {
		d.Provenance.Gates = append(d.Provenance.Gates, gateJSON(g))
	}
	for _, s := range o.Sources {
		d.Sources = append(d.Sources, s.String())
	}
	for _, c := range o.Containers {
		d.Containers = append(d.Containers, containerJSON{c.Name, c.Role.String()})
	}
	for _, g := range o.Gaps {
		d.Gaps = append(d.Gaps, gapJSON{g.Source.String(), g.From.String(), g.To.String(), g.Planned, g.Why})
	}
	for _, s := range o.Sentinels {
		d.Sentinels = append(d.Sentinels, sentinelJSON(s))
	}
	for i := range o.Seen {
		e := o.Seen[i].Event
		e.At = o.Seen[i].Earliest
		d.Seen = append(d.Seen, seenJSON{Event: e.AppendJSON(nil, o.Containers), Latest: latestText(o.Seen[i].Interval), Source: o.Seen[i].Source.String()})
	}
	for i := range o.Statuses {
		s := o.Statuses[i].Status
		s.At = o.Statuses[i].Arrived.Earliest
		d.Statuses = append(d.Statuses, seenJSON{Status: s.AppendJSON(nil, o.Containers), Latest: latestText(o.Statuses[i].Arrived)})
	}
	return json.Marshal(d)
}

func latestText(i Interval) string {
	if i.Latest == i.Earliest {
		return ""
	}
	return i.Latest.String()
}

// ReadJSON reads the JSON form. It is strict: unknown fields and words, and anything that Check refuses, are errors that name the field.
func ReadJSON(data []byte) (*Observation, error) {
	o := new(Observation)
	if err := o.UnmarshalJSON(data); err != nil {
		return nil, err
	}
	return o, nil
}

// UnmarshalJSON reads the JSON form as ReadJSON does.
func (o *Observation) UnmarshalJSON(data []byte) error {
	var head struct{ Version string }
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("reading an observation: %w", err)
	}
	if head.Version != Version {
		return fmt.Errorf("reading an observation: version %q is not known; this program reads %s", head.Version, Version)
	}
	var d observationJSON
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return fmt.Errorf("reading an observation: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return errors.New("reading an observation: there is more after its end")
	}
	r := reader{}
	read := r.observation(&d)
	if r.problems == nil {
		r.problems = append(r.problems, read.Check())
	}
	if err := errors.Join(r.problems...); err != nil {
		return fmt.Errorf("reading the observation of %q on %q: %w", d.Scenario, d.Target, err)
	}
	*o = *read
	return nil
}

// reader turns words into values and gathers what is wrong with them.
type reader struct{ problems []error }

func (r *reader) fail(field string, err error) {
	if err != nil {
		r.problems = append(r.problems, fmt.Errorf("%s: %w", field, err))
	}
}

func (r *reader) instant(field, text string) trace.Instant {
	i, err := trace.ParseInstant(text)
	r.fail(field, err)
	return i
}

func (r *reader) duration(field, text string) time.Duration {
	d, err := trace.ParseDuration(text)
	r.fail(field, err)
	return d
}

func (r *reader) source(field, text string) Source {
	s, ok := ParseSource(text)
	if !ok {
		r.fail(field, fmt.Errorf("%q is no source; want one of %s", text, strings.Join(sourceNames[:], ", ")))
	}
	return s
}

func (r *reader) observation(d *observationJSON) *Observation {
	p := &d.Provenance
	o := &Observation{
		Scenario: d.Scenario, Target: d.Target, Foreign: d.Foreign, Removals: d.Removals, ClockPhase: -1,
		Provenance: Provenance{APIServer: p.APIServer, Kubelet: p.Kubelet, Runtime: p.Runtime, NodeImage: p.NodeImage, Node: p.Node, Date: p.Date, Tool: p.Tool},
		Slack:      r.duration("slack", d.Slack), Horizon: r.instant("horizon", d.Horizon),
	}
	if d.ClockPhase != "" {
		o.ClockPhase = r.duration("clockPhase", d.ClockPhase)
	}
	for _, g := range p.Gates {
		o.Provenance.Gates = append(o.Provenance.Gates, GateState(g))
	}
	for i, s := range d.Sources {
		o.Sources = append(o.Sources, r.source(fmt.Sprintf("sources[%d]", i), s))
	}
	for i, c := range d.Containers {
		role, ok := trace.ParseRole(c.Role)
		if !ok {
			r.fail(fmt.Sprintf("containers[%d].role", i), fmt.Errorf("%q is not a known word", c.Role))
		}
		o.Containers = append(o.Containers, trace.Container{Name: c.Name, Role: role})
	}
	for i, g := range d.Gaps {
		at := fmt.Sprintf("gaps[%d].", i)
		o.Gaps = append(o.Gaps, Gap{r.source(at+"source", g.Source), r.instant(at+"from", g.From), r.instant(at+"to", g.To), g.Planned, g.Why})
	}
	for _, s := range d.Sentinels {
		o.Sentinels = append(o.Sentinels, Sentinel(s))
	}
	if len(r.problems) > 0 {
		return o
	}
	for i := range d.Seen {
		o.Seen = append(o.Seen, r.seen(i, &d.Seen[i], o.Containers))
	}
	for i := range d.Statuses {
		o.Statuses = append(o.Statuses, r.status(i, &d.Statuses[i], o.Containers))
	}
	return o
}

func (r *reader) seen(i int, d *seenJSON, containers []trace.Container) Seen {
	at := fmt.Sprintf("seen[%d]", i)
	if d.Status != nil {
		r.fail(at, errors.New("a status among the events"))
	}
	e, err := trace.ReadEvent(d.Event, containers)
	r.fail(at+".event", err)
	s := Seen{Event: e, Interval: r.interval(at, e.At, d.Latest), Source: r.source(at+".source", d.Source)}
	s.Event.At = 0
	return s
}

func (r *reader) status(i int, d *seenJSON, containers []trace.Container) SeenStatus {
	at := fmt.Sprintf("statuses[%d]", i)
	if d.Event != nil || d.Source != "" {
		r.fail(at, errors.New("an event or a source among the statuses"))
	}
	s, err := trace.ReadStatus(d.Status, containers)
	r.fail(at+".status", err)
	seen := SeenStatus{Status: s, Arrived: r.interval(at, s.At, d.Latest)}
	seen.At = 0
	return seen
}

func (r *reader) interval(at string, earliest trace.Instant, latest string) Interval {
	if latest == "" {
		return Interval{earliest, earliest}
	}
	return Interval{earliest, r.instant(at+".latest", latest)}
}
