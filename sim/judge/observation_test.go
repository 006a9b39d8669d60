package judge_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sidecar-conformance/sidecar-conformance/sim/judge"
	"github.com/sidecar-conformance/sidecar-conformance/sim/trace"
)

// full is an observation with something in each field.
func full(t testing.TB) *judge.Observation {
	t.Helper()
	item, target := scenario(t, "termination/hooks-on-every-container"), resolveTarget(t, "1.29")
	o := observed(played(t, &item.Scenario, target, 4), &item.Scenario, target, 4)
	o.ClockPhase = 250 * time.Millisecond
	o.Gaps = []judge.Gap{{Source: judge.SourceWatch, From: 1, To: 2, Planned: true, Why: "the node rebooted"}}
	o.Foreign = []string{"somebody"}
	o.Provenance.Runtime, o.Provenance.NodeImage, o.Provenance.Node = "containerd 2.1.4", "kindest/node:v1.29.15", "n"
	o.Provenance.Date, o.Provenance.Tool = "2026-01-02T03:04:05Z", "sidecar-conformance abc"
	return o
}

func TestObservationRoundTrips(t *testing.T) {
	for _, item := range scenarios(t) {
		for _, text := range []string{"1.28+SidecarContainers", "1.37"} {
			target := resolveTarget(t, text)
			roundTrip(t, observed(played(t, &item.Scenario, target, 3), &item.Scenario, target, 3))
		}
	}
	roundTrip(t, full(t))
}

func roundTrip(t *testing.T, o *judge.Observation) {
	t.Helper()
	data, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	read, err := judge.ReadJSON(data)
	if err != nil {
		t.Fatalf("%s: %v", o.Scenario, err)
	}
	again, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(data, again) {
		t.Errorf("%s is read as another:\n%s\n%s", o.Scenario, data, again)
	}
	a, b := *o, *read
	a.Seen, b.Seen, a.Statuses, b.Statuses = nil, nil, nil, nil // compared as bytes; empty lists and missing runs may differ
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s: %+v is read as %+v", o.Scenario, a, b)
	}
}

// TestObservationIsReadStrictly breaks the JSON form in single places.
func TestObservationIsReadStrictly(t *testing.T) {
	data, err := json.Marshal(full(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ was, is, want string }{
		{`observation/v1alpha1`, `observation/v0`, "is not known"},
		{`"slack":"0.2s"`, `"slack":"200ms"`, "slack: "},
		{`"horizon":"`, `"horizon":"x`, "horizon: "},
		{`"sources":["runtime"`, `"sources":["ear"`, `sources[0]: "ear" is no source`},
		{`"role":"sidecar"`, `"role":"wheel"`, `role: "wheel" is not a known word`},
		{`"kind":"created"`, `"kind":"born"`, "seen["},
		{`"scenario":`, `"scenery":`, "scenery"},
		{`"phase":"Pending"`, `"phase":"Waiting"`, "statuses["},
		{`{"event":{`, `{"event":{"color":"red",`, "seen[0].event"},
		{`"source":"runtime"`, `"source":"hearsay"`, "hearsay"},
		{`"from":"0.000000001s"`, `"from":"5s"`, "gaps[0]"},
		{`}]}`, `}]} x`, ""},
	} {
		broken := strings.Replace(string(data), c.was, c.is, 1)
		if broken == string(data) {
			t.Errorf("%q does not occur", c.was)
			continue
		}
		if _, err := judge.ReadJSON([]byte(broken)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: error %v, want %q", c.is, c.was, err, c.want)
		}
	}
}

// TestCheckFindsEachInconsistency breaks an observation in single places.
func TestCheckFindsEachInconsistency(t *testing.T) {
	if err := full(t).Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want  string
		spoil func(o *judge.Observation)
	}{
		{"scenario: empty", func(o *judge.Observation) { o.Scenario = "" }},
		{"target: empty", func(o *judge.Observation) { o.Target = "" }},
		{"is used twice", func(o *judge.Observation) { o.Containers[1].Name = o.Containers[0].Name }},
		{"clockPhase", func(o *judge.Observation) { o.ClockPhase = time.Second }},
		{"slack", func(o *judge.Observation) { o.Slack = -1 }},
		{"horizon", func(o *judge.Observation) { o.Horizon = -1 }},
		{"behind the horizon", func(o *judge.Observation) { o.Horizon = 1 }},
		{"not sorted", func(o *judge.Observation) { o.Provenance.Gates[0].Name = "Z" }},
		{"neither apiserver nor kubelet", func(o *judge.Observation) { o.Provenance.Gates[0].Component = "a" }},
		{"twice or out of order", func(o *judge.Observation) { o.Sources[1] = o.Sources[0] }},
		{"is no span", func(o *judge.Observation) { o.Seen[1].Latest = o.Seen[1].Earliest - 1 }},
		{"sort by earliest", func(o *judge.Observation) { o.Seen[1].Earliest, o.Seen[1].Latest = 1<<40, 1<<40 }},
		{"not one of the sources", func(o *judge.Observation) { o.Seen[0].Source = judge.SourceKubeEvent }},
		{"is no kind", func(o *judge.Observation) { o.Seen[0].Event.Kind = trace.KindNone }},
		{"event.container", func(o *judge.Observation) { o.Seen[0].Event.Container = 9 }},
		{"are not observed", func(o *judge.Observation) { o.Seen[0].Event.At = 1 }},
		{"leave at empty", func(o *judge.Observation) { o.Statuses[0].Event = 3 }},
		{"statuses[0].containers", func(o *judge.Observation) { o.Statuses[0].Containers = o.Statuses[1].Containers[:1] }},
		{"before its predecessor", func(o *judge.Observation) {
			o.Statuses[len(o.Statuses)-1].Arrived = judge.Interval{}
		}},
		{"without its", func(o *judge.Observation) {
			for i := range o.Seen {
				if o.Seen[i].Event.Kind == trace.Created {
					o.Seen[i].Event.Kind = trace.Removed
				}
			}
		}},
		{"sentinels[0].node", func(o *judge.Observation) { o.Sentinels[0].Node = "" }},
		{"gaps[0]", func(o *judge.Observation) { o.Gaps[0].To = 0 }},
	} {
		o := full(t)
		c.spoil(o)
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// TestCheckExcusesWhatAGapHides has no creation heard, of which only a gap in the runtime's own source is an excuse.
func TestCheckExcusesWhatAGapHides(t *testing.T) {
	for _, c := range []struct {
		gap     judge.Gap
		excused bool
	}{
		{judge.Gap{Source: judge.SourceRuntime}, true},
		{judge.Gap{Source: judge.SourceWatch}, false},
		{judge.Gap{Source: judge.SourceRuntime, Planned: true}, false},
		{judge.Gap{Source: judge.SourceRuntime, From: 1 << 50, To: 1 << 50}, false},
	} {
		o := full(t)
		o.Seen = slices.DeleteFunc(o.Seen, func(s judge.Seen) bool { return s.Event.Kind == trace.Created })
		o.Gaps = []judge.Gap{c.gap}
		if err := o.Check(); (err == nil) != c.excused {
			t.Errorf("%+v: %v", c.gap, err)
		}
	}
}
